package mongo

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-sync/tandem/services/internal/store"
)

// migration is a step that the data takes once, in the whole cluster.
type migration struct {
	version int64
	name    string
	// needs is the least version of this package that can work on data that took the
	// step: with one below its own, processes of the version before go on beside the
	// new ones during a rolling update.
	needs int64
	run   func(*Store, context.Context) error
}

// migrations only ever grow, and each may be run again after a crash in its middle.
var migrations = append([]migration{
	{1, "indexes", 1, (*Store).makeIndexes},
}, next...)

// newestVersion is the newest that this package knows.
func newestVersion() int64 { return migrations[len(migrations)-1].version }

const (
	migrationLock = "locks:tandem:migrations"
	migrationTTL  = 30 * time.Second
	migrationPoll = 250 * time.Millisecond
)

// prepare brings the data up to date: migrations, the TTL of the queues, and what a
// reference server wrote. One process does it; the others wait until there is
// nothing left to do.
func (s *Store) prepare(ctx context.Context) error {
	if err := s.index(ctx, collLocks, bson.D{is("name", 1)}, options.Index().SetUnique(true)); err != nil {
		return err
	}
	for {
		todo, err := s.outdated(ctx)
		if err != nil || !todo {
			return err
		}
		host, _ := os.Hostname()
		lease, ok, err := s.acquire(ctx, migrationLock, fmt.Sprintf("%s/%d/%s", host, os.Getpid(), newAck()), migrationTTL)
		if err != nil {
			return err
		}
		if ok {
			return s.bringUpToDate(ctx, lease)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(migrationPoll):
		}
	}
}

// outdated tells whether anything is left to do.
func (s *Store) outdated(ctx context.Context) (bool, error) {
	applied, err := s.applied(ctx)
	if err != nil {
		return false, err
	}
	for _, m := range migrations {
		if !applied[m.version] {
			return true, nil
		}
	}
	for _, queue := range queues {
		wrong, _, err := s.wrongTTL(ctx, queue)
		if err != nil || wrong {
			return wrong, err
		}
	}
	return s.foreign(ctx)
}

// applied are the migrations on record. It fails where one of them needs a newer
// version of this package.
func (s *Store) applied(ctx context.Context) (map[int64]bool, error) {
	docs, err := s.coll(collMigrations).all(ctx, bson.D{})
	if err != nil {
		return nil, err
	}
	applied := map[int64]bool{}
	for _, d := range docs {
		applied[number(d, "_id")] = true
		if needs := number(d, "needs"); needs > newestVersion() {
			return nil, fmt.Errorf("a newer version of Tandem wrote this database (migration %d, %s, needs version %d of the data, this is %d): run that version or a newer one",
				number(d, "_id"), text(d, "name"), needs, newestVersion())
		}
	}
	return applied, nil
}

// bringUpToDate does what is left, and keeps the lease for as long as that takes.
func (s *Store) bringUpToDate(ctx context.Context, lease store.Lease) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	var keeping sync.WaitGroup
	keeping.Go(func() {
		tick := time.NewTicker(migrationTTL / 3)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if err := s.RenewLease(ctx, lease, migrationTTL); err != nil && ctx.Err() == nil {
					cancel(err)
				}
			}
		}
	})
	defer func() {
		cancel(nil)
		keeping.Wait()
		if releaseErr := s.ReleaseLease(context.WithoutCancel(ctx), lease); err == nil {
			err = releaseErr
		}
	}()
	applied, err := s.applied(ctx) // another may have been here meanwhile
	if err != nil {
		return err
	}
	for _, m := range migrations {
		if applied[m.version] {
			continue
		}
		s.options.Logger.Info("bringing the database up to date", "migration", m.version, "name", m.name)
		if err := m.run(s, ctx); err != nil {
			return fmt.Errorf("migration %d (%s): %w", m.version, m.name, err)
		}
		if _, err := s.coll(collMigrations).upsert(ctx, bson.D{is("_id", m.version)}, bson.D{set(
			is("name", m.name), is("needs", m.needs), is("at", date(s.now())))}); err != nil {
			return err
		}
	}
	if err := s.makeTTLs(ctx); err != nil {
		return err
	}
	return s.adopt(ctx)
}

// index makes an index unless it is there.
func (s *Store) index(ctx context.Context, collection string, keys bson.D, opts *options.IndexOptionsBuilder) error {
	c := s.coll(collection)
	if err := c.before(ctx, "createIndexes"); err != nil {
		return err
	}
	if _, err := c.c.Indexes().CreateOne(ctx, mongo.IndexModel{Keys: keys, Options: opts}); err != nil {
		return fmt.Errorf("index %v of %s: %w", keys, collection, err)
	}
	return nil
}

func unique() *options.IndexOptionsBuilder { return options.Index().SetUnique(true).SetSparse(true) }
func sparse() *options.IndexOptionsBuilder { return options.Index().SetSparse(true) }

