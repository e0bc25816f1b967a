package mongo

import (
	"context"
	"math"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// adoptClients takes over dataset clients. Nothing holds a reference server to one
// document for each: the one that was made last counts, and all accesses.
func (s *Store) adoptClients(ctx context.Context) (int, error) {
	return s.eachForeign(ctx, s.clients(), bson.D{is("_id", -1)}, func(page []bson.Raw) (new []replacement, err error) {
		for _, d := range page {
			if text(d, "id") != "" && text(d, "datasetId") != "" {
				new = append(new, replacement{adoptedClient(d), bson.D{is("$max", bson.D{is("lastAccessed", number(d, "lastAccessed"))})}})
			}
		}
		return new, nil
	})
}

func adoptedClient(d bson.Raw) bson.D {
	doc := bson.D{is("_id", d.Lookup("id"))}
	for _, f := range fieldsOf(d) {
		if v, ok := f.Value.(bson.RawValue); ok && notANumber(v) {
			f.Value = int64(0) // a reference server that counted a collision of Tandem's
		}
		doc = append(doc, f)
	}
	for _, f := range append(freshFields(), is("dueAt", int64(0)), is("expiresAt", int64(0))) {
		if d.Lookup(f.Key).IsZero() {
			doc = append(doc, f)
		}
	}
	return doc
}

func notANumber(v bson.RawValue) bool {
	f, ok := v.DoubleOK()
	return ok && (math.IsNaN(f) || math.IsInf(f, 0))
}

// listAnew makes every view due at once. Those that a reference server listed last
// count as never listed: it gives a record that left one view the hash null and no
// data in the others as well, and does not say when its last run began, so that
// devices would get, or lose for a moment, what the next run sets right. Until
// then they keep what they have.
func (s *Store) listAnew(ctx context.Context) error {
	if _, err := s.clients().updateAll(ctx, bson.D{is("collisionCount", math.NaN())}, bson.D{set(is("collisionCount", int64(0)))}); err != nil {
		return err
	}
	if _, err := s.clients().updateAll(ctx, bson.D{is("runToken", 0)}, bson.D{set(
		is("syncScheduled", nil), is("syncLoopStart", int64(0)), is("syncLoopEnd", int64(0)), is("dueAt", int64(0)), is("expiresAt", int64(0)))}); err != nil {
		return err
	}
	_, err := s.clients().updateAll(ctx, foreignView, bson.D{set(
		is("globalHash", ""), is("syncCompleted", false), is("completedRunStart", int64(0)))})
	return err
}

// adoptRecords takes over the records of a dataset. What no view holds is removed.
func (s *Store) adoptRecords(ctx context.Context, dataset string) (int, error) {
	c := s.coll(recordsOf(dataset))
	n, err := s.eachForeign(ctx, c, bson.D{is("_id", 1)}, func(page []bson.Raw) (new []replacement, err error) {
		for _, d := range page {
			if text(d, "uid") != "" && len(refsOf(d)) > 0 {
				new = append(new, replacement{append(bson.D{is("_id", d.Lookup("uid"))}, fieldsOf(d)...),
					bson.D{is("$addToSet", bson.D{is("refs", bson.D{is("$each", d.Lookup("refs"))})})}})
			}
		}
		return new, nil
	})
	if err == nil { // those of Tandem's that a reference server took out of their last view
		_, err = c.deleteAll(ctx, bson.D{op("refs", "$size", 0)})
	}
	return n, err
}
