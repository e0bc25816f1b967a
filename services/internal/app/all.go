package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"google.golang.org/grpc"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/adapters/embedded"
	"github.com/tandem-sync/tandem/services/gateway"
	"github.com/tandem-sync/tandem/services/internal/backend"
	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/internal/config"
	"github.com/tandem-sync/tandem/services/internal/stats"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/store/sqlite"
	"github.com/tandem-sync/tandem/services/internal/store/wrap"
	"github.com/tandem-sync/tandem/services/internal/wake"
	"github.com/tandem-sync/tandem/services/internal/wake/nats"
	"github.com/tandem-sync/tandem/services/internal/wire"
)

// Options is what a node is made of.
type Options struct {
	Config  config.Config
	Version string
	Log     *slog.Logger

	// Adapter takes the place of the embedded adapter, for tests.
	Adapter adapter.Adapter
}

// Node is a running `tandem all`.
type Node struct {
	opts Options
	log  *slog.Logger

	engine  store.Store // as the engine made it
	store   store.Store // observed
	bus     wake.Bus
	router  *backend.Router
	stats   *stats.Stats
	gateway *gateway.Gateway
	http    *http.Server
	listen  net.Listener
	admin   *grpc.Server

	closers []func() error // what was opened, in order
	done    chan struct{}
	err     error // set before done is closed
}

// StartAll opens the data folder and starts every role. The node runs until ctx
// ends or a part of it fails; Wait tells.
func StartAll(ctx context.Context, o Options) (*Node, error) {
	n := &Node{opts: o, log: o.Log, done: make(chan struct{})}
	if err := n.open(ctx); err != nil {
		return nil, errors.Join(err, n.close())
	}
	go n.run(ctx)
	return n, nil
}

// URL is where devices reach the node.
func (n *Node) URL() string { return "http://" + n.listen.Addr().String() }

// Wait returns when the node has stopped: nil after an orderly stop.
func (n *Node) Wait() error {
	<-n.done
	return n.err
}

// AdminSocket is the path of the administration API's socket in a data folder.
func AdminSocket(data string) string { return filepath.Join(data, "admin.sock") }

func (n *Node) open(ctx context.Context) error {
	cfg := n.opts.Config
	for id := range cfg.Datasets.ByID {
		if err := wire.CheckDatasetID(id); err != nil {
			return fmt.Errorf("setting datasets: %w", err)
		}
	}
	if cfg.Stats.Collect {
		n.stats = stats.New(stats.Options{Keep: cfg.Stats.RecordsToKeep, Clock: clock.System})
	}
	if err := n.openData(ctx, cfg); err != nil {
		return fmt.Errorf("data folder %s (setting data): %w; each server needs a folder of its own that it may write to, another is chosen with --data", cfg.Store.Data, err)
	}
	bus, err := nats.Embedded(n.log)
	if err != nil {
		return err
	}
	n.bus = bus
	n.closers = append(n.closers, func() error { bus.Close(); return nil })
	if n.gateway, err = n.newGateway(); err != nil {
		return err
	}
	return n.openListeners(ctx, cfg)
}

// openData opens all that is kept in the data folder.
func (n *Node) openData(ctx context.Context, cfg config.Config) error {
	if err := os.MkdirAll(cfg.Store.Data, 0o700); err != nil {
		return err
	}
	state, records := filepath.Join(cfg.Store.Data, "tandem.db"), filepath.Join(cfg.Store.Data, "backend.db")
	for _, path := range []string{state, records} {
		if err := private(path); err != nil {
			return err
		}
	}
	engine, err := sqlite.Open(ctx, sqlite.Options{
		Path: state, Clock: clock.System,
		QueueTTL: cfg.Store.QueueMessagesTTL, Logger: n.log,
	})
	if err != nil {
		return err
	}
	n.engine = engine
	n.closers = append(n.closers, engine.Close)
	n.store = wrap.Observe(engine, func(op string, took time.Duration, _ error) {
		n.stats.Observe(stats.StorageTime, op, float64(took)/float64(time.Millisecond))
	})
	return n.openBackends(cfg, records)
}

// private makes a database file that only its owner can read, where there is none:
// SQLite would make it as the process's umask says, and gives the files beside it
// the same mode.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// openBackends opens the default adapter in this process and the way to those
// that the configuration names.
func (n *Node) openBackends(cfg config.Config, records string) error {
	served := n.opts.Adapter
	if served == nil {
		emb, err := embedded.Open(records)
		if err != nil {
			return err
		}
		n.closers = append(n.closers, emb.Close)
		served = emb
	}
	conn, stop := backend.InProcess(served, adapter.WithLogger(n.log))
	n.closers = append(n.closers, func() error { stop(); return nil })
	n.router = backend.New(backend.Options{
		Default: conn,
		Routes: func(dataset string) string {
			d, _ := cfg.Datasets.For(dataset)
			return d.Adapter
		},
		CallTimeout: cfg.Adapters.Timeout, MaxConcurrent: cfg.Adapters.Concurrency, Logger: n.log,
	})
	n.closers = append(n.closers, n.router.Close)
	return nil
}

// close closes what was opened, the last first.
func (n *Node) close() error {
	var errs []error
	for i := len(n.closers) - 1; i >= 0; i-- {
		errs = append(errs, n.closers[i]())
	}
	n.closers = nil
	return errors.Join(errs...)
}
