package mongo

import (
	"context"
	"fmt"
	"iter"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// A record's _id is its uid.

// WriteRecords stores a batch of differences; see store.Runs. Before the first
// write the dataset client notes that the run writes, and which others share what
// changes: their revision must grow even if this process dies on the way (bumpShared).
func (s *Store) WriteRecords(ctx context.Context, run store.Run, upserts []record.Record, removes []string) error {
	const what = "write records"
	records := s.coll(recordsOf(run.Client.Dataset))
	changes, err := s.recordChanges(ctx, records, run.Client.ID, upserts, removes)
	if err != nil {
		return translate(what, err)
	}
	intent := bson.D{is("$max", bson.D{is("runToken", run.Token)})} // writes nothing: asks whether the run stands
	if len(changes.writes) > 0 {
		intent = bson.D{set(is("runWrote", true))}
	}
	if len(changes.sharers) > 0 {
		intent = append(intent, is("$addToSet", bson.D{is("runShared", bson.D{is("$each", changes.sharers)})}))
	}
	matched, err := s.clients().update(ctx, current(run), intent)
	if err == nil && !matched {
		err = store.ErrStale
	}
	if err == nil {
		_, err = records.bulk(ctx, changes.writes)
	}
	if err == nil && len(changes.removed) > 0 {
		// A record's data goes with the last view that holds it.
		_, err = records.deleteAll(ctx, bson.D{op("_id", "$in", changes.removed), op("refs", "$size", 0)})
	}
	if err == nil && len(changes.sharers) > 0 {
		err = s.bumpShared(ctx, run.Client.ID)
	}
	if err == nil && len(changes.writes) > 0 {
		err = s.stillCurrent(ctx, run)
	}
	return translate(what, err)
}

// stillCurrent tells, after a run has written, whether it was still under way. No
// filter can make a record's write depend on that. A run that was replaced in between may
// have put old data back: the dataset client's next run finds that, and is asked for at once.
func (s *Store) stillCurrent(ctx context.Context, run store.Run) error {
	d, err := s.clients().one(ctx, current(run), options.FindOne().SetProjection(only("_id")))
	if err != nil || d != nil {
		return err
	}
	if err := s.WantSync(ctx, store.SyncWish{Dataset: run.Client.Dataset, ClientID: run.Client.ID, At: s.now()}); err != nil {
		return err
	}
	return store.ErrStale
}

// recordChanges are the writes that a batch comes to.
type recordChanges struct {
	writes  []mongo.WriteModel
	removed bson.A // uids taken out of the view
	sharers bson.A // other dataset clients that hold a record that changes
}

// recordChanges compares a batch with what is stored.
func (s *Store) recordChanges(ctx context.Context, records coll, client string, upserts []record.Record, removes []string) (recordChanges, error) {
	uids := names(removes)
	for _, r := range upserts {
		uids = append(uids, name(r.UID))
	}
	docs, err := records.all(ctx, bson.D{op("_id", "$in", uids)})
	if err != nil {
		return recordChanges{}, err
	}
	stored := map[string]bson.Raw{}
	for _, d := range docs {
		stored[text(d, "uid")] = d
	}
	var c recordChanges
	seen := map[string]bool{client: true}
	for _, r := range upserts {
		d := stored[r.UID]
		changed := d == nil || text(d, "hash") != r.Hash || string(jsonOf(d, "data")) != string(r.Data)
		holders := refsOf(d)
		if !changed && holders[client] {
			continue
		}
		uid, data := name(r.UID), jsonValue(r.Data)
		if !fit(uid, uid, data) {
			return recordChanges{}, fmt.Errorf("record %.40q: %w", r.UID, store.ErrTooLarge)
		}
		c.writes = append(c.writes, mongo.NewUpdateOneModel().SetFilter(bson.D{is("_id", uid)}).SetUpsert(true).SetUpdate(bson.D{
			set(is("uid", uid), is("hash", name(r.Hash)), is("data", data)),
			is("$addToSet", bson.D{is("refs", name(client))})}))
		for holder := range holders {
			if changed && !seen[holder] {
				seen[holder] = true
				c.sharers = append(c.sharers, name(holder))
			}
		}
	}
	for _, uid := range removes {
		if refsOf(stored[uid])[client] {
			c.writes = append(c.writes, mongo.NewUpdateOneModel().SetFilter(bson.D{is("_id", name(uid))}).
				SetUpdate(bson.D{is("$pull", bson.D{is("refs", name(client))})}))
			c.removed = append(c.removed, name(uid))
		}
	}
	return c, nil
}

// refsOf are the dataset clients that hold a record.
func refsOf(d bson.Raw) map[string]bool {
	refs := map[string]bool{}
	array, ok := d.Lookup("refs").ArrayOK()
	if !ok {
		return refs
	}
	values, err := array.Values()
	if err != nil {
		return refs
	}
	for _, v := range values {
		refs[textOf(v)] = true
	}
	return refs
}

// bumpShared gives the dataset clients that share records which this one's runs
// changed a new revision: their devices would get the new data with the next look,
// under the old global hash. The view's own revision grows when its run ends.
func (s *Store) bumpShared(ctx context.Context, clientID string) error {
	client := bson.D{is("_id", name(clientID))}
	d, err := s.clients().one(ctx, client, options.FindOne().SetProjection(only("runShared")))
	if err != nil || !has(d, "runShared") {
		return err
	}
	shared := d.Lookup("runShared")
	if values, err := shared.Array().Values(); err != nil || len(values) == 0 {
		return err
	}
	if _, err := s.clients().updateAll(ctx, bson.D{op("_id", "$in", shared)}, bson.D{inc(is("revision", 1))}); err != nil {
		return err
	}
	_, err = s.clients().update(ctx, client, bson.D{is("$pullAll", bson.D{is("runShared", shared)})})
	return err
}

// hashPage is how many records ViewHashes reads at a time. Between two pages it
// holds nothing, so that the caller may write, or be slow.
const hashPage = 2000

// ViewHashes reads uid and hash of every record of a view; see store.Runs. A
// view that nobody knows is empty.
func (s *Store) ViewHashes(ctx context.Context, clientID string) iter.Seq2[store.UIDHash, error] {
	return func(yield func(store.UIDHash, error) bool) {
		const what = "read the hashes of a view"
		client, err := s.clients().one(ctx, bson.D{is("_id", name(clientID))}, options.FindOne().SetProjection(only("datasetId")))
		if err != nil {
			yield(store.UIDHash{}, translate(what, err))
			return
		}
		if client == nil {
			return
		}
		records, filter := s.coll(recordsOf(text(client, "datasetId"))), bson.D{is("refs", name(clientID))}
		for after := filter; ; {
			page, err := records.all(ctx, after, find().SetProjection(only("uid", "hash")).SetSort(bson.D{is("_id", 1)}).SetLimit(hashPage))
			if err != nil {
				yield(store.UIDHash{}, translate(what, err))
				return
			}
			for _, d := range page {
				if !yield(store.UIDHash{UID: text(d, "uid"), Hash: text(d, "hash")}, nil) {
					return
				}
			}
			if len(page) < hashPage {
				return
			}
			last := page[len(page)-1].Lookup("_id")
			after = bson.D{filter[0], either(bson.D{op("_id", "$gt", last)}, bson.D{op("_id", "$type", otherType(last))})}
		}
	}
}

// otherType: comparisons stay within one BSON type, and binary uids sort behind texts.
func otherType(last bson.RawValue) string {
	if last.Type == bson.TypeString {
		return "binData"
	}
	return "minKey" // none
}

// ReadRecords returns records by uid; see store.Records.
func (s *Store) ReadRecords(ctx context.Context, dataset string, uids []string) ([]record.Record, error) {
	records := make([]record.Record, 0, len(uids))
	if len(uids) == 0 {
		return records, ctx.Err()
	}
	docs, err := s.coll(recordsOf(dataset)).all(ctx, bson.D{op("_id", "$in", names(uids))}, find().SetProjection(each([]string{"refs"}, 0)))
	if err != nil {
		return nil, translate("read records", err)
	}
	for _, d := range docs {
		records = append(records, record.Record{UID: text(d, "uid"), Hash: text(d, "hash"), Data: jsonOf(d, "data")})
	}
	return records, nil
}
