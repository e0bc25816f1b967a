package mongo

import (
	"context"
	"crypto/rand"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-sync/tandem/services/internal/store"
)

// What the three queues share. A message is claimable when it is not done and
// visible; a claim gives it a new ack and hides it until the claim ends. Claims go
// by the time of visibility, then by arrival: what was put back waits in line
// behind what has waited longer.

// newAck makes the token of a claim. It is random, and no counter, since a token
// must not repeat where a try was given back.
func newAck() string { return rand.Text() }

// claim claims up to n messages that match filter. A poll that finds nothing is one read.
func (s *Store) claim(ctx context.Context, queue store.Queue, filter bson.D, n int, window time.Duration) ([]bson.Raw, error) {
	if n <= 0 {
		return nil, nil
	}
	c, now := s.coll(string(queue)), s.now()
	filter = append(filter, op("visible", "$lte", visible(now.Add(s.slack()))))
	order := bson.D{is("visible", 1), is("_id", 1)}
	take := func() bson.D {
		return bson.D{set(is("ack", newAck()), is("visible", visible(until(now, window)))), inc(is("tries", 1)), unset("waiting")}
	}
	if n == 1 {
		doc, err := c.change(ctx, filter, take(), options.FindOneAndUpdate().SetSort(order))
		if err != nil || doc == nil {
			return nil, err
		}
		return []bson.Raw{doc}, nil
	}
	found, err := c.all(ctx, filter, find().SetSort(order).SetLimit(int64(n)).SetProjection(only("_id")))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	writes := make([]mongo.WriteModel, len(found))
	acks := make(bson.A, len(found))
	for i, d := range found {
		// Others may have taken it since; the filter decides.
		update := take()
		acks[i] = update[0].Value.(bson.D)[0].Value
		writes[i] = mongo.NewUpdateOneModel().SetFilter(append(bson.D{is("_id", id(d))}, filter...)).SetUpdate(update)
	}
	if _, err := c.bulk(ctx, writes); err != nil {
		return nil, err
	}
	return c.all(ctx, bson.D{op("ack", "$in", acks)}, find().SetSort(bson.D{is("_id", 1)}))
}

// clockSlack is how far two processes may be apart in what they take for the
// server's time.
const clockSlack = 50 * time.Millisecond

// slack is how much earlier than told a message can be claimed: one that is woken for
// a message must find it, also where its time is a little behind the sender's. An
// expired claim that is taken so much early is stale for its holder, as any other.
func (s *Store) slack() time.Duration {
	if s.options.Clock != nil {
		return 0 // there is one clock
	}
	return clockSlack
}

// claimOf is the claim that a message tells of.
func claimOf(d bson.Raw) store.Claim {
	return store.Claim{ID: id(d).Hex(), Ack: text(d, "ack"), Until: visibleTime(d), Tries: int(number(d, "tries"))}
}

// held selects the message of a claim while that stands. An id of another origin
// names no message, so that its claim is stale.
func held(claim store.Claim) bson.D {
	oid, _ := bson.ObjectIDFromHex(claim.ID)
	return bson.D{is("_id", oid), is("ack", claim.Ack), absent("deleted")}
}

// extend keeps a claim for another window.
func (s *Store) extend(ctx context.Context, queue store.Queue, claim store.Claim, window time.Duration) (store.Claim, error) {
	claim.Until = until(s.now(), window)
	matched, err := s.coll(string(queue)).update(ctx, held(claim), bson.D{set(is("visible", visible(claim.Until)))})
	if err == nil && !matched {
		err = store.ErrStale
	}
	if err != nil {
		return store.Claim{}, translate("extend a claim", err)
	}
	return claim, nil
}

// Queues counts the messages that wait or are in work.
func (s *Store) Queues(ctx context.Context) (map[store.Queue]int64, error) {
	counts := map[store.Queue]int64{}
	for _, queue := range queues {
		n, err := s.coll(string(queue)).count(ctx, bson.D{absent("deleted")})
		if err != nil {
			return nil, translate("count the queues", err)
		}
		counts[queue] = n
	}
	return counts, nil
}

var queues = []store.Queue{store.QueueSync, store.QueueAck, store.QueuePending}

// Purge removes done messages after Options.QueueTTL and uid mappings after
// Options.AliasTTL. TTL indexes do the same where the database has them. A change
// whose end is not settled yet stays.
func (s *Store) Purge(ctx context.Context) error {
	now := s.now()
	for _, queue := range queues {
		if _, err := s.coll(string(queue)).deleteAll(ctx, bson.D{op("deleted", "$lte", date(now.Add(-s.options.QueueTTL))),
			op("head", "$exists", false)}); err != nil {
			return translate("purge", err)
		}
	}
	_, err := s.coll(collUIDs).deleteAll(ctx, bson.D{op("expires", "$lte", date(now))})
	return translate("purge", err)
}
