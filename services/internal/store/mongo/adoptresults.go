package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// adoptUpdates takes over the results that wait for their devices. Of which content
// each is the result its change tells, where the log still has it. Of several for
// one change the last counts.
func (s *Store) adoptUpdates(ctx context.Context, dataset string) (int, error) {
	c := s.coll(updatesOf(dataset))
	return s.eachForeign(ctx, c, bson.D{is("timestamp", -1), is("_id", -1)}, func(d bson.Raw) error {
		u := updateOf(d)
		if u.CUID == "" || u.Hash == "" || u.Type == "" {
			return s.drop(ctx, c, d)
		}
		change := record.Change{Dataset: dataset, CUID: u.CUID, Hash: u.Hash, Action: u.Action, UID: u.OldUID}
		if err := s.adoptUID(ctx, change, u.Type, u.UID); err != nil {
			return err
		}
		doc := append(bson.D{is("_id", changeKey(change))}, fieldsOf(d)...)
		return s.replace(ctx, c, d, append(doc, is("n", int64(1)), is("digest", ""), is("wrote", "")), nil)
	})
}

// adoptUID remembers what the made-up uid of an applied create became.
func (s *Store) adoptUID(ctx context.Context, c record.Change, kind record.UpdateType, uid string) error {
	if c.Action != record.ActionCreate || kind != record.Applied || uid == "" || uid == c.UID {
		return nil
	}
	lines, err := s.mapUID(ctx, finished{dataset: c.Dataset, cuid: c.CUID, hash: c.Hash, uid: c.UID, line: lineOf(c.Dataset, c.UID)}, uid)
	for _, line := range lines {
		if err == nil {
			err = s.promote(ctx, line)
		}
	}
	return err
}

// foreignResult is what became of a change that a reference server did, as far as it
// can be known.
type foreignResult struct {
	kind      record.UpdateType
	uid, msg  string
	timestamp int64 // of the update, 0 where nothing tells
}

// resultOf looks for what became of a change that is done: its update tells, and once
// that is acknowledged the acknowledgement, which repeats it. Where nothing tells any
// more an update or delete was applied, or its device would not have let it go; of a
// create the real uid is lost: nil.
func (s *Store) resultOf(ctx context.Context, c record.Change) (*foreignResult, error) {
	newest := options.FindOne().SetSort(bson.D{is("_id", -1)})
	d, err := s.coll(updatesOf(c.Dataset)).one(ctx, bson.D{is("_id", changeKey(c)), present("type")})
	if err == nil && d == nil {
		d, err = s.acks().one(ctx, bson.D{is("payload.hash", name(c.Hash)), is("payload.cuid", name(c.CUID)),
			is("payload.datasetId", c.Dataset), present("payload.type")}, newest)
		if err == nil && d != nil {
			d, _ = d.Lookup("payload").DocumentOK()
		}
	}
	if err != nil {
		return nil, err
	}
	r := foreignResult{kind: record.UpdateType(text(d, "type")), uid: text(d, "uid"), msg: text(d, "msg"), timestamp: number(d, "timestamp")}
	switch r.kind {
	case record.Applied, record.Failed, record.Collision:
		return &r, nil
	}
	if c.Action == record.ActionCreate || c.Problem() != "" { // it drops in silence what it can't do
		return nil, nil
	}
	return &foreignResult{kind: record.Applied, uid: c.UID}, nil
}

// outcomeDoc is the outcome of a change with this result.
func (r foreignResult) outcomeDoc(c record.Change) (bson.D, string) {
	wrote := ""
	if r.kind == record.Applied && c.Action != record.ActionDelete {
		if hash, err := record.Hash(c.Post); err == nil {
			wrote = hash
		}
	}
	return bson.D{is("type", string(r.kind)), is("uid", name(r.uid)), is("msg", name(r.msg)), is("wrote", wrote)}, wrote
}

// adoptAcks gives acknowledgements that wait, and do not say which result the device
// saw, the time at which they came: it saw what was there by then.
func (s *Store) adoptAcks(ctx context.Context) error {
	docs, err := s.acks().all(ctx, bson.D{absent("deleted"), absent("payload.timestamp")})
	for _, d := range docs {
		if err != nil {
			return err
		}
		came := visibleTime(d)
		if has(d, "ack") || came.IsZero() { // in work: visible says when that ends
			came = id(d).Timestamp().Add(time.Second - time.Millisecond)
		}
		_, err = s.acks().update(ctx, bson.D{is("_id", d.Lookup("_id")), absent("payload.timestamp")},
			bson.D{set(is("payload.timestamp", millis(came)))})
	}
	return err
}
