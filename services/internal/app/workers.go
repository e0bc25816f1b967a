package app

import (
	"context"
	"sync"
	"time"

	"github.com/tandem-sync/tandem/services/ackworker"
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

// openWorkers adds the work of every role that has no port.
func (n *Node) openWorkers(context.Context) error {
	for _, part := range []struct {
		role Role
		make func() func(context.Context)
	}{
		{PendingWorker, n.pendingWork},
		{AckWorker, func() func(context.Context) { return n.ackLoop().Run }},
		{SyncWorker, n.syncWork},
		{Scheduler, func() func(context.Context) { return n.newScheduler().Run }},
	} {
		if n.opts.has(part.role) {
			n.work = append(n.work, part.make())
		}
	}
	n.work = append(n.work, n.collector().Run)
	return nil
}

// pendingWork applies changes, and asks for sync runs after them (syncOnChange).
func (n *Node) pendingWork() func(context.Context) {
	refresh := pendingworker.NewRefresh(pendingworker.RefreshOptions{
		Store: n.store, SyncOnChange: n.datasets.RefreshAfter, Bus: n.bus, Clock: n.clock, Log: n.log.With("role", PendingWorker),
	})
	loop := n.pendingLoop(refresh.Applied)
	return func(ctx context.Context) { refresh.During(ctx, loop.Run) }
}

func (n *Node) pendingLoop(applied func(record.Change, record.UpdateType)) *consume.Loop[store.ClaimedChange] {
	log, cfg := n.log.With("role", PendingWorker), n.cfg.PendingWorker
	w := &pendingworker.Worker{
		Config: pendingworker.Config{RetryLimit: cfg.RetryLimit, RetryInterval: cfg.RetryInterval},
		Store:  n.store, Backend: func(d string) (pendingworker.Backend, error) { return n.backend(d) }, Log: log,
		Hasher: n.datasets.Hasher, Applied: applied,
	}
	l := newLoop[store.ClaimedChange](n, stats.PendingWorker, cfg.Loop, w, wake.Pending)
	l.Window, l.Log = cfg.RetryInterval, log
	return l
}

func (n *Node) ackLoop() *consume.Loop[[]store.ClaimedAck] {
	l := newLoop[[]store.ClaimedAck](n, stats.AckWorker, n.cfg.AckWorker.Loop, ackworker.Queue{Store: n.store}, wake.Ack)
	l.Log = n.log.With("role", AckWorker)
	return l
}

// syncWork does sync runs, and asks for them where adapters tell of changes.
func (n *Node) syncWork() func(context.Context) {
	watches := syncworker.NewWatches(syncworker.WatchOptions{
		Store: n.store, Backend: func(d string) (syncworker.Watched, error) { return n.backend(d) },
		SyncOnChange: n.datasets.RefreshAfter, Bus: n.bus, Clock: n.clock, Log: n.log.With("role", SyncWorker),
	})
	loop := n.syncLoop(func(dataset string, _ int, _ error) { watches.Saw(dataset) })
	return func(ctx context.Context) {
		var watching sync.WaitGroup
		watching.Go(func() { watches.Run(ctx) })
		loop.Run(ctx)
		watching.Wait()
	}
}

func (n *Node) syncLoop(onRun func(dataset string, changed int, err error)) *consume.Loop[store.Job] {
	log := n.log.With("role", SyncWorker)
	w := &syncworker.Worker{
		Store: n.store, Backend: func(d string) (syncworker.Backend, error) { return n.backend(d) },
		Hasher: n.datasets.Hasher, OnRun: onRun, Log: log,
	}
	l := newLoop[store.Job](n, stats.SyncWorker, n.cfg.SyncWorker.Loop, w, wake.Sync)
	l.Log = log
	return l
}

func newLoop[M any](n *Node, name string, lc config.Loop, q consume.Queue[M], topic wake.Topic) *consume.Loop[M] {
	woken, _ := n.bus.Subscribe(topic) // ends with the bus
	return &consume.Loop[M]{
		Name: name, Queue: q, Concurrency: lc.Concurrency, Batch: 1, Window: claimWindow,
		Backoff: consume.Backoff{Strategy: consume.Strategy(lc.Backoff.Strategy), Min: lc.Interval, Max: lc.Backoff.Max},
		Wake:    woken, Grace: n.cfg.Gateway.ShutdownTimeout,
		OnDone: func(took time.Duration, _ error) {
			n.stats.Observe(stats.JobTime, name, float64(took)/float64(time.Millisecond))
		},
	}
}

func (n *Node) newScheduler() *scheduler.Scheduler {
	return scheduler.New(scheduler.Config{
		Interval: n.cfg.Scheduler.Interval, LockName: n.cfg.Scheduler.LockName, LockMaxTime: n.cfg.Scheduler.LockMaxTime,
		Retention: n.cfg.Cleaner.RetentionPeriod, CleanEvery: n.cfg.Cleaner.CheckFrequency,
		Holder: n.holder(), Clock: n.clock,
	}, n.store, n.bus, n.log.With("role", Scheduler))
}

// collector takes this process's figures. The sizes of the queues belong to nobody;
// who shows them counts them.
func (n *Node) collector() stats.Collector {
	c := stats.Collector{Stats: n.stats, Interval: n.cfg.Stats.Interval, Process: n.opts.name(), Log: n.log}
	if !n.opts.has(Gateway) {
		return c
	}
	c.Sizes = map[string]func(context.Context) (int, error){}
	for worker, queue := range map[string]store.Queue{
		stats.SyncWorker: store.QueueSync, stats.AckWorker: store.QueueAck, stats.PendingWorker: store.QueuePending,
	} {
		c.Sizes[worker] = func(ctx context.Context) (int, error) {
			all, err := n.engine.Queues(ctx) // not observed: watching is no work
			return int(all[queue]), err
		}
	}
	return c
}
