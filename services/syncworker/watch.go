package syncworker

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"github.com/tandem-sync/tandem/services/internal/backend"
	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/wake"
)

const (
	// forgetAfter is how long a dataset without sync runs is watched.
	forgetAfter = 24 * time.Hour
	// watchPause is the time between two wishes of one dataset: hints in between are merged.
	watchPause = 100 * time.Millisecond
	// beginsWithin is how long an adapter may take from the call to listening to its backend.
	beginsWithin = 2 * time.Second
	// firstRetry and lastRetry bound the pause before an adapter is watched again.
	firstRetry, lastRetry = time.Second, time.Minute
)

// WatchStore is what Watches need of the store.
type WatchStore interface {
	WantSync(ctx context.Context, wish store.SyncWish) error
}

// Watched is a backend that may tell when it changes.
type Watched interface {
	Describe(ctx context.Context) (backend.Description, error)
	Watch(ctx context.Context, hint func(queryParams json.RawMessage)) error
}

// WatchOptions is what Watches need.
type WatchOptions struct {
	Store   WatchStore
	Backend func(dataset string) (Watched, error)
	// SyncOnChange tells whether a dataset wants this.
	SyncOnChange func(dataset string) (gap time.Duration, on bool)
	Bus          wake.Bus
	Clock        clock.Clock
	Log          *slog.Logger
}

// Watches ask for sync runs when adapters say that their backends were changed from
// elsewhere (Watch, which adapters need not offer), for the datasets that are in use and
// have syncOnChange. It learns of them from the sync runs that this process does, so that it
// costs the store nothing. A hint that is lost costs no more than the wait for the schedule.
// Several processes may watch one dataset: their wishes are merged in the store.
type Watches struct {
	WatchOptions
	seen chan string
}

// NewWatches makes Watches that watch nothing yet.
func NewWatches(o WatchOptions) *Watches {
	return &Watches{WatchOptions: o, seen: make(chan string, 256)}
}

// Saw notes that a dataset is in use: a sync run of one of its views was asked for. It is
// Worker.OnRun, as far as this is concerned, and never waits: what is too much at once the
// next run says again.
func (w *Watches) Saw(dataset string) {
	select {
	case w.seen <- dataset:
	default:
	}
}

// Run watches until ctx ends. A dataset is watched from its first sync run in this process
// until there was none for forgetAfter.
func (w *Watches) Run(ctx context.Context) {
	type watched struct {
		last time.Time
		end  context.CancelFunc
	}
	all := map[string]watched{}
	var watching sync.WaitGroup
	defer watching.Wait()
	forget := time.NewTicker(forgetAfter / 24)
	defer forget.Stop()
	for {
		select {
		case <-ctx.Done():
			for _, one := range all {
				one.end()
			}
			return
		case dataset := <-w.seen:
			if _, on := w.SyncOnChange(dataset); !on {
				break
			}
			one, known := all[dataset]
			if !known {
				var dctx context.Context
				dctx, one.end = context.WithCancel(ctx)
				watching.Go(func() { w.watch(dctx, dataset) })
			}
			one.last = time.Now()
			all[dataset] = one
		case now := <-forget.C:
			for dataset, one := range all {
				if _, on := w.SyncOnChange(dataset); !on || now.Sub(one.last) > forgetAfter {
					one.end()
					delete(all, dataset)
				}
			}
		}
	}
}

// watch watches one dataset until ctx ends. One whose adapter does not tell of changes
// is asked now and then whether it does by now.
func (w *Watches) watch(ctx context.Context, dataset string) {
	log := w.Log.With("dataset", dataset)
	kick := make(chan hinted, 1)
	var wishes sync.WaitGroup
	wishes.Go(func() { w.wish(ctx, dataset, kick) })
	defer wishes.Wait()
	pause, told := firstRetry, false
	for ctx.Err() == nil {
		began := w.Clock()
		offered, err := w.listen(ctx, dataset, kick)
		switch {
		case ctx.Err() != nil:
			return
		case !offered && err == nil:
			pause = lastRetry
		case !told:
			log.Info("changes made elsewhere are found by the schedule, until the adapter tells of them again", "err", err)
			told = true
		}
		if offered && w.Clock().Sub(began) > lastRetry {
			pause, told = firstRetry, false
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(2*pause, lastRetry)
	}
}

// listen takes hints until the adapter breaks off. offered is false when it gives none.
func (w *Watches) listen(ctx context.Context, dataset string, kick chan hinted) (offered bool, err error) {
	b, err := w.Backend(dataset)
	if err != nil {
		return false, err
	}
	about, err := b.Describe(ctx)
	if err != nil || !about.Watch {
		return false, err
	}
	// What changed while nobody watched; and once more when the adapter has had the time
	// to begin, for which the contract has no sign.
	merge(kick, hinted{})
	defer time.AfterFunc(beginsWithin, func() { merge(kick, hinted{}) }).Stop()
	return true, b.Watch(ctx, func(params json.RawMessage) {
		h := hinted{}
		if len(params) > 0 {
			if id, err := record.DatasetClientID(dataset, params); err == nil {
				h.client = id
			}
		}
		merge(kick, h)
	})
}

// hinted is what changed: one view, or any.
type hinted struct{ client string }

// merge leaves one hint for the next wish: where two name different views, any.
func merge(kick chan hinted, h hinted) {
	select {
	case before := <-kick:
		if before != h {
			h = hinted{}
		}
	default:
	}
	select {
	case kick <- h:
	default: // another was quicker to put one back
	}
}

// wish stores wishes, watchPause apart.
func (w *Watches) wish(ctx context.Context, dataset string, kick <-chan hinted) {
	for {
		select {
		case <-ctx.Done():
			return
		case h := <-kick:
			if err := w.Store.WantSync(ctx, store.SyncWish{Dataset: dataset, ClientID: h.client, At: w.Clock()}); err != nil {
				if ctx.Err() == nil {
					w.Log.Warn("could not ask for a sync run after a change in the backend; the schedule brings it", "dataset", dataset, "err", err)
				}
				break
			}
			w.Bus.Publish(wake.Schedule)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(watchPause):
		}
	}
}
