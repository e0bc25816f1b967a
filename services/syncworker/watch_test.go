package syncworker

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/memadapter"
	"github.com/tandem-sync/tandem/services/internal/backend"
	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/store/sqlite"
	"github.com/tandem-sync/tandem/services/internal/wake"
)

// watching is Watches over a backend that somebody else writes to.
type watching struct {
	*testing.T
	store *sqlite.Store
	mem   *memadapter.Adapter
	woken <-chan struct{}
}

func watchAll(t *testing.T, wants func(dataset string) bool, served func(*memadapter.Adapter) adapter.Adapter) *watching {
	t.Helper()
	w := &watching{T: t, mem: memadapter.New()}
	var err error
	if w.store, err = sqlite.Open(t.Context(), sqlite.Options{Clock: clock.System}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.store.Close() })
	conn, stop := backend.InProcess(served(w.mem))
	t.Cleanup(stop)
	router := backend.New(backend.Options{Default: conn})
	t.Cleanup(func() { router.Close() })
	bus := wake.NewLocal()
	w.woken, _ = bus.Subscribe(wake.Schedule)
	for _, id := range []string{"tasks_a", "tasks_b", "quiet_a"} {
		touch := store.Touch{ID: id, Dataset: id[:len(id)-2], Config: record.DefaultSyncConfig(), QueryParams: []byte(`{}`), At: clock.System()}
		if err := w.store.TouchDatasetClients(t.Context(), []store.Touch{touch}); err != nil {
			t.Fatal(err)
		}
	}
	watches := NewWatches(WatchOptions{
		Store: w.store, Bus: bus, Clock: clock.System, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		Backend:      func(d string) (Watched, error) { return router.For(d) },
		SyncOnChange: func(d string) (time.Duration, bool) { return time.Second, wants(d) },
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); watches.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	for _, dataset := range []string{"quiet", "tasks"} {
		watches.seen <- dataset // a sync run says it again and again; here once must do
	}
	return w
}

// fulfil does the sync runs that are wanted, and tells of which dataset clients.
func (w *watching) fulfil() (wanted []string) {
	w.Helper()
	all, err := w.store.ListDatasetClients(w.Context(), "")
	if err != nil {
		w.Fatal(err)
	}
	for _, c := range all {
		if c.Wanted.IsZero() {
			continue
		}
		wanted = append(wanted, c.ID)
		run, err := w.store.BeginRun(w.Context(), c.ID, "job")
		if err != nil {
			w.Fatal(err)
		}
		if err := w.store.EndRun(w.Context(), run, "content"); err != nil {
			w.Fatal(err)
		}
	}
	return wanted
}

// await waits until the scheduler is woken for these dataset clients.
func (w *watching) await(want ...string) {
	w.Helper()
	left := map[string]bool{}
	for _, id := range want {
		left[id] = true
	}
	deadline := time.After(30 * time.Second)
	for len(left) > 0 {
		select {
		case <-w.woken:
		case <-deadline:
			w.Fatalf("no wish for %v within 30 s", left)
		}
		for _, id := range w.fulfil() {
			if id == "quiet_a" {
				w.Error("a wish for a dataset without syncOnChange")
			}
			delete(left, id)
		}
	}
}

func (w *watching) foreign(uid string) {
	w.Helper()
	if _, err := w.mem.Create(w.Context(), adapter.CreateRequest{Dataset: "tasks", Data: json.RawMessage(`{}`), Key: uid}); err != nil {
		w.Fatal(err)
	}
}

// A change made elsewhere asks for a sync run of every view of its dataset, each time.
func TestWatchedBackend(t *testing.T) {
	w := watchAll(t, func(d string) bool { return d == "tasks" }, func(m *memadapter.Adapter) adapter.Adapter { return m })
	w.await("tasks_a", "tasks_b") // what changed before anybody watched
	for _, uid := range []string{"r1", "r2"} {
		w.foreign(uid)
		w.await("tasks_a", "tasks_b")
	}
}

// breaking ends its first stream of hints after one.
type breaking struct {
	*memadapter.Adapter
	streams chan struct{}
}

func (b breaking) Watch(ctx context.Context, req adapter.WatchRequest, send func(adapter.Hint) error) error {
	select {
	case b.streams <- struct{}{}:
		return adapter.RetryLater(context.DeadlineExceeded)
	default:
		return b.Adapter.Watch(ctx, req, send)
	}
}

// An adapter that breaks off is watched again, and what it may not have said counts.
func TestWatchedBackendBreaksOff(t *testing.T) {
	w := watchAll(t, func(d string) bool { return d == "tasks" }, func(m *memadapter.Adapter) adapter.Adapter {
		return breaking{m, make(chan struct{}, 1)}
	})
	w.await("tasks_a", "tasks_b")
	w.await("tasks_a", "tasks_b") // the second stream begins
	w.foreign("r1")
	w.await("tasks_a", "tasks_b")
}

func TestHintsAreMerged(t *testing.T) {
	kick := make(chan hinted, 1)
	merge(kick, hinted{"tasks_a"})
	merge(kick, hinted{"tasks_a"})
	if got := <-kick; got.client != "tasks_a" {
		t.Errorf("twice the same: %+v", got)
	}
	merge(kick, hinted{"tasks_a"})
	merge(kick, hinted{"tasks_b"})
	if got := <-kick; got.client != "" {
		t.Errorf("two views: %+v, want any", got)
	}
}
