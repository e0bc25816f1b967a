package mongo

import (
	"context"
	"encoding/binary"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// next draws from a counter: a number that never repeats, and is higher than all
// that were drawn before it.
func (s *Store) next(ctx context.Context, counter string) (int64, error) {
	first, _, err := s.draw(ctx, counter, 1)
	return first, err
}

// draw draws n numbers, the first of which it returns, with the highest time that any
// process has told the counter, in seconds. It goes by what was there before the
// update: that and the update are one step on every server (the wire server for tests
// reads what is there afterwards in another).
func (s *Store) draw(ctx context.Context, counter string, n int) (first, seconds int64, err error) {
	now := s.now().Unix()
	var before bson.Raw
	for range 2 { // two that make the counter at the same time collide
		before, err = s.coll(collCounters).change(ctx, bson.D{is("_id", counter)}, bson.D{
			inc(is("value", int64(n))), is("$max", bson.D{is("seconds", now)}),
		}, options.FindOneAndUpdate().SetUpsert(true).SetReturnDocument(options.Before))
		if !isDuplicate(err) {
			break
		}
	}
	return number(before, "value") + 1, max(number(before, "seconds"), now), err
}

// messageIDs draws n ids for messages. Their order is the order of arrival at the
// store, whatever the clocks of the processes say: a counter gives the last eight
// bytes, and the highest time that any process has seen the first four, so that they
// also sort behind those of a reference server and tell their age to its tools.
func (s *Store) messageIDs(ctx context.Context, queue string, n int) ([]bson.ObjectID, error) {
	first, seconds, err := s.draw(ctx, queue, n)
	if err != nil {
		return nil, err
	}
	ids := make([]bson.ObjectID, n)
	for i := range ids {
		binary.BigEndian.PutUint32(ids[i][:4], uint32(seconds))
		binary.BigEndian.PutUint64(ids[i][4:], uint64(first+int64(i)))
	}
	return ids, nil
}
