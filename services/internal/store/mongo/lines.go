package mongo

import (
	"context"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// The order of changes to one record. All changes to one record that are not done
// form a line, by arrival, and exactly one of them is its head: the oldest, or the
// one in work. Heads alone can be claimed. A unique index on head holds that there
// is no second; promote and sweep hold that there is one.

// promote makes the oldest change of a line its head, unless another is in work:
// that one began before the older one joined the line, and its end promotes again.
func (s *Store) promote(ctx context.Context, line string) error {
	for range retries {
		oldest, err := s.pending().one(ctx, bson.D{is("line", line), absent("deleted")},
			options.FindOne().SetSort(bson.D{is("_id", 1)}).SetProjection(only("head")))
		if err != nil || oldest == nil || text(oldest, "head") == line {
			return err
		}
		head, err := s.pending().one(ctx, bson.D{is("head", line)}, options.FindOne().SetProjection(only("ack", "deleted")))
		if err != nil {
			return err
		}
		if head != nil {
			if has(head, "ack") || has(head, "deleted") {
				return nil
			}
			// It joined before the older one did, and nobody has begun it.
			if _, err := s.pending().update(ctx, bson.D{is("_id", id(head)), is("head", line), absent("ack")}, bson.D{unset("head")}); err != nil {
				return err
			}
		}
		matched, err := s.pending().update(ctx, bson.D{is("_id", id(oldest)), is("line", line), absent("deleted")},
			bson.D{set(is("head", line))})
		if matched && err == nil {
			return nil
		}
		if err != nil && !isDuplicate(err) {
			return err
		}
	}
	return errContended
}

// sweepEvery is how often an idle process looks for lines without a head.
const sweepEvery = 5 * time.Second

// sweeper remembers when this process last looked.
type sweeper struct {
	mu   sync.Mutex
	last time.Time
}

func (w *sweeper) due(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.last.IsZero() && now.Sub(w.last) < sweepEvery && !now.Before(w.last) {
		return false
	}
	w.last = now
	return true
}

// sweep gives every line that lost its head a new one. It reads the changes that
// wait behind others, and is called when there is nothing else to do.
func (s *Store) sweep(ctx context.Context) error {
	if !s.sweeper.due(s.now()) {
		return nil
	}
	if err := s.pending().before(ctx, "aggregate"); err != nil {
		return err
	}
	cursor, err := s.pending().c.Aggregate(ctx, bson.A{
		bson.D{is("$match", bson.D{present("line"), absent("deleted")})},
		bson.D{is("$group", bson.D{is("_id", "$line"), is("head", bson.D{is("$max", "$head")})})},
		bson.D{is("$match", bson.D{absent("head")})},
	})
	if err != nil {
		return err
	}
	var lines []bson.Raw
	if err := cursor.All(ctx, &lines); err != nil {
		return err
	}
	for _, d := range lines {
		if err := s.promote(ctx, text(d, "_id")); err != nil {
			return err
		}
	}
	return nil
}
