package memadapter

import (
	"context"

	"github.com/tandem-sync/tandem/api/adapter"
)

// Watch implements adapter.Watcher.
func (a *Adapter) Watch(ctx context.Context, req adapter.WatchRequest, send func(adapter.Hint) error) error {
	hints := make(chan struct{}, 1)
	a.watch(req.Dataset, hints, true)
	defer a.watch(req.Dataset, hints, false)
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

func (a *Adapter) watch(name string, hints chan struct{}, on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if on {
		a.dataset(name).watchers[hints] = true
		return
	}
	delete(a.dataset(name).watchers, hints)
}

// changed logs a change and wakes the watchers. One that is awake already needs
// no second hint.
func (d *dataset) changed(uid string) {
	d.log = append(d.log, uid)
	for hints := range d.watchers {
		select {
		case hints <- struct{}{}:
		default:
		}
	}
}
