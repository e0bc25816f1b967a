package pendingworker

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/wake"
)

// refreshPause is the time between two passes of a Refresh: what is applied meanwhile
// goes into one call per view, however much it is.
const refreshPause = 100 * time.Millisecond

// lastPass is how long the pass at the end may take.
const lastPass = 2 * time.Second

// WishStore keeps wishes for sync runs.
type WishStore interface {
	WantSync(ctx context.Context, wish store.SyncWish) error
}

// RefreshOptions is what a Refresh needs.
type RefreshOptions struct {
	Store WishStore
	// SyncOnChange tells whether a dataset wants this, and how much later than the view
	// that a change came through its other views are refreshed.
	SyncOnChange func(dataset string) (gap time.Duration, on bool)
	Bus          wake.Bus
	Clock        clock.Clock
	Log          *slog.Logger
}

// Refresh asks for sync runs once changes were applied, so that other devices see
// them without waiting for the schedule (syncOnChange). It gathers what was applied
// and never holds up the work: a wish that can't be stored is logged and forgotten,
// since the schedule brings the records all the same.
type Refresh struct {
	opts RefreshOptions
	kick chan struct{} // capacity 1: views is not empty

	mu    sync.Mutex
	views map[view]struct{} // that changes were applied through since the last pass
}

// view is one dataset client.
type view struct{ dataset, client string }

// NewRefresh makes a Refresh with nothing to do.
func NewRefresh(o RefreshOptions) *Refresh {
	return &Refresh{opts: o, kick: make(chan struct{}, 1), views: map[view]struct{}{}}
}

// Applied notes a result; it is Worker.Applied. It costs no call.
func (r *Refresh) Applied(c record.Change, t record.UpdateType) {
	if t != record.Applied {
		return // the backend is as it was
	}
	if _, on := r.opts.SyncOnChange(c.Dataset); !on {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.views[view{c.Dataset, c.ClientID}] = struct{}{}
	wake.Signal(r.kick)
}

// During runs work and makes passes meanwhile: the first at once, the next not before
// refreshPause. A last one follows when work has returned.
func (r *Refresh) During(ctx context.Context, work func(context.Context)) {
	passes, end := context.WithCancel(context.WithoutCancel(ctx))
	var loop sync.WaitGroup
	loop.Go(func() { r.loop(passes) })
	work(ctx)
	end()
	loop.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastPass)
	defer cancel()
	r.Pass(last)
}

func (r *Refresh) loop(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.kick:
			r.Pass(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(refreshPause):
		}
	}
}

// Pass stores a wish for each view that changes were applied through, with the one
// for the others of its dataset, and wakes the scheduler.
func (r *Refresh) Pass(ctx context.Context) {
	r.mu.Lock()
	views := slices.SortedFunc(maps.Keys(r.views), func(a, b view) int {
		return cmp.Or(cmp.Compare(a.dataset, b.dataset), cmp.Compare(a.client, b.client))
	})
	clear(r.views)
	r.mu.Unlock()

	told, stored := "", false // told: the dataset whose others are asked for
	for i, v := range views {
		gap, on := r.opts.SyncOnChange(v.dataset)
		if !on {
			continue
		}
		now := r.opts.Clock()
		wish := store.SyncWish{Dataset: v.dataset, ClientID: v.client, At: now}
		if i == 0 || told != v.dataset {
			wish.OthersAt = now.Add(gap)
		}
		if err := r.opts.Store.WantSync(ctx, wish); err != nil {
			r.opts.Log.Warn("could not ask for a sync run after a change; devices see it after the next scheduled one",
				"dataset", v.dataset, "dataset_client", v.client, "err", err)
			continue
		}
		told, stored = v.dataset, true
	}
	if stored {
		r.opts.Bus.Publish(wake.Schedule)
	}
}
