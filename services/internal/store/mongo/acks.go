package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

func (s *Store) acks() coll { return s.coll(string(store.QueueAck)) }

// EnqueueAcks stores acknowledgements; see store.Acks.
func (s *Store) EnqueueAcks(ctx context.Context, acks []record.Ack) error {
	if len(acks) == 0 {
		return ctx.Err()
	}
	const what = "enqueue acknowledgements"
	ids, err := s.messageIDs(ctx, string(store.QueueAck), len(acks))
	if err != nil {
		return translate(what, err)
	}
	docs, now := make([]bson.D, len(acks)), s.now()
	for i, a := range acks {
		docs[i] = bson.D{is("_id", ids[i]), is("visible", visible(now)), is("payload", bson.D{
			is("datasetId", a.Dataset), is("cuid", name(a.CUID)), is("hash", name(a.Hash)), is("timestamp", a.Timestamp)})}
	}
	return translate(what, s.acks().insertAll(ctx, docs, true))
}

// ClaimAcks claims acknowledgements; see store.Acks.
func (s *Store) ClaimAcks(ctx context.Context, n int, window time.Duration) ([]store.ClaimedAck, error) {
	docs, err := s.claim(ctx, store.QueueAck, bson.D{absent("deleted")}, n, window)
	if err != nil {
		return nil, translate("claim acknowledgements", err)
	}
	var claimed []store.ClaimedAck
	for _, d := range docs {
		p, _ := d.Lookup("payload").DocumentOK()
		claimed = append(claimed, store.ClaimedAck{Claim: claimOf(d), Ack: record.Ack{
			Dataset: text(p, "datasetId"), CUID: text(p, "cuid"), Hash: text(p, "hash"), Timestamp: number(p, "timestamp")}})
	}
	return claimed, nil
}

// FinishAcks removes the acknowledged updates, then marks the messages done: after
// a crash in between they are removed again; see store.Acks.
func (s *Store) FinishAcks(ctx context.Context, acks []store.ClaimedAck) error {
	if len(acks) == 0 {
		return ctx.Err()
	}
	const what = "finish acknowledgements"
	filters := make(bson.A, len(acks))
	for i, a := range acks {
		filters[i] = held(a.Claim)
	}
	still, err := s.acks().all(ctx, bson.D{is("$or", filters)}, find().SetProjection(only("_id")))
	if err != nil || len(still) == 0 {
		return translate(what, err)
	}
	ours := map[string]bool{}
	for _, d := range still {
		ours[id(d).Hex()] = true
	}
	byDataset := map[string][]record.Ack{}
	var done []mongo.WriteModel
	for _, a := range acks {
		if ours[a.ID] {
			byDataset[a.Ack.Dataset] = append(byDataset[a.Ack.Dataset], a.Ack)
			done = append(done, mongo.NewUpdateOneModel().SetFilter(held(a.Claim)).SetUpdate(bson.D{set(is("deleted", date(s.now())))}))
		}
	}
	for dataset, acks := range byDataset {
		if err := s.removeUpdates(ctx, dataset, acks); err != nil {
			return translate(what, err)
		}
	}
	_, err = s.acks().bulk(ctx, done)
	return translate(what, err)
}

// removeUpdates removes what devices have seen. An update that changed since it was
// read is another result, and stays.
func (s *Store) removeUpdates(ctx context.Context, dataset string, acks []record.Ack) error {
	upTo, keys := map[string]int64{}, bson.A{}
	for _, a := range acks {
		key := changeKey(record.Change{Dataset: dataset, CUID: a.CUID, Hash: a.Hash})
		keys = append(keys, key)
		upTo[key] = max(upTo[key], a.Timestamp)
	}
	updates, err := s.coll(updatesOf(dataset)).all(ctx, bson.D{op("_id", "$in", keys), present("type")},
		find().SetProjection(only("type", "n", "newest", "timestamp")))
	if err != nil {
		return err
	}
	var removes []mongo.WriteModel
	for _, u := range updates {
		key := text(u, "_id")
		if number(u, "timestamp") <= upTo[key] && shown(u) {
			removes = append(removes, mongo.NewDeleteOneModel().SetFilter(append(notSuperseded(key, number(u, "n")), is("timestamp", number(u, "timestamp")))))
		}
	}
	_, err = s.coll(updatesOf(dataset)).bulk(ctx, removes)
	return err
}
