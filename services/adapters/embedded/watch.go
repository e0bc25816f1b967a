package embedded

import (
	"context"
	"sync"

	"github.com/tandem-sync/tandem/api/adapter"
)

// Watch implements adapter.Watcher: a hint after each write made through this
// Adapter. Hints that come faster than they are taken become one.
func (a *Adapter) Watch(ctx context.Context, req adapter.WatchRequest, send func(adapter.Hint) error) error {
	hints, stop := a.hints.listen(req.Dataset)
	defer stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-hints:
			if err := send(adapter.Hint{}); err != nil {
				return err
			}
		}
	}
}

// broadcast tells listeners of a dataset that something was written.
type broadcast struct {
	mu        sync.Mutex
	listeners map[string]map[chan struct{}]bool
}

func (b *broadcast) listen(dataset string) (hints <-chan struct{}, stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.listeners == nil {
		b.listeners = map[string]map[chan struct{}]bool{}
	}
	if b.listeners[dataset] == nil {
		b.listeners[dataset] = map[chan struct{}]bool{}
	}
	c := make(chan struct{}, 1)
	b.listeners[dataset][c] = true
	return c, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if delete(b.listeners[dataset], c); len(b.listeners[dataset]) == 0 {
			delete(b.listeners, dataset)
		}
	}
}

func (b *broadcast) tell(dataset string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.listeners[dataset] {
		select {
		case c <- struct{}{}:
		default: // it has one to take already
		}
	}
}
