package mongo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"

	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// Options say where the database is and how long it remembers.
type Options struct {
	// URI as the driver takes it: mongodb://... or mongodb+srv://...
	URI string
	// Database to use. Default: the one that the URI names, else "tandem".
	Database string
	// PoolSize is the most connections to each server. Default: the driver's, 100.
	PoolSize int
	// Local is this machine's clock, from which the database server's time is
	// derived. Default: clock.System.
	Local clock.Clock
	// Clock, for tests, gives the times that are stored in place of the server's. The
	// database then expires nothing by itself.
	Clock clock.Clock
	// QueueTTL is how long done messages are kept, as a log and to recognise
	// changes that are sent again. Default: 24 hours.
	QueueTTL time.Duration
	// AliasTTL is how long it is remembered which record a made-up uid became.
	// Default: 30 days.
	AliasTTL time.Duration
	// Logger gets what an operator should know. Default: none.
	Logger *slog.Logger

	// Interrupt, for tests of crashes and of what may happen in between, is called
	// before each command; its error ends the operation there, as the death of the
	// process would.
	Interrupt func(ctx context.Context, command string) error
}

// selectionTimeout is how long an operation waits for a server to be found.
const selectionTimeout = 10 * time.Second

// operationTimeout bounds an operation whose context has no deadline.
const operationTimeout = 30 * time.Second

// Store is the engine. It implements store.Store.
type Store struct {
	options Options
	client  *mongo.Client
	db      *mongo.Database
	time    *serverTime
	closed  atomic.Bool

	known   datasetMemo // datasets whose indexes exist
	sweeper sweeper
}

var _ store.Store = (*Store)(nil)

// Open connects, makes the indexes and brings the data up to date, that of a
// reference server included; once per cluster, others wait for it. It fails with
// store.ErrUnavailable when the database can't be reached, which is worth another
// try, and with another error when the URI or a setting in it is wrong, when the
// server refuses the credentials, or when a newer version of Tandem wrote the data.
func Open(ctx context.Context, o Options) (*Store, error) {
	o, err := withDefaults(o)
	if err != nil {
		return nil, err
	}
	s := &Store{options: o}
	if err := s.open(ctx); err != nil {
		if s.client != nil {
			_ = s.Close()
		}
		return nil, translate("open the database "+o.Database, err)
	}
	return s, nil
}

func withDefaults(o Options) (Options, error) {
	parsed, err := connstring.ParseAndValidate(o.URI)
	if err != nil {
		return o, fmt.Errorf("mongo: the connection URL is wrong: %w", err)
	}
	if o.Database == "" {
		o.Database = parsed.Database
	}
	if o.Database == "" {
		o.Database = "tandem"
	}
	if o.Local == nil {
		o.Local = clock.System
	}
	if o.QueueTTL <= 0 {
		o.QueueTTL = 24 * time.Hour
	}
	if o.AliasTTL <= 0 {
		o.AliasTTL = 30 * 24 * time.Hour
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

func (s *Store) open(ctx context.Context) error {
	opts := options.Client().ApplyURI(s.options.URI).SetAppName("tandem")
	if opts.ServerSelectionTimeout == nil { // what the URI says goes first
		opts.SetServerSelectionTimeout(selectionTimeout)
	}
	if opts.Timeout == nil {
		opts.SetTimeout(operationTimeout)
	}
	if s.options.PoolSize > 0 {
		opts.SetMaxPoolSize(uint64(s.options.PoolSize))
	}
	client, err := mongo.Connect(opts)
	if err != nil {
		return err
	}
	s.client = client
	s.time = newServerTime(s.options.Local, s.options.Clock, client)
	hello, err := s.time.measure(ctx)
	if err != nil {
		return err
	}
	s.db = client.Database(s.options.Database, concerns(hello))
	return s.prepare(ctx)
}

// concerns are the strongest that the server has: on a replica set or a sharded
// cluster what a majority holds, on a standalone server what its journal holds.
func concerns(hello bson.Raw) *options.DatabaseOptionsBuilder {
	o := options.Database().SetReadPreference(readpref.Primary())
	if has(hello, "setName") || text(hello, "msg") == "isdbgrid" {
		return o.SetReadConcern(readconcern.Majority()).SetWriteConcern(writeconcern.Majority())
	}
	journaled := true
	return o.SetWriteConcern(&writeconcern.WriteConcern{W: 1, Journal: &journaled})
}

// Now is the time in the cluster: the database server's. It is a clock.Clock.
func (s *Store) Now() time.Time { return s.time.now() }

// now is the time of an operation.
func (s *Store) now() time.Time { return s.time.now() }

// until is when a claim for window ends. Less than a millisecond would end at once.
func until(now time.Time, window time.Duration) time.Time {
	return now.Add(max(window.Truncate(time.Millisecond), time.Millisecond))
}

// Ping tells whether the store answers.
func (s *Store) Ping(ctx context.Context) error {
	if s.closed.Load() {
		return translate("ping", store.ErrUnavailable)
	}
	return translate("ping", s.client.Ping(ctx, nil))
}

// closeTimeout is how long Close waits for operations under way.
const closeTimeout = 10 * time.Second

// Close lets what was accepted finish; all that comes later gets
// store.ErrUnavailable. Closing twice does nothing.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := s.client.Disconnect(ctx)
	if errors.Is(err, mongo.ErrClientDisconnected) {
		err = nil
	}
	return translate("close", err)
}
