package app

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/tandem-sync/tandem/services/ackworker"
	"github.com/tandem-sync/tandem/services/gateway"
	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/internal/config"
	"github.com/tandem-sync/tandem/services/internal/consume"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/stats"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/wake"
	"github.com/tandem-sync/tandem/services/pendingworker"
	"github.com/tandem-sync/tandem/services/scheduler"
	"github.com/tandem-sync/tandem/services/syncworker"
)

// claimWindow is how long an acknowledgement or sync job stays with a worker
// that does not extend its claim, since it died.
const claimWindow = 30 * time.Second

// run runs every role until ctx ends or serving fails, then stops in two stages.
func (n *Node) run(ctx context.Context) {
	cfg := n.opts.Config
	ctx, stop := context.WithCancelCause(ctx)
	var roles sync.WaitGroup
	start := func(f func(context.Context)) { roles.Go(func() { f(ctx) }) }

	start(n.gateway.Run)
	start(n.pendingLoop(cfg).Run)
	start(n.ackLoop(cfg).Run)
	start(n.syncLoop(cfg).Run)
	start(n.newScheduler(cfg).Run)
	start(n.collector(cfg).Run)
	go func() {
		if err := n.http.Serve(n.listen); !errors.Is(err, http.ErrServerClosed) {
			stop(err)
		}
	}()

	<-ctx.Done()
	n.log.Info("stopping: taking no new work, finishing what is in hand")
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.Gateway.ShutdownTimeout)
	defer cancel()
	if err := n.http.Shutdown(grace); err != nil {
		n.log.Warn("requests in hand took too long to finish; cut off", "err", err)
		_ = n.http.Close()
	}
	roles.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		n.err = cause
	}
	n.err = errors.Join(n.err, n.close())
	n.log.Info("stopped")
	close(n.done)
}

func (n *Node) newGateway() (*gateway.Gateway, error) {
	cfg := n.opts.Config
	return gateway.New(gateway.Options{
		Config: gateway.Config{
			BodyLimit: cfg.Gateway.BodyLimit, RequestTimeout: cfg.Gateway.RequestTimeout, CORSOrigins: cfg.Gateway.CORSOrigins,
			AccessLog: cfg.Log.Access, SyncReqWaitForAck: cfg.Gateway.SyncReqWaitForAck, SyncReqAckLimit: cfg.Gateway.SyncReqAckLimit,
			Version: n.opts.Version,
		},
		Store: n.store, Backend: func(d string) (gateway.Backend, error) { return n.router.For(d) }, Datasets: datasets{cfg.Datasets}, Stats: n.stats, Bus: n.bus,
		Clock: clock.System, Log: n.log.With("role", "gateway"),
	})
}

// datasets shows the configured datasets to the gateway.
type datasets struct{ config.Datasets }

func (d datasets) Dataset(id string) (record.SyncConfig, bool) {
	ds, known := d.For(id)
	return ds.SyncConfig, known
}

func (n *Node) pendingLoop(cfg config.Config) *consume.Loop[store.ClaimedChange] {
	log := n.log.With("role", "pending-worker")
	w := &pendingworker.Worker{
		Config: pendingworker.Config{RetryLimit: cfg.PendingWorker.RetryLimit, RetryInterval: cfg.PendingWorker.RetryInterval},
		Store:  n.store, Backend: func(d string) (pendingworker.Backend, error) { return n.router.For(d) }, Log: log,
	}
	l := newLoop[store.ClaimedChange](n, cfg, stats.PendingWorker, cfg.PendingWorker.Loop, w, wake.Pending)
	l.Window, l.Log = cfg.PendingWorker.RetryInterval, log
	return l
}

func (n *Node) ackLoop(cfg config.Config) *consume.Loop[[]store.ClaimedAck] {
	l := newLoop[[]store.ClaimedAck](n, cfg, stats.AckWorker, cfg.AckWorker.Loop, ackworker.Queue{Store: n.store}, wake.Ack)
	l.Log = n.log.With("role", "ack-worker")
	return l
}

func (n *Node) syncLoop(cfg config.Config) *consume.Loop[store.Job] {
	log := n.log.With("role", "sync-worker")
	w := &syncworker.Worker{Store: n.store, Backend: func(d string) (syncworker.Backend, error) { return n.router.For(d) }, Log: log}
	l := newLoop[store.Job](n, cfg, stats.SyncWorker, cfg.SyncWorker.Loop, w, wake.Sync)
	l.Log = log
	return l
}

func newLoop[M any](n *Node, cfg config.Config, name string, lc config.Loop, q consume.Queue[M], topic wake.Topic) *consume.Loop[M] {
	woken, _ := n.bus.Subscribe(topic) // ends with the bus
	return &consume.Loop[M]{
		Name: name, Queue: q, Concurrency: lc.Concurrency, Batch: 1, Window: claimWindow,
		Backoff: consume.Backoff{Strategy: consume.Strategy(lc.Backoff.Strategy), Min: lc.Interval, Max: lc.Backoff.Max},
		Wake:    woken, Grace: cfg.Gateway.ShutdownTimeout,
		OnDone: func(took time.Duration, _ error) {
			n.stats.Observe(stats.JobTime, name, float64(took)/float64(time.Millisecond))
		},
	}
}

func (n *Node) newScheduler(cfg config.Config) *scheduler.Scheduler {
	return scheduler.New(scheduler.Config{
		Interval: cfg.Scheduler.Interval, LockName: cfg.Scheduler.LockName, LockMaxTime: cfg.Scheduler.LockMaxTime,
		Retention: cfg.Cleaner.RetentionPeriod, CleanEvery: cfg.Cleaner.CheckFrequency,
		// The data folder has one process at a time: a node that comes back after a
		// crash takes up its own lease instead of waiting for it to expire.
		Holder: "all", Clock: clock.System,
	}, n.store, n.bus, n.log.With("role", "scheduler"))
}

func (n *Node) collector(cfg config.Config) stats.Collector {
	sizes := map[string]func(context.Context) (int, error){}
	for worker, queue := range map[string]store.Queue{
		stats.SyncWorker: store.QueueSync, stats.AckWorker: store.QueueAck, stats.PendingWorker: store.QueuePending,
	} {
		sizes[worker] = func(ctx context.Context) (int, error) {
			all, err := n.engine.Queues(ctx) // not observed: watching is no work
			return int(all[queue]), err
		}
	}
	return stats.Collector{Stats: n.stats, Interval: cfg.Stats.Interval, Process: "all", Log: n.log, Sizes: sizes}
}
