package mongo

import (
	"context"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Taking over what a reference server wrote. Its documents lack what Tandem adds, and
// have an ObjectId where Tandem's _id is the key that makes them unique. Adopting
// gives them both: the new document is made, then the old one removed, so that a
// crash in between leaves two, and the next try finds the new one there. It is done
// whenever such documents are found, not once: a reference server may have worked on
// the database since. It keeps Tandem's fields as they are when it writes, so that a
// document of Tandem's may be half its work: see foreignChange and foreignView.

// adoptPage is how many documents are adopted at a time.
const adoptPage = 500

// foreignID selects documents with the _id that a driver made.
var foreignID = bson.D{op("_id", "$type", "objectId")}

// foreignChange selects messages of the pending queue that lack what Tandem adds, and
// messages of Tandem's that a reference server did: they are done without an outcome.
var foreignChange = bson.D{either(
	bson.D{op("change", "$exists", false)},
	bson.D{present("line"), present("deleted"), op("outcome", "$exists", false)},
)}

// foreignView selects dataset clients that a reference server made, and those that
// it was the last to list: the number of collisions is part of its global hash, behind
// an underscore, which Tandem's hash of the content has none of.
var foreignView = bson.D{either(foreignID, bson.D{is("globalHash", bson.Regex{Pattern: "_"})})}

// foreign tells whether there is anything to adopt.
func (s *Store) foreign(ctx context.Context) (bool, error) {
	any := func(c coll, filter bson.D) (bool, error) {
		d, err := c.one(ctx, filter, options.FindOne().SetProjection(only("_id")))
		return d != nil, err
	}
	if found, err := any(s.pending(), foreignChange); found || err != nil {
		return found, err
	}
	if found, err := any(s.clients(), foreignView); found || err != nil {
		return found, err
	}
	datasets, err := s.storedDatasets(ctx)
	if err != nil {
		return false, err
	}
	for _, dataset := range datasets {
		for _, collection := range []string{updatesOf(dataset), recordsOf(dataset)} {
			if found, err := any(s.coll(collection), foreignID); found || err != nil {
				return found, err
			}
		}
	}
	return false, nil
}

// storedDatasets are the datasets that have collections of records or updates.
func (s *Store) storedDatasets(ctx context.Context) ([]string, error) {
	collections, err := s.db.ListCollectionNames(ctx, bson.D{})
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	var datasets []string
	for _, collection := range collections {
		rest, ours := strings.CutPrefix(collection, "fhsync_")
		for _, suffix := range []string{"_records", "_updates"} {
			if dataset, ok := strings.CutSuffix(rest, suffix); ours && ok && !seen[dataset] {
				seen[dataset] = true
				datasets = append(datasets, dataset)
			}
		}
	}
	return datasets, nil
}

// adopted counts what was taken over.
type adopted struct{ clients, changes, updates, records int }

// adopt takes over all of a reference server's documents. The order counts: results
// tell what became of changes that are done, and what became of those tells what the
// ones behind them in the queue mean. The views come last, since they show that there
// is something to do.
func (s *Store) adopt(ctx context.Context) error {
	found, err := s.foreign(ctx)
	if err != nil || !found {
		return err
	}
	s.options.Logger.Info("taking over what a reference server wrote")
	var n adopted
	if n.clients, err = s.adoptClients(ctx); err != nil {
		return err
	}
	datasets, err := s.storedDatasets(ctx)
	if err != nil {
		return err
	}
	for _, dataset := range datasets {
		if err := s.prepareDataset(ctx, dataset); err != nil {
			return err
		}
		updates, err := s.adoptUpdates(ctx, dataset)
		if err != nil {
			return err
		}
		n.updates += updates
	}
	if n.changes, err = s.adoptChanges(ctx); err != nil {
		return err
	}
	if err := s.adoptAcks(ctx); err != nil {
		return err
	}
	for _, dataset := range datasets {
		records, err := s.adoptRecords(ctx, dataset)
		if err != nil {
			return err
		}
		n.records += records
	}
	if err := s.listAnew(ctx); err != nil {
		return err
	}
	s.options.Logger.Info("took over what a reference server wrote", "dataset_clients", n.clients, "changes", n.changes,
		"updates", n.updates, "records", n.records)
	return nil
}

// replace puts a document in the place of an old one, unless the new one's place is
// taken: then taken says what to do to the one there; nil for nothing.
func (s *Store) replace(ctx context.Context, c coll, old bson.Raw, doc bson.D, taken bson.D) error {
	err := c.insert(ctx, doc)
	if isDuplicate(err) {
		err = nil
		if taken != nil {
			_, err = c.update(ctx, bson.D{doc[0]}, taken)
		}
	}
	if err == nil {
		err = s.drop(ctx, c, old)
	}
	return err
}

// drop removes a document.
func (s *Store) drop(ctx context.Context, c coll, d bson.Raw) error {
	_, err := c.deleteAll(ctx, bson.D{is("_id", d.Lookup("_id"))})
	return err
}

// eachForeign calls do, which replaces or drops it, for every document with a foreign
// _id, in an order.
func (s *Store) eachForeign(ctx context.Context, c coll, order bson.D, do func(bson.Raw) error) (n int, err error) {
	for {
		docs, err := c.all(ctx, foreignID, find().SetSort(order).SetLimit(adoptPage))
		if err != nil || len(docs) == 0 {
			return n, err
		}
		for _, d := range docs {
			if err := do(d); err != nil {
				return n, err
			}
			n++
		}
	}
}

// fieldsOf are the fields of a document but its _id.
func fieldsOf(d bson.Raw) (fields bson.D) {
	elements, err := d.Elements()
	if err != nil {
		return nil
	}
	for _, e := range elements {
		if e.Key() != "_id" {
			fields = append(fields, is(e.Key(), e.Value()))
		}
	}
	return fields
}
