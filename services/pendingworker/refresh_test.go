package pendingworker_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/wake"
	"github.com/tandem-sync/tandem/services/pendingworker"
)

// wishes notes what a Refresh asks the store for.
type wishes struct {
	mu    sync.Mutex
	err   error // of each call
	calls []store.SyncWish
}

func (w *wishes) WantSync(_ context.Context, wish store.SyncWish) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, wish)
	return w.err
}

// taken returns what was asked for since the last call: per wish the view, when it is
// wanted and when the others are, in milliseconds since start.
func (w *wishes) taken(start time.Time) (list []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.calls {
		line := fmt.Sprintf("%s/%s %d", c.Dataset, c.ClientID, c.At.Sub(start).Milliseconds())
		if !c.OthersAt.IsZero() {
			line += fmt.Sprintf(" %d", c.OthersAt.Sub(start).Milliseconds())
		}
		list = append(list, line)
	}
	w.calls = nil
	return list
}

// refreshed is a Refresh at work in the virtual time of a bubble.
type refreshed struct {
	*testing.T
	*pendingworker.Refresh
	store wishes
	log   bytes.Buffer
	start time.Time
	woken <-chan struct{}
	stop  func() // the worker takes no new work, and returns
}

// refreshing runs a test with a worker that only tells what it applied; last, if any,
// is what it applies after it was told to stop.
func refreshing(t *testing.T, last func(r *refreshed), test func(r *refreshed)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		bus := wake.NewLocal()
		r := &refreshed{T: t, start: time.Now()}
		r.woken, _ = bus.Subscribe(wake.Schedule)
		r.Refresh = pendingworker.NewRefresh(pendingworker.RefreshOptions{
			Store: &r.store, Bus: bus, Clock: clock.System, Log: slog.New(slog.NewTextHandler(&r.log, nil)),
			SyncOnChange: func(dataset string) (time.Duration, bool) { return 2 * time.Second, dataset != "quiet" },
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			r.During(ctx, func(ctx context.Context) {
				<-ctx.Done()
				if last != nil {
					last(r)
				}
			})
		}()
		r.stop = sync.OnceFunc(func() { cancel(); <-done })
		defer r.stop()
		test(r)
	})
}

func (r *refreshed) apply(dataset, client string) {
	r.Applied(record.Change{Dataset: dataset, ClientID: client}, record.Applied)
}

// asked checks what was asked for until now, and that the scheduler is woken if and
// only if something was.
func (r *refreshed) asked(want ...string) {
	r.Helper()
	synctest.Wait()
	if got := r.store.taken(r.start); strings.Join(got, ", ") != strings.Join(want, ", ") {
		r.Errorf("asked for %v, want %v", got, want)
	}
	woken := false
	select {
	case <-r.woken:
		woken = true
	default:
	}
	if woken != (len(want) > 0) {
		r.Errorf("the scheduler was woken: %t", woken)
	}
}

func TestRefreshAtOnce(t *testing.T) {
	refreshing(t, nil, func(r *refreshed) {
		r.asked()
		r.apply("tasks", "tasks_1")
		r.asked("tasks/tasks_1 0 2000")
		<-time.After(time.Minute)
		r.asked()
		r.apply("tasks", "tasks_1")
		r.asked("tasks/tasks_1 60000 62000")
	})
}

func TestRefreshOnlyWhatWasAppliedAndIsWanted(t *testing.T) {
	refreshing(t, nil, func(r *refreshed) {
		r.apply("quiet", "quiet_1")
		for _, result := range []record.UpdateType{record.Failed, record.Collision} {
			r.Applied(record.Change{Dataset: "tasks", ClientID: "tasks_1"}, result)
		}
		<-time.After(time.Minute)
		r.asked()
	})
}

// However much a device sends, the store is asked ten times a second, and once after
// the last change.
func TestRefreshIsCheapForManyChanges(t *testing.T) {
	refreshing(t, nil, func(r *refreshed) {
		for range 950 {
			r.apply("tasks", "tasks_1")
			<-time.After(time.Millisecond)
		}
		synctest.Wait()
		got := r.store.taken(r.start)
		if len(got) != 10 || got[0] != "tasks/tasks_1 0 2000" {
			t.Errorf("asked %d times in 950 ms: %v, want 10 times, the first at once", len(got), got)
		}
		<-r.woken
		<-time.After(time.Second)
		r.asked("tasks/tasks_1 1000 3000")
	})
}

func TestRefreshGathersViewsAndDatasets(t *testing.T) {
	refreshing(t, nil, func(r *refreshed) {
		r.apply("first", "first_1")
		r.asked("first/first_1 0 2000")
		for range 10 {
			r.apply("tasks", "tasks_2")
			r.apply("tasks", "tasks_1")
			r.apply("notes", "notes_1")
		}
		r.asked()
		<-time.After(100 * time.Millisecond)
		// The others of a dataset are asked for once.
		r.asked("notes/notes_1 100 2100", "tasks/tasks_1 100 2100", "tasks/tasks_2 100")
	})
}

// A store that fails costs the wish and nothing else.
func TestRefreshForgetsWhatFails(t *testing.T) {
	refreshing(t, nil, func(r *refreshed) {
		r.store.err = errors.New("disk full")
		r.apply("tasks", "tasks_1")
		r.apply("tasks", "tasks_2")
		synctest.Wait()
		if got := r.store.taken(r.start); len(got) != 2 || !strings.HasSuffix(got[1], "2000") {
			t.Errorf("asked for %v, want both, and the others with the second since the first failed", got)
		}
		if log := r.log.String(); !strings.Contains(log, "disk full") || !strings.Contains(log, "tasks_1") {
			t.Errorf("log: %s", log)
		}
		r.store.err = nil
		<-time.After(time.Minute)
		r.asked()
	})
}

// What is applied while the worker finishes the work in hand is not forgotten.
func TestRefreshUntilTheWorkIsDone(t *testing.T) {
	last := func(r *refreshed) {
		<-time.After(10 * time.Second)
		r.apply("tasks", "tasks_1")
		synctest.Wait()
		r.apply("tasks", "tasks_3") // in the pause after that
	}
	refreshing(t, last, func(r *refreshed) {
		r.apply("tasks", "tasks_1")
		r.asked("tasks/tasks_1 0 2000")
		r.apply("tasks", "tasks_2") // in the pause
		r.stop()
		r.asked("tasks/tasks_2 100 2100", "tasks/tasks_1 10000 12000", "tasks/tasks_3 10000 12000")
	})
}
