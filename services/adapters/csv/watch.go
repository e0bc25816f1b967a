package csv

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/tandem-sync/tandem/api/adapter"
)

// Watch implements adapter.Watcher: a hint after each change of the file, by whomever.
// What the system does not tell of, such as on a network drive, is found by looking.
func (a *Adapter) Watch(ctx context.Context, in adapter.WatchRequest, send func(adapter.Hint) error) error {
	d, err := a.dataset(in.Dataset)
	if err != nil {
		return err
	}
	told, stop := a.events.listen(d.path)
	defer stop()
	look := time.NewTicker(a.o.PollInterval)
	defer look.Stop()
	known, _ := os.Stat(d.path) // nil where it is not there
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-told:
		case <-look.C:
		}
		now, _ := os.Stat(d.path)
		if now == nil && known == nil || same(now, known) {
			continue
		}
		known = now
		if err := send(adapter.Hint{}); err != nil {
			return err
		}
	}
}

// events tells of changes in a directory, as far as the system does.
type events struct {
	watcher *fsnotify.Watcher // nil: it does not
	ended   chan struct{}

	mu        sync.Mutex
	listeners map[chan struct{}]string // to path
}

// watchDirectory begins to watch. Without help of the system it is silent.
func watchDirectory(dir string, log *slog.Logger) *events {
	e := &events{ended: make(chan struct{}), listeners: map[chan struct{}]string{}}
	watcher, err := fsnotify.NewWatcher()
	if err == nil {
		if err = watcher.Add(dir); err != nil {
			_ = watcher.Close() // it watches nothing
		}
	}
	if err != nil {
		log.Warn("the system does not tell of changed files; they are found by looking", "dir", dir, "err", err)
		close(e.ended)
		return e
	}
	e.watcher = watcher
	go func() {
		defer close(e.ended)
		for {
			select {
			case event, ok := <-watcher.Events:
				if !ok {
					return
				}
				e.tell(filepath.Clean(event.Name))
			case err, ok := <-watcher.Errors:
				if !ok {
					return
				}
				log.Warn("watching files", "dir", dir, "err", err)
				e.tell("") // some events are lost
			}
		}
	}()
	return e
}

func (e *events) close() error {
	if e.watcher == nil {
		return nil
	}
	err := e.watcher.Close()
	<-e.ended
	return err
}

// tell wakes who listens to a path; "" for all.
func (e *events) tell(path string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for c, of := range e.listeners {
		if path == "" || of == path {
			select {
			case c <- struct{}{}:
			default: // it has one to take already
			}
		}
	}
}

func (e *events) listen(path string) (told <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.listeners[c] = path
	return c, func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.listeners, c)
	}
}
