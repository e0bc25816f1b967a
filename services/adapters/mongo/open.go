package mongo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/connstring"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/internal/record"
)

// Options are the settings of an adapter.
type Options struct {
	// URI is the address of the server or cluster, mongodb://... or mongodb+srv://...
	URI string
	// Database holds the collections; "" for the one that the URI names.
	Database string
	// Datasets are settings of single datasets, by their ids. The others are served too, without any.
	Datasets map[string]DatasetOptions
	// Logger; nil for none.
	Logger *slog.Logger
}

// DatasetOptions are the settings of one dataset.
type DatasetOptions struct {
	// ChangeField is the top-level field that whoever writes a record sets to the time (a Date), or to
	// anything else that only grows. With it ListChanges is offered. It should have an index. It is never
	// part of a record's data; the adapter sets it to the time with each of its writes.
	ChangeField string
	// DeletedField is the top-level field that marks a record as deleted: one that has it, neither null nor
	// false, is not shown. The adapter's deletes set it to true and keep the document. It needs ChangeField,
	// and lets ListChanges tell of deletions. It is never part of a record's data.
	DeletedField string
}

// Service is an adapter in front of a MongoDB. It implements adapter.ChangeLister too if a dataset has a
// ChangeField.
type Service interface {
	adapter.Adapter
	adapter.Describer
	// Ping tells whether the database answers.
	Ping(ctx context.Context) error
	// Close ends the connections. Calls that come later fail with "not now".
	Close() error
}

// selectWithin is how long a call waits for a server to be there, unless the URI says otherwise.
const selectWithin = 10 * time.Second

// closeWithin bounds how long Close waits for calls under way.
const closeWithin = 10 * time.Second

// Adapter is the adapter; Open makes it.
type Adapter struct {
	client   *mongo.Client
	db       *mongo.Database
	datasets map[string]DatasetOptions
	log      *slog.Logger
	now      clock.Clock
	indexed  atomic.Bool // the keys have their index, or can't have it
}

// Open makes an adapter. It returns an error for settings that can't be right. It does not look for the
// server: Ping does, and calls are answered with "not now" until it is there. Close it at the end.
func Open(_ context.Context, o Options) (Service, error) {
	if o.URI == "" {
		return nil, errors.New("mongo adapter: no URI given, such as mongodb://127.0.0.1:27017/data")
	}
	parsed, err := connstring.ParseAndValidate(o.URI)
	if err != nil {
		return nil, fmt.Errorf("mongo adapter: URI: %w", err)
	}
	if o.Database == "" {
		o.Database = parsed.Database
	}
	if o.Database == "" {
		return nil, errors.New("mongo adapter: no database given; name one, also as the path of the URI: mongodb://host/database")
	}
	changes, err := checkDatasets(o.Datasets)
	if err != nil {
		return nil, fmt.Errorf("mongo adapter: %w", err)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	client, err := mongo.Connect(options.Client().SetAppName("tandem-adapter").SetServerSelectionTimeout(selectWithin).ApplyURI(o.URI))
	if err != nil {
		return nil, fmt.Errorf("mongo adapter: %w", err)
	}
	a := &Adapter{client: client, db: client.Database(o.Database, safely()), datasets: o.Datasets, log: o.Logger, now: clock.System}
	if changes {
		return &withChanges{a}, nil
	}
	return a, nil
}

// safely says what matters more than what the URI may say: what was answered must survive the loss of a
// server, and what is compared must be the newest.
func safely() *options.DatabaseOptionsBuilder {
	return options.Database().SetWriteConcern(writeconcern.Majority()).SetReadPreference(readpref.Primary())
}

// checkDatasets checks the settings of datasets and tells whether one has a ChangeField.
func checkDatasets(all map[string]DatasetOptions) (changes bool, err error) {
	for id, o := range all {
		if err := record.CheckDatasetID(id); err != nil {
			return false, err
		}
		for _, field := range []string{o.ChangeField, o.DeletedField} {
			if field != "" && (!storable(field) || strings.HasPrefix(field, "_")) {
				return false, fmt.Errorf("dataset %s: %q can't be a change or deletion field: it needs a top-level field, "+
					"without '.', '$' and '_' at its beginning", id, field)
			}
		}
		if o.DeletedField != "" && (o.ChangeField == "" || o.ChangeField == o.DeletedField) {
			return false, fmt.Errorf("dataset %s: a deletion field needs a change field beside it", id)
		}
		changes = changes || o.ChangeField != ""
	}
	return changes, nil
}

// Ping implements Service.
func (a *Adapter) Ping(ctx context.Context) error {
	return failure("", a.db.RunCommand(ctx, bson.D{{Key: "ping", Value: 1}}).Err())
}

// Close implements Service.
func (a *Adapter) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	if err := a.client.Disconnect(ctx); err != nil && !errors.Is(err, mongo.ErrClientDisconnected) {
		return fmt.Errorf("mongo adapter: %w", err)
	}
	return nil
}

// Describe implements adapter.Describer.
func (a *Adapter) Describe(context.Context) (adapter.Description, error) {
	return adapter.Description{Name: "mongo", Version: "1", CompareAndWrite: true}, nil
}
