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
const adoptPage = 250

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

// replacement is a document to be put in the place of an old one; doc nil: none. Where
// the new one's place is taken, taken says what to do to the one there; nil: nothing.
type replacement struct {
	doc   bson.D
	taken bson.D
}

// eachForeign replaces every document with a foreign _id, page by page in an order:
// of several in one place the first counts. new says what comes in the place of a page.
func (s *Store) eachForeign(ctx context.Context, c coll, order bson.D, new func([]bson.Raw) ([]replacement, error)) (n int, err error) {
	for {
		page, err := c.all(ctx, foreignID, find().SetSort(order).SetLimit(adoptPage))
		if err != nil || len(page) == 0 {
			return n, err
		}
		replacements, err := new(page)
		if err != nil {
			return n, err
		}
		if err := s.insertNew(ctx, c, replacements); err != nil {
			return n, err
		}
		old := make(bson.A, len(page))
		for i, d := range page {
			old[i] = d.Lookup("_id")
		}
		if _, err := c.deleteAll(ctx, bson.D{op("_id", "$in", old)}); err != nil {
			return n, err
		}
		n += len(page)
	}
}

// insertNew inserts a page at once, and one by one where something is there already.
func (s *Store) insertNew(ctx context.Context, c coll, page []replacement) error {
	var docs []bson.D
	for _, r := range page {
		if r.doc != nil {
			docs = append(docs, r.doc)
		}
	}
	if len(docs) == 0 {
		return nil
	}
	err := c.insertAll(ctx, docs, true)
	if !isDuplicate(err) {
		return err
	}
	for _, r := range page {
		if r.doc == nil {
			continue
		}
		err := c.insert(ctx, r.doc)
		if isDuplicate(err) {
			err = nil
			if r.taken != nil {
				_, err = c.update(ctx, bson.D{r.doc[0]}, r.taken)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
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