// makeIndexes makes those of the collections that all datasets share: first the
// reference server's, under the names that it gives them, then Tandem's.
func (s *Store) makeIndexes(ctx context.Context) error {
	type index struct {
		collection string
		keys       bson.D
		opts       *options.IndexOptionsBuilder
	}
	all := []index{
		{collClients, bson.D{is("id", 1)}, nil},
		{collClients, bson.D{is("datasetId", 1)}, nil},
		{collClients, bson.D{is("active", 1)}, nil},
		{collClients, bson.D{is("active", 1), is("dueAt", 1)}, nil},
		{collClients, bson.D{is("active", 1), is("expiresAt", 1)}, nil},
		{collUIDs, bson.D{is("datasetId", 1), is("cuid", 1), is("uid", 1)}, nil},
		{string(store.QueueSync), bson.D{is("waiting", 1)}, unique()},
		{string(store.QueuePending), bson.D{is("head", 1)}, unique()},
		{string(store.QueuePending), bson.D{is("version", 1)}, unique()},
		{string(store.QueuePending), bson.D{is("change", 1), is("n", -1)}, nil},
		{string(store.QueuePending), bson.D{is("line", 1), is("_id", 1)}, sparse()},
		{string(store.QueuePending), bson.D{is("payload.datasetId", 1), is("payload.cuid", 1), is("deleted", 1)}, nil},
		{string(store.QueuePending), bson.D{is("payload.hash", 1)}, nil},
		{string(store.QueueAck), bson.D{is("payload.hash", 1)}, nil},
		{string(store.QueuePending), bson.D{is("visible", 1), is("_id", 1)},
			options.Index().SetName("claimable").SetPartialFilterExpression(bson.D{present("head")})},
	}
	for _, queue := range queues {
		all = append(all,
			index{string(queue), bson.D{is("deleted", 1), is("visible", 1)}, nil},
			index{string(queue), bson.D{is("deleted", 1), is("visible", 1), is("_id", 1)}, nil},
			index{string(queue), bson.D{is("ack", 1)}, unique()},
			index{string(queue), bson.D{is("ack", 1), is("visible", 1), is("deleted", 1)}, nil})
	}
	for _, i := range all {
		if err := s.index(ctx, i.collection, i.keys, i.opts); err != nil {
			return err
		}
	}
	return nil
}

// ttlIndex is the reference server's name of it.
const ttlIndex = "deleted_1"

// wrongTTL tells whether the TTL index of a queue is missing or of another TTL, and
// whether there is one. Under a clock of its own nothing may expire by itself.
func (s *Store) wrongTTL(ctx context.Context, queue store.Queue) (wrong, exists bool, err error) {
	if s.options.Clock != nil {
		return false, false, nil
	}
	c := s.coll(string(queue))
	if err := c.before(ctx, "listIndexes"); err != nil {
		return false, false, err
	}
	cursor, err := c.c.Indexes().List(ctx)
	if err != nil {
		return false, false, err
	}
	var indexes []bson.Raw
	if err := cursor.All(ctx, &indexes); err != nil {
		return false, false, err
	}
	for _, i := range indexes {
		if text(i, "name") == ttlIndex {
			return number(i, "expireAfterSeconds") != int64(s.options.QueueTTL.Seconds()), true, nil
		}
	}
	return true, false, nil
}

// makeTTLs makes the indexes by which the database forgets. One of another TTL is
// made anew.
func (s *Store) makeTTLs(ctx context.Context) error {
	if s.options.Clock != nil {
		return nil
	}
	for _, queue := range queues {
		wrong, exists, err := s.wrongTTL(ctx, queue)
		if err != nil {
			return err
		}
		if wrong && exists {
			if err := s.coll(string(queue)).c.Indexes().DropOne(ctx, ttlIndex); err != nil {
				return err
			}
		}
		if wrong {
			ttl := int32(s.options.QueueTTL.Seconds())
			if err := s.index(ctx, string(queue), bson.D{is("deleted", 1)}, options.Index().SetName(ttlIndex).SetExpireAfterSeconds(ttl)); err != nil {
				return err
			}
			s.options.Logger.Info("done messages are kept for this long", "queue", queue, "seconds", ttl)
		}
	}
	return s.index(ctx, collUIDs, bson.D{is("expires", 1)}, options.Index().SetExpireAfterSeconds(0))
}

// datasetMemo remembers for which datasets this process knows the indexes to exist.
type datasetMemo struct{ known sync.Map }

// prepareDataset makes the indexes of a dataset's collections.
func (s *Store) prepareDataset(ctx context.Context, dataset string) error {
	if _, ok := s.known.known.Load(dataset); ok {
		return nil
	}
	for _, i := range []struct {
		collection string
		keys       bson.D
	}{
		{recordsOf(dataset), bson.D{is("uid", 1)}},
		{recordsOf(dataset), bson.D{is("refs", 1)}},
		{recordsOf(dataset), bson.D{is("refs", 1), is("_id", 1)}},
		{updatesOf(dataset), bson.D{is("cuid", 1), is("hash", 1)}},
	} {
		if err := s.index(ctx, i.collection, i.keys, nil); err != nil {
			return err
		}
	}
	s.known.known.Store(dataset, true)
	return nil
}
