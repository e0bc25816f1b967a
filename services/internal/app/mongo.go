package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"

	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/auth"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	mongoadapter "github.com/tandem-sync/tandem/services/adapters/mongo"
	"github.com/tandem-sync/tandem/services/internal/config"
	"github.com/tandem-sync/tandem/services/internal/datasets"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/store/mongo"
)

// openMongoStore waits for MongoDB and opens the store in it. From then on the time
// is the database server's, which all processes of the cluster share.
func (n *Node) openMongoStore(ctx context.Context) (store.Store, error) {
	cfg := n.cfg.Store
	engine, err := patiently(ctx, n.log, "MongoDB", mongodbError(cfg.MongodbURL, "mongodbUrl"), func(ctx context.Context) (*mongo.Store, error) {
		return mongo.Open(ctx, mongo.Options{
			URI: string(cfg.MongodbURL), Database: cfg.Database(), PoolSize: cfg.MongodbPoolSize,
			Local: n.clock, QueueTTL: cfg.QueueMessagesTTL, Logger: n.log,
		})
	})
	if err != nil {
		return nil, err
	}
	n.clock = engine.Now
	return engine, nil
}

// openMongoAdapter waits for MongoDB and opens the adapter that keeps records in it.
func openMongoAdapter(ctx context.Context, cfg config.Config, known *datasets.Snapshot, log *slog.Logger) (readyAdapter, error) {
	fields := map[string]mongoadapter.DatasetOptions{}
	for id, d := range known.Settings().ByID {
		if d.ChangeField != "" || d.DeletedField != "" {
			fields[id] = mongoadapter.DatasetOptions{ChangeField: d.ChangeField, DeletedField: d.DeletedField}
		}
	}
	u, database := cfg.AdapterServer.Source(cfg.Store)
	setting := "adapterMongodbUrl"
	if cfg.AdapterServer.MongodbURL == "" {
		setting = "mongodbUrl"
	}
	return patiently(ctx, log, "the adapter's MongoDB", mongodbError(u, setting), func(ctx context.Context) (readyAdapter, error) {
		a, err := mongoadapter.Open(ctx, mongoadapter.Options{URI: string(u), Database: database, Datasets: fields, Logger: log})
		if err != nil {
			return nil, err
		}
		// It opens without looking. Who calls it is better told to wait than let in.
		ctx, cancel := context.WithTimeout(ctx, longPause)
		defer cancel()
		if err := a.Ping(ctx); err != nil {
			return nil, errors.Join(err, a.Close())
		}
		return a, nil
	})
}

// mongodbError judges an error of opening a MongoDB: lasting when no waiting helps,
// such as a user that is not let in. What it returns tells no password.
func mongodbError(u config.URL, setting string) func(error) (lasting bool, shown error) {
	return func(err error) (bool, error) {
		return !mayPass(err), fmt.Errorf("MongoDB at %s (setting %s): %s", u, setting, u.Redact(err.Error()))
	}
}

// mayPass tells whether an error speaks of a network or a server that may be back
// in a while.
func mayPass(err error) bool {
	var network net.Error // of name servers, too
	if errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	var login *auth.Error
	if errors.As(err, &login) {
		return false // it answers, and does not let this user in
	}
	var selection topology.ServerSelectionError
	var connection topology.ConnectionError
	return errors.Is(err, store.ErrUnavailable) || status.Code(err) == codes.Unavailable ||
		driver.IsNetworkError(err) || driver.IsTimeout(err) || errors.As(err, &selection) || errors.As(err, &connection)
}
