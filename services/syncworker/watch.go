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
	// lookForDatasets is the time between two looks for datasets that are in use.
	lookForDatasets = 5 * time.Second
	// watchPause is the time between two wishes of one dataset: hints in between are merged.
	watchPause = 100 * time.Millisecond
	// beginsWithin is how long an adapter may take from the call to listening to its backend.
	beginsWithin = 2 * time.Second
	// firstRetry and lastRetry bound the pause before an adapter is watched again.
	firstRetry, lastRetry = time.Second, time.Minute
)

// WatchStore is what Watches need of the store.
type WatchStore interface {
	ListDatasetClients(ctx context.Context, dataset string) ([]record.DatasetClient, error)
	WantSync(ctx context.Context, wish store.SyncWish) error
}

// Watched is a backend that may tell when it changes.
type Watched interface {
	Describe(ctx context.Context) (backend.Description, error)
	Watch(ctx context.Context, hint func(queryParams json.RawMessage)) error
}

// Watches ask for sync runs when adapters say that their backends were changed from
// elsewhere (Watch, which adapters need not offer), for the datasets that are in use and
// have syncOnChange. A hint that is lost costs no more than the wait for the schedule.
// Several processes may watch one dataset: their wishes are merged in the store.
type Watches struct {
	Store   WatchStore
	Backend func(dataset string) (Watched, error)
	// SyncOnChange tells whether a dataset wants this.
	SyncOnChange func(dataset string) (gap time.Duration, on bool)
	Bus          wake.Bus
	Clock        clock.Clock
	Log          *slog.Logger
}

// Run watches until ctx ends.
func (w *Watches) Run(ctx context.Context) {
	watched := map[string]context.CancelFunc{}
	var all sync.WaitGroup
	defer all.Wait()
	look := time.NewTicker(lookForDatasets)
	defer look.Stop()
	for {
		if inUse, err := w.inUse(ctx); err == nil { // else those of before are watched on
			for dataset, end := range watched {
				if !inUse[dataset] {
					end()
					delete(watched, dataset)
				}
			}
			for dataset := range inUse {
				if watched[dataset] == nil {
					one, end := context.WithCancel(ctx)
					watched[dataset] = end
					all.Go(func() { w.watch(one, dataset) })
				}
			}
		}
		select {
		case <-ctx.Done():
			for _, end := range watched {
				end()
			}
			return
		case <-look.C:
		}
	}
}

// inUse are the datasets of active dataset clients that want syncOnChange.
func (w *Watches) inUse(ctx context.Context) (map[string]bool, error) {
	clients, err := w.Store.ListDatasetClients(ctx, "")
	if err != nil {
		return nil, err
	}
	inUse := map[string]bool{}
	for _, c := range clients {
		if _, on := w.SyncOnChange(c.Dataset); on && c.Active && !c.Stopped {
			inUse[c.Dataset] = true
		}
	}
	return inUse, nil
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
