// Package scheduler is the role that queues sync runs and cleans up.
//
// One scheduler at a time works in the whole cluster, under a lease; others
// stand by. Each pass queues the dataset clients that are due and costs what is
// due, not what exists. The next pass comes with a wake, when the next dataset
// client is due, or after the interval. A second lease guards the cleaner, which removes dataset
// clients that nobody asked for in a long time (protocol section 5).
//
// It does no sync run itself and talks to no adapter.
package scheduler

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/internal/lease"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/wake"
)

// cleanerLock is the lease of the cleaner, as the reference server names it.
const cleanerLock = "locks:sync:DatasetCleaner"

// batch bounds the dataset clients of one pass, so that a pass stays short. What
// is left is done in a pass that follows at once.
const batch = 1000

// Store is what the scheduler needs of it.
type Store interface {
	store.Leases
	ScheduleDue(ctx context.Context, lease store.Lease, limit int) (store.Scheduled, error)
	RemoveIdle(ctx context.Context, lease store.Lease, retention time.Duration, limit int) (int, error)
	Purge(ctx context.Context) error
}

// Config is how often and how long.
type Config struct {
	Interval    time.Duration // between passes
	LockName    string
	LockMaxTime time.Duration // a dead holder is replaced after that
	Retention   time.Duration // how long an idle dataset client is kept beyond its timeout
	CleanEvery  time.Duration // between looks of the cleaner
	Holder      string        // name of this process
	Clock       clock.Clock
}

// Scheduler is one candidate.
type Scheduler struct {
	cfg     Config
	store   Store
	bus     wake.Bus
	log     *slog.Logger
	keeper  *lease.Keeper
	cleaner *lease.Keeper
}

// New makes a scheduler.
func New(cfg Config, st Store, bus wake.Bus, log *slog.Logger) *Scheduler {
	return &Scheduler{
		cfg: cfg, store: st, bus: bus, log: log,
		keeper:  &lease.Keeper{Store: st, Name: cfg.LockName, Holder: cfg.Holder, TTL: cfg.LockMaxTime, Clock: cfg.Clock},
		cleaner: &lease.Keeper{Store: st, Name: cleanerLock, Holder: cfg.Holder, TTL: max(cfg.CleanEvery/2, time.Second), Clock: cfg.Clock},
	}
}

// Run schedules and cleans until ctx ends, then frees its leases.
func (s *Scheduler) Run(ctx context.Context) {
	woken, unsubscribe := s.bus.Subscribe(wake.Schedule)
	defer unsubscribe()
	pass := time.NewTicker(s.cfg.Interval)
	defer pass.Stop()
	clean := time.NewTicker(s.cfg.CleanEvery)
	defer clean.Stop()
	s.tryClean(ctx)
	for {
		due := s.tryPass(ctx)
		select {
		case <-ctx.Done():
			s.release(context.WithoutCancel(ctx))
			return
		case <-pass.C:
		case <-due:
		case <-woken:
		case <-clean.C:
			s.tryClean(ctx)
		}
	}
}

// Pass queues what is due now, if this scheduler holds the lease; held tells.
func (s *Scheduler) Pass(ctx context.Context) (done store.Scheduled, held bool, err error) {
	l, held, err := s.keeper.Hold(ctx)
	if err != nil || !held {
		return done, held, err
	}
	for {
		part, err := s.store.ScheduleDue(ctx, l, batch)
		if errors.Is(err, store.ErrStale) {
			s.keeper.Lost()
		}
		if err != nil {
			return done, true, err
		}
		done.Jobs += part.Jobs
		done.Deactivated += part.Deactivated
		done.Next = part.Next
		if part.Jobs > 0 {
			s.bus.Publish(wake.Sync)
		}
		if part.Jobs < batch {
			return done, true, nil
		}
	}
}

// Clean removes what is idle for too long and what has outlived its time.
func (s *Scheduler) Clean(ctx context.Context) (removed int, err error) {
	l, held, err := s.cleaner.Hold(ctx)
	if err != nil || !held {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.cleaner.Release(context.WithoutCancel(ctx))) }()
	for {
		n, err := s.store.RemoveIdle(ctx, l, s.cfg.Retention, batch)
		removed += n
		if err != nil {
			return removed, err
		}
		if n < batch {
			break
		}
	}
	return removed, s.store.Purge(ctx)
}

// tryPass makes a pass. What it returns receives when the next dataset client is
// due, if that is before the next pass: a change may ask for a sync run within less
// than an interval (syncOnChange).
func (s *Scheduler) tryPass(ctx context.Context) <-chan time.Time {
	done, held, err := s.Pass(ctx)
	switch {
	case errors.Is(err, store.ErrStale):
		s.log.Warn("the scheduler's lease has passed to another holder")
	case err != nil && ctx.Err() == nil:
		s.log.Error("scheduler pass failed; the next one tries again", "err", err)
	case done.Jobs > 0 || done.Deactivated > 0:
		s.log.Debug("scheduler pass", "jobs", done.Jobs, "deactivated", done.Deactivated)
	}
	if err != nil || !held || done.Next.IsZero() {
		return nil
	}
	wait := done.Next.Sub(s.cfg.Clock())
	if wait <= 0 {
		wait = s.cfg.Interval / 10 // the store's clock is behind ours: look again soon
	}
	if wait >= s.cfg.Interval {
		return nil
	}
	return time.After(wait)
}

func (s *Scheduler) tryClean(ctx context.Context) {
	removed, err := s.Clean(ctx)
	if err != nil && ctx.Err() == nil {
		s.log.Error("clean-up failed; the next one tries again", "err", err)
	}
	if removed > 0 {
		s.log.Info("removed idle dataset clients", "count", removed)
	}
}

func (s *Scheduler) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := s.keeper.Release(ctx); err != nil {
		s.log.Warn("could not free the scheduler's lease; it expires by itself", "err", err)
	}
}
