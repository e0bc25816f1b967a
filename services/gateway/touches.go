package gateway

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/tandem-sync/tandem/services/internal/store"
)

// touchEvery is how late an access may be written. It is far below every
// clientSyncTimeout that makes sense.
const touchEvery = 3 * time.Second

// touches merges the accesses of many devices to a few dataset clients, so that
// a sync with nothing new writes nothing. An access that is lost with the
// process costs nothing: the next request of any device of the view brings it again.
type touches struct {
	store Store
	log   *slog.Logger

	mu      sync.Mutex
	pending map[string]store.Touch
}

func (t *touches) add(touch store.Touch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pending[touch.ID] = touch
}

func (t *touches) flush(ctx context.Context) error {
	t.mu.Lock()
	batch := t.pending
	t.pending = map[string]store.Touch{}
	t.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	err := t.store.TouchDatasetClients(ctx, slices.Collect(maps.Values(batch)))
	if err == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, touch := range batch {
		if _, newer := t.pending[id]; !newer {
			t.pending[id] = touch
		}
	}
	return err
}

func (t *touches) run(ctx context.Context) {
	tick := time.NewTicker(touchEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := t.flush(ctx); err != nil && ctx.Err() == nil {
				t.log.Error("can't note accesses to dataset clients; will try again", "err", err)
			}
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
			defer cancel()
			if err := t.flush(last); err != nil {
				t.log.Warn("accesses to dataset clients of the last seconds are not noted", "err", err)
			}
			return
		}
	}
}
