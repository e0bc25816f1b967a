package mongo

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/store/storetest"
)

// Other processes work between two commands of an operation. These tests put them
// there. The simulation does the same at random.

const viewID = "tasks_all"

// between returns a store whose operations let others work before each command of
// this name, until those say that they found what to do.
func between(t *testing.T, command string) (s *Store, clock *storetest.Clock, others func(func(*Store) bool)) {
	t.Helper()
	clock = storetest.NewClock()
	o := optionsOf(t, storetest.Options{Clock: clock.Now})
	other := open(t, o)
	var work atomic.Pointer[func(*Store) bool]
	o.Interrupt = func(_ context.Context, at string) error {
		if strings.HasPrefix(at, command) {
			if do := work.Swap(nil); do != nil && !(*do)(other) {
				work.Store(do)
			}
		}
		return nil
	}
	s = open(t, o)
	t.Cleanup(func() {
		if work.Load() != nil {
			t.Errorf("no command %q came at which the others could work", command)
		}
	})
	return s, clock, func(do func(*Store) bool) { work.Store(&do) }
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func touchView(t *testing.T, s *Store) {
	t.Helper()
	if err := s.TouchDatasetClients(t.Context(), []store.Touch{{ID: viewID, Dataset: "tasks", QueryParams: []byte(`{}`),
		Config: record.DefaultSyncConfig(), At: s.Now()}}); err != nil {
		t.Fatal(err)
	}
}

// A sync run that begins and ends before the scheduler has noted that it queued it
// must not leave that note behind: nobody would schedule the view for minutes.
func TestRunBeforeItsScheduleIsNoted(t *testing.T) {
	s, clock, others := between(t, "bulk "+collClients)
	touchView(t, s)
	lease, ok, err := s.AcquireLease(t.Context(), "scheduler", "me", time.Hour)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	others(func(o *Store) bool {
		jobs := must[[]store.Job](t)(o.ClaimJobs(t.Context(), 1, time.Minute))
		if len(jobs) == 0 {
			return false
		}
		run := must[store.Run](t)(o.BeginRun(t.Context(), jobs[0].ClientID, jobs[0].ID))
		clock.Advance(time.Second)
		if err := o.EndRun(t.Context(), run, "content"); err != nil {
			t.Fatal(err)
		}
		if err := o.FinishJob(t.Context(), jobs[0].Claim); err != nil {
			t.Fatal(err)
		}
		return true
	})
	must[store.Scheduled](t)(s.ScheduleDue(t.Context(), lease, 10))
	view := must[record.DatasetClient](t)(s.DatasetClient(t.Context(), viewID))
	if !view.SyncScheduled.IsZero() {
		t.Errorf("scheduled at %v, and yet nothing is queued", view.SyncScheduled)
	}
	clock.Advance(view.Config.SyncFrequency)
	if done := must[store.Scheduled](t)(s.ScheduleDue(t.Context(), lease, 10)); done.Jobs != 1 {
		t.Errorf("the next run: %+v, want a job", done)
	}
}

// No number is drawn twice, by however many at once.
func TestCounterNeverRepeats(t *testing.T) {
	s := open(t, optionsOf(t, storetest.Options{}))
	const workers, each = 8, 100
	drawn := make(chan int64, workers*each)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for range each {
				n, err := s.next(t.Context(), "test")
				if err != nil {
					t.Error(err)
				}
				drawn <- n
			}
		})
	}
	all.Wait()
	close(drawn)
	seen := map[int64]bool{}
	for n := range drawn {
		if seen[n] || n < 1 || n > workers*each {
			t.Fatalf("%d was drawn twice, or is none of the first %d", n, workers*each)
		}
		seen[n] = true
	}
}
