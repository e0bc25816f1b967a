package mongo

import (
	"context"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// adoptUpdates takes over the results that wait for their devices. Of which content
// each is the result its change tells, where the log still has it. Of several for
// one change the last counts.
func (s *Store) adoptUpdates(ctx context.Context, dataset string) (int, error) {
	newest := bson.D{is("timestamp", -1), is("_id", -1)}
	return s.eachForeign(ctx, s.coll(updatesOf(dataset)), newest, func(page []bson.Raw) (new []replacement, err error) {
		var made []madeUID
		for _, d := range page {
			u := updateOf(d)
			if u.CUID == "" || u.Hash == "" || u.Type == "" {
				continue
			}
			c := record.Change{Dataset: dataset, CUID: u.CUID, Hash: u.Hash, Action: u.Action, UID: u.OldUID}
			made = append(made, madeUID{c, u.Type, u.UID})
			doc := append(bson.D{is("_id", changeKey(c))}, fieldsOf(d)...)
			new = append(new, replacement{doc: append(doc, is("n", int64(1)), is("digest", ""), is("wrote", ""))})
		}
		return new, s.adoptUIDs(ctx, made)
	})
}

// madeUID is what became of a change: where that is a create which was applied, its
// made-up uid became another.
type madeUID struct {
	change record.Change
	kind   record.UpdateType
	uid    string
}

// adoptUIDs remembers what made-up uids became. Changes of Tandem's that wait under
// one go to the record's line, in their place; those of a reference server have none yet.
func (s *Store) adoptUIDs(ctx context.Context, all []madeUID) error {
	var writes []mongo.WriteModel
	byLine, lines := map[string]madeUID{}, bson.A{}
	for _, m := range all {
		c := m.change
		if c.Action != record.ActionCreate || m.kind != record.Applied || m.uid == "" {
			continue
		}
		for _, madeUp := range slices.Compact([]string{c.Hash, c.UID}) {
			if madeUp != "" && madeUp != m.uid {
				filter, update := s.aliasOf(c.Dataset, c.CUID, madeUp, m.uid)
				writes = append(writes, mongo.NewUpdateOneModel().SetFilter(filter).SetUpdate(update).SetUpsert(true))
				line := lineOf(c.Dataset, madeUp)
				byLine[line], lines = m, append(lines, line)
			}
		}
	}
	if len(writes) == 0 {
		return nil
	}
	if _, err := s.coll(collUIDs).bulk(ctx, writes); err != nil {
		return err
	}
	waiting, err := s.pending().all(ctx, bson.D{op("line", "$in", lines)}, find().SetProjection(only("line")))
	for _, d := range waiting {
		if err != nil {
			return err
		}
		err = s.adoptUID(ctx, byLine[text(d, "line")])
	}
	return err
}

// adoptUID does the same for one.
func (s *Store) adoptUID(ctx context.Context, m madeUID) error {
	c := m.change
	lines, err := s.mapUID(ctx, finished{dataset: c.Dataset, cuid: c.CUID, hash: c.Hash, uid: c.UID, line: lineOf(c.Dataset, c.UID)}, m.uid)
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

// resultsOf looks for what became of changes that are done, by their keys: its update
// tells, and once that is acknowledged the acknowledgement, which repeats it. Where
// nothing tells any more an update or delete was applied, or its device would not
// have let it go; of a create the real uid is lost, and it is missing from the answer.
func (s *Store) resultsOf(ctx context.Context, changes []record.Change) (map[string]foreignResult, error) {
	keys, hashes := map[string]bson.A{}, bson.A{}
	for _, c := range changes {
		keys[c.Dataset] = append(keys[c.Dataset], changeKey(c))
		hashes = append(hashes, name(c.Hash))
	}
	found := map[string]foreignResult{}
	note := func(key string, d bson.Raw) {
		r := foreignResult{kind: record.UpdateType(text(d, "type")), uid: text(d, "uid"), msg: text(d, "msg"), timestamp: number(d, "timestamp")}
		if _, known := found[key]; !known && slices.Contains([]record.UpdateType{record.Applied, record.Failed, record.Collision}, r.kind) {
			found[key] = r
		}
	}
	for dataset, keys := range keys {
		updates, err := s.coll(updatesOf(dataset)).all(ctx, bson.D{op("_id", "$in", keys), present("type")})
		if err != nil {
			return nil, err
		}
		for _, u := range updates {
			note(text(u, "_id"), u)
		}
	}
	acks, err := s.acks().all(ctx, bson.D{op("payload.hash", "$in", hashes), present("payload.type")}, find().SetSort(bson.D{is("_id", -1)}))
	if err != nil {
		return nil, err
	}
	for _, a := range acks {
		p, _ := a.Lookup("payload").DocumentOK()
		note(changeKey(record.Change{Dataset: text(p, "datasetId"), CUID: text(p, "cuid"), Hash: text(p, "hash")}), p)
	}
	for _, c := range changes {
		// What it can't do a reference server drops in silence.
		if _, known := found[changeKey(c)]; !known && c.Action != record.ActionCreate && c.Problem() == "" {
			found[changeKey(c)] = foreignResult{kind: record.Applied, uid: c.UID}
		}
	}
	return found, nil
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
