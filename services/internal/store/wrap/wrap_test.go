package wrap_test

import (
	"context"
	"errors"
	"iter"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/store/sqlite"
	"github.com/tandem-sync/tandem/services/internal/store/storetest"
	"github.com/tandem-sync/tandem/services/internal/store/wrap"
)

func open(t *testing.T, o sqlite.Options) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// TestDecoratorsChangeNothing: a decorated store is a store, and every operation
// of the port goes through the decorators by its name.
func TestDecoratorsChangeNothing(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	count := func(op string) {
		mu.Lock()
		defer mu.Unlock()
		seen[op]++
	}
	storetest.Exercise(t, func(t *testing.T, opts storetest.Options) storetest.Harness {
		s := open(t, sqlite.Options{Clock: opts.Clock, QueueTTL: opts.QueueTTL, AliasTTL: opts.AliasTTL})
		s = wrap.Faulty(s, func(_ context.Context, op string, _ bool) error { count("hook " + op); return nil })
		s = wrap.Timeout(s, time.Hour)
		s = wrap.Observe(s, func(op string, took time.Duration, _ error) {
			if took < 0 {
				t.Errorf("%s took %v", op, took)
			}
			count(op)
		})
		return storetest.Harness{Store: s}
	})
	port := reflect.TypeFor[store.Store]()
	for i := range port.NumMethod() {
		name := port.Method(i).Name
		if name == "Close" {
			continue
		}
		if seen[name] == 0 || seen["hook "+name] != 2*seen[name] {
			t.Errorf("%s: observed %d times, hook called %d times", name, seen[name], seen["hook "+name])
		}
		delete(seen, name)
		delete(seen, "hook "+name)
	}
	if len(seen) > 0 {
		t.Errorf("not of the port: %v", seen)
	}
}

func TestObserveError(t *testing.T) {
	var got []string
	s := wrap.Observe(open(t, sqlite.Options{}), func(op string, _ time.Duration, err error) {
		got = append(got, op+" "+map[bool]string{true: "ok", false: "failed"}[err == nil])
	})
	_, notFound := s.DatasetClient(t.Context(), "nobody")
	if ping := s.Ping(t.Context()); notFound == nil || ping != nil {
		t.Errorf("DatasetClient: %v, Ping: %v", notFound, ping)
	}
	for pair, err := range s.ViewHashes(t.Context(), "nobody") {
		t.Errorf("a hash of nobody's view: %v, %v", pair, err)
	}
	if want := "DatasetClient failed, Ping ok, ViewHashes ok"; strings.Join(got, ", ") != want {
		t.Errorf("observed %v, want %s", got, want)
	}
}

var (
	errFault = errors.New("fault")
	change   = []record.Change{{Dataset: "tasks", CUID: "phone", Hash: "h1", Action: record.ActionDelete, UID: "r1"}}
)

func TestFaultBefore(t *testing.T) {
	inner := open(t, sqlite.Options{})
	s := wrap.Faulty(inner, func(_ context.Context, _ string, before bool) error {
		if before {
			return errFault
		}
		t.Error("the hook was called after an operation that did not happen")
		return nil
	})
	if _, err := s.EnqueueChanges(t.Context(), change); !errors.Is(err, errFault) {
		t.Errorf("error %v, want the fault", err)
	}
	if n, _ := inner.Queues(t.Context()); n[store.QueuePending] != 0 {
		t.Error("the operation happened")
	}
}

func TestFaultAfter(t *testing.T) {
	inner := open(t, sqlite.Options{})
	s := wrap.Faulty(inner, func(_ context.Context, _ string, before bool) error {
		if before {
			return nil
		}
		return errFault
	})
	result, err := s.EnqueueChanges(t.Context(), change)
	if !errors.Is(err, errFault) || result != (store.EnqueueResult{}) {
		t.Errorf("%v and %v, want nothing and the fault", result, err)
	}
	if n, _ := inner.Queues(t.Context()); n[store.QueuePending] != 1 {
		t.Error("the operation did not happen")
	}
	if claimed, err := s.ClaimChanges(t.Context(), 1, time.Minute); claimed != nil || !errors.Is(err, errFault) {
		t.Errorf("%v and %v, want nothing and the fault", claimed, err)
	}
}

func TestFaultyIterator(t *testing.T) {
	s := open(t, sqlite.Options{})
	fill(t, s)
	for _, when := range []bool{true, false} {
		faulty := wrap.Faulty(s, func(_ context.Context, _ string, before bool) error {
			if before == when {
				return errFault
			}
			return nil
		})
		pairs, faults := 0, 0
		for _, err := range faulty.ViewHashes(t.Context(), "tasks_1") {
			if errors.Is(err, errFault) {
				faults++
			} else {
				pairs++
			}
		}
		if want := map[bool]int{true: 0, false: 3}[when]; pairs != want || faults != 1 {
			t.Errorf("fault before (%v): %d pairs and %d faults, want %d and 1", when, pairs, faults, want)
		}
		for _, err := range faulty.ViewHashes(t.Context(), "tasks_1") {
			if err == nil {
				break // the fault at the end must not reach who left
			}
		}
	}
}

func fill(t *testing.T, s store.Store) {
	t.Helper()
	ctx := t.Context()
	err := s.TouchDatasetClients(ctx, []store.Touch{{ID: "tasks_1", Dataset: "tasks", Config: record.DefaultSyncConfig()}})
	if err != nil {
		t.Fatal(err)
	}
	run, err := s.BeginRun(ctx, "tasks_1", "job")
	if err != nil {
		t.Fatal(err)
	}
	data := []byte("{}")
	if err := s.WriteRecords(ctx, run, []record.Record{{UID: "a", Data: data}, {UID: "b", Data: data}, {UID: "c", Data: data}}, nil); err != nil {
		t.Fatal(err)
	}
}

// slow is a store that answers when its caller gives up.
type slow struct{ store.Store }

func (slow) Ping(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func (slow) ViewHashes(ctx context.Context, _ string) iter.Seq2[store.UIDHash, error] {
	return func(yield func(store.UIDHash, error) bool) {
		for range 3 {
			<-time.After(900 * time.Millisecond) // in the bubble's time
			if !yield(store.UIDHash{}, ctx.Err()) {
				return
			}
		}
		<-ctx.Done()
		yield(store.UIDHash{}, ctx.Err())
	}
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := wrap.Timeout(slow{}, time.Second)
		if err := s.Ping(t.Context()); !errors.Is(err, store.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want %v", err, store.ErrUnavailable)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := s.Ping(ctx); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, store.ErrUnavailable) {
			t.Errorf("error %v, want the caller's own limit", err)
		}
	})
}

func TestTimeoutOfIterator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pairs, last := 0, error(nil)
		for _, err := range wrap.Timeout(slow{}, time.Second).ViewHashes(t.Context(), "tasks_1") {
			if last = err; err == nil {
				pairs++
				<-time.After(time.Hour) // the caller's own time
			}
		}
		if pairs != 3 || !errors.Is(last, store.ErrUnavailable) {
			t.Errorf("%d pairs, then %v; want 3, then %v", pairs, last, store.ErrUnavailable)
		}
	})
}
