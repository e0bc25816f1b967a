package mongo

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-sync/tandem/services/internal/store"
)

// coll is a collection as this package uses it. Every command passes through here,
// so that a closed store refuses it and tests can end an operation before any one
// of them.
type coll struct {
	s *Store
	c *mongo.Collection
}

func (s *Store) coll(name string) coll { return coll{s, s.db.Collection(name)} }

func (c coll) before(ctx context.Context, command string) error {
	if c.s.closed.Load() {
		return store.ErrUnavailable
	}
	if c.s.options.Interrupt != nil {
		return c.s.options.Interrupt(ctx, command+" "+c.c.Name())
	}
	return nil
}

// all reads every document that matches.
func (c coll) all(ctx context.Context, filter any, opts ...options.Lister[options.FindOptions]) ([]bson.Raw, error) {
	if err := c.before(ctx, "find"); err != nil {
		return nil, err
	}
	cursor, err := c.c.Find(ctx, filter, opts...)
	if err != nil {
		return nil, err
	}
	var docs []bson.Raw
	err = cursor.All(ctx, &docs)
	return docs, err
}

// one reads one document, nil when there is none.
func (c coll) one(ctx context.Context, filter any, opts ...options.Lister[options.FindOneOptions]) (bson.Raw, error) {
	if err := c.before(ctx, "find"); err != nil {
		return nil, err
	}
	return noneAsNil(c.c.FindOne(ctx, filter, opts...).Raw())
}

// change updates one document and returns it as it is afterwards, nil when none matches.
func (c coll) change(ctx context.Context, filter, update any, opts ...options.Lister[options.FindOneAndUpdateOptions]) (bson.Raw, error) {
	if err := c.before(ctx, "findAndModify"); err != nil {
		return nil, err
	}
	opts = append([]options.Lister[options.FindOneAndUpdateOptions]{options.FindOneAndUpdate().SetReturnDocument(options.After)}, opts...)
	return noneAsNil(c.c.FindOneAndUpdate(ctx, filter, update, opts...).Raw())
}

func noneAsNil(doc bson.Raw, err error) (bson.Raw, error) {
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, nil
	}
	return doc, err
}

// update updates one document and tells whether one matched.
func (c coll) update(ctx context.Context, filter, update any) (matched bool, err error) {
	if err := c.before(ctx, "update"); err != nil {
		return false, err
	}
	result, err := c.c.UpdateOne(ctx, filter, update)
	return err == nil && result.MatchedCount > 0, err
}

// upsert updates one document or makes it, and tells which. Two that make one at the
// same time collide on the unique key: the second try finds it.
func (c coll) upsert(ctx context.Context, filter, update any) (made bool, err error) {
	for range 2 {
		if err := c.before(ctx, "upsert"); err != nil {
			return false, err
		}
		var result *mongo.UpdateResult
		result, err = c.c.UpdateOne(ctx, filter, update, options.UpdateOne().SetUpsert(true))
		if err == nil {
			return result.UpsertedCount > 0, nil
		}
		if !isDuplicate(err) {
			break
		}
	}
	return false, err
}

// updateAll updates every document that matches.
func (c coll) updateAll(ctx context.Context, filter, update any) (int64, error) {
	if err := c.before(ctx, "update"); err != nil {
		return 0, err
	}
	result, err := c.c.UpdateMany(ctx, filter, update)
	if err != nil {
		return 0, err
	}
	return result.MatchedCount, nil
}

func (c coll) insert(ctx context.Context, doc any) error {
	if err := c.before(ctx, "insert"); err != nil {
		return err
	}
	_, err := c.c.InsertOne(ctx, doc)
	return err
}

func (c coll) insertAll(ctx context.Context, docs []bson.D, ordered bool) error {
	if err := c.before(ctx, "insert"); err != nil {
		return err
	}
	_, err := c.c.InsertMany(ctx, docs, options.InsertMany().SetOrdered(ordered))
	return err
}

func (c coll) deleteAll(ctx context.Context, filter any) (int64, error) {
	if err := c.before(ctx, "delete"); err != nil {
		return 0, err
	}
	result, err := c.c.DeleteMany(ctx, filter)
	if err != nil {
		return 0, err
	}
	return result.DeletedCount, nil
}

// bulk sends writes together, in no order.
func (c coll) bulk(ctx context.Context, writes []mongo.WriteModel) (*mongo.BulkWriteResult, error) {
	if len(writes) == 0 {
		return &mongo.BulkWriteResult{}, nil
	}
	if err := c.before(ctx, "bulk"); err != nil {
		return nil, err
	}
	return c.c.BulkWrite(ctx, writes, options.BulkWrite().SetOrdered(false))
}

func (c coll) count(ctx context.Context, filter any) (int64, error) {
	if err := c.before(ctx, "count"); err != nil {
		return 0, err
	}
	return c.c.CountDocuments(ctx, filter)
}

// Shorthands for what filters and updates are made of.

func is(field string, value any) bson.E { return bson.E{Key: field, Value: value} }

func op(field, operator string, value any) bson.E {
	return bson.E{Key: field, Value: bson.D{{Key: operator, Value: value}}}
}

// absent: the field is not there, or null.
func absent(field string) bson.E { return is(field, nil) }

func present(field string) bson.E { return op(field, "$exists", true) }

func either(filters ...bson.D) bson.E {
	all := make(bson.A, len(filters))
	for i, f := range filters {
		all[i] = f
	}
	return is("$or", all)
}

func set(fields ...bson.E) bson.E   { return is("$set", bson.D(fields)) }
func unset(fields ...string) bson.E { return is("$unset", each(fields, "")) }
func inc(fields ...bson.E) bson.E   { return is("$inc", bson.D(fields)) }

// each gives every field the same value: projections and $unset.
func each(fields []string, value any) bson.D {
	d := make(bson.D, len(fields))
	for i, f := range fields {
		d[i] = is(f, value)
	}
	return d
}

func only(fields ...string) bson.D { return each(fields, 1) }
