package mongo

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/tandem-sync/tandem/api/adapter"
)

// rounds is how often a write is tried anew when others write to the same record in between.
const rounds = 20

// Update implements adapter.Adapter.
func (a *Adapter) Update(ctx context.Context, req adapter.UpdateRequest) error {
	d, err := a.dataset(req.Dataset)
	if err != nil {
		return err
	}
	if err := hashable(d.id, req.Data); err != nil {
		return err
	}
	return d.compareAndWrite(ctx, req.UID, func(doc bson.Raw) (bool, error) {
		now := d.data(doc)
		if equalJSON(now, req.Data) {
			return true, nil // already in effect, perhaps by the call that this one repeats
		}
		if err := holds(d.id, now, req.Expected); err != nil {
			return false, err
		}
		change, err := d.difference(doc, req.Data)
		if err != nil {
			return false, err
		}
		if change.none() {
			return true, nil
		}
		return d.apply(ctx, doc, change, a.stamp(d))
	})
}

// Delete implements adapter.Adapter.
func (a *Adapter) Delete(ctx context.Context, req adapter.DeleteRequest) error {
	d, err := a.dataset(req.Dataset)
	if err != nil {
		return err
	}
	return d.compareAndWrite(ctx, req.UID, func(doc bson.Raw) (bool, error) {
		if err := holds(d.id, d.data(doc), req.Expected); err != nil {
			return false, err
		}
		if d.o.DeletedField != "" {
			mark := difference{set: bson.D{{Key: d.o.DeletedField, Value: true}}}
			return d.apply(ctx, doc, mark, a.stamp(d))
		}
		result, err := d.records.DeleteOne(ctx, unchanged(doc))
		return err == nil && result.DeletedCount > 0, err
	})
}

// compareAndWrite reads a record and has write change that very state of it. write tells whether it did;
// if not, somebody else has written in between and all begins anew.
func (d dataset) compareAndWrite(ctx context.Context, uid string, write func(doc bson.Raw) (bool, error)) error {
	for range rounds {
		doc, err := d.find(ctx, uid)
		if err != nil {
			return failure(d.id, err)
		}
		done, err := write(doc)
		if err != nil || done {
			return failure(d.id, err)
		}
	}
	return adapter.RetryLater(errors.New("dataset " + d.id + ": the record is being written to by others all the time"))
}

// apply writes a difference to a document that is still as it was read, and tells whether it was.
func (d dataset) apply(ctx context.Context, doc bson.Raw, change difference, stamp bson.D) (bool, error) {
	filter := unchanged(doc)
	var update bson.D
	if change.replace != nil {
		update = stamped(change.replace, stamp)
	} else {
		change.set = append(change.set, stamp...)
		update = change.update()
	}
	if err := d.fits(filter, update); err != nil {
		return false, err
	}
	var result *mongo.UpdateResult
	var err error
	if change.replace != nil {
		result, err = d.records.ReplaceOne(ctx, filter, update)
	} else {
		result, err = d.records.UpdateOne(ctx, filter, update)
	}
	return err == nil && result.MatchedCount > 0, err
}

// maxDocument is the most bytes that a server takes for a document, and for one statement.
const maxDocument = 16 << 20

// fits refuses what a server would not take. Some servers cut the connection instead of saying so, which
// would be tried again for ever.
func (d dataset) fits(parts ...bson.D) error {
	size := 0
	for _, part := range parts {
		text, err := bson.Marshal(part)
		if err != nil {
			return fmt.Errorf("dataset %s: %w", d.id, err)
		}
		size += len(text)
	}
	if size > maxDocument {
		return tooLarge(d.id)
	}
	return nil
}

// stamped sets a field in a whole document.
func stamped(doc, stamp bson.D) bson.D {
	for _, s := range stamp {
		for i := range doc {
			if doc[i].Key == s.Key {
				doc[i].Value = s.Value
				return doc
			}
		}
	}
	return append(doc, stamp...)
}

// unchanged selects a document if it is as it was read. Fields compared one by one would not do: a filter
// takes null for missing and an array for its element, can't name every field, and does not see those that
// came in between. ($in is $eq here, and the one that test servers do right.)
func unchanged(doc bson.Raw) bson.D {
	return bson.D{
		{Key: "_id", Value: bson.D{{Key: "$eq", Value: doc.Lookup("_id")}}},
		{Key: "$expr", Value: bson.D{{Key: "$in", Value: bson.A{"$$ROOT", bson.D{{Key: "$literal", Value: bson.A{doc}}}}}}},
	}
}
