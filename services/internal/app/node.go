package app

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"sync"

	"github.com/tandem-sync/tandem/services/internal/backend"
	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/internal/config"
	"github.com/tandem-sync/tandem/services/internal/datasets"
	"github.com/tandem-sync/tandem/services/internal/stats"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/wake"
)

// Node is a running process with one role, or all.
type Node struct {
	opts  Options
	cfg   config.Config
	log   *slog.Logger
	clock clock.Clock

	health     *health
	front      *front // nil unless a gateway
	datasets   *datasets.Source
	engine     store.Store // as the engine made it
	store      store.Store // observed
	bus        wake.Bus
	router     *backend.Router // nil where no adapter is called
	hasDefault bool            // a dataset that names no adapter has one
	stats      *stats.Stats
	gateway    http.Handler // nil unless a gateway

	work    []func(context.Context) // what runs until the stop
	closers []func() error          // what was opened, in order
	fail    context.CancelCauseFunc // stops the node for a reason that Wait tells
	done    chan struct{}
	err     error // set before done is closed
}

// Run runs a node until ctx ends or a part of it fails, and calls ready once it
// works. A stop that was asked for is no error, also while the node is waiting
// for its store.
func Run(ctx context.Context, o Options, ready func(*Node)) error {
	n, err := Start(ctx, o)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	ready(n)
	return n.Wait()
}

// unlessStopped is err, or nil where err comes of the stop that ctx asks for.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// StartAll starts every role in this process: Start without Roles.
func StartAll(ctx context.Context, o Options) (*Node, error) {
	o.Roles = nil
	return Start(ctx, o)
}

// Start opens what the node's roles need and starts them. While a database or
// adapter elsewhere does not answer it waits for it, for as long as ctx lasts. The
// node runs until ctx ends or a part of it fails; Wait tells.
func Start(ctx context.Context, o Options) (*Node, error) {
	if o.Clock == nil {
		o.Clock = clock.System
	}
	n := &Node{opts: o, cfg: o.Config, log: o.Log, clock: o.Clock, health: &health{}, done: make(chan struct{})}
	for _, note := range n.cfg.Notes {
		n.log.Warn(note)
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	ctx, n.fail = context.WithCancelCause(ctx)
	if err := n.open(ctx); err != nil {
		if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
			err = cause
		}
		err = errors.Join(err, n.close())
		n.fail(nil)
		return nil, err
	}
	if n.front != nil {
		n.front.gateway.Store(&n.gateway)
	}
	n.health.set(working)
	go n.run(ctx)
	return n, nil
}

// Wait returns when the node has stopped: nil after an orderly stop.
func (n *Node) Wait() error {
	<-n.done
	return n.err
}

// open opens everything, in the order in which it depends on one another.
func (n *Node) open(ctx context.Context) error {
	if n.cfg.Stats.Collect {
		n.stats = stats.New(stats.Options{Keep: n.cfg.Stats.RecordsToKeep, Clock: n.clock})
	}
	// The embedded store is there or it is not: nobody need watch the start. A database
	// elsewhere may be waited for.
	first := []func(context.Context) error{n.openStore, n.openHealth, n.openFront, n.openDatasets}
	if !n.embedded() {
		first = []func(context.Context) error{n.openHealth, n.openFront, n.openDatasets, n.openStore}
	}
	for _, step := range append(first, n.openBus, n.openBackends, n.openGateway, n.openAdmin, n.openWorkers) {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// run works until ctx ends, then stops in two stages.
func (n *Node) run(ctx context.Context) {
	var work sync.WaitGroup
	for _, f := range n.work {
		work.Go(func() { f(ctx) })
	}
	<-ctx.Done()
	n.log.Info("stopping: taking no new work, finishing what is in hand")
	n.health.set(stopping)
	n.front.shutdown(ctx, n.cfg.Gateway.ShutdownTimeout)
	work.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		n.err = cause
	}
	n.err = errors.Join(n.err, n.close())
	n.log.Info("stopped")
	n.fail(nil)
	close(n.done)
}

// closing has f called when the node ends, before what was opened earlier is closed.
func (n *Node) closing(f func() error) { n.closers = append(n.closers, f) }

// close closes what was opened, the last first.
func (n *Node) close() error {
	var errs []error
	for i := len(n.closers) - 1; i >= 0; i-- {
		errs = append(errs, n.closers[i]())
	}
	n.closers = nil
	return errors.Join(errs...)
}

// URL is where devices reach the node, "" where it is no gateway.
func (n *Node) URL() string {
	if n.front == nil {
		return ""
	}
	return "http://" + n.front.listener.Addr().String()
}

// hostname is the machine's or pod's name.
func hostname() string {
	if name, err := os.Hostname(); err == nil && name != "" {
		return name
	}
	return "unknown"
}
