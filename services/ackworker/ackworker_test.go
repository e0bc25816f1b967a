package ackworker_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandem-sync/tandem/services/ackworker"
	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/internal/consume"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/store/sqlite"
	"github.com/tandem-sync/tandem/services/internal/store/wrap"
)

// bench is a store in memory with results of changes, in virtual time.
type bench struct {
	*testing.T
	store *sqlite.Store
}

func bubble(t *testing.T, test func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, err := sqlite.Open(t.Context(), sqlite.Options{Clock: clock.System})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		test(&bench{T: t, store: s})
	})
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// report makes n results for the device.
func (b *bench) report(n int) {
	b.Helper()
	var changes []record.Change
	for i := range n {
		changes = append(changes, record.Change{
			Dataset: "tasks", ClientID: "tasks_x", CUID: "phone", Hash: fmt.Sprint("h", i), Action: record.ActionDelete,
			UID: fmt.Sprint("r", i), Pre: []byte("{}"),
		})
	}
	_, err := b.store.EnqueueChanges(b.Context(), changes)
	b.must(err)
	claimed, err := b.store.ClaimChanges(b.Context(), n, time.Minute)
	b.must(err)
	for _, c := range claimed {
		b.must(b.store.FinishChange(b.Context(), c.Claim, store.Outcome{Type: record.Applied}))
	}
}

func (b *bench) updates() []record.Update {
	b.Helper()
	list, err := b.store.ListUpdates(b.Context(), "tasks", "phone", 0)
	b.must(err)
	return list
}

// ack acknowledges results, their timestamps shifted.
func (b *bench) ack(updates []record.Update, shift int64) {
	b.Helper()
	var acks []record.Ack
	for _, u := range updates {
		acks = append(acks, record.Ack{Dataset: "tasks", CUID: u.CUID, Hash: u.Hash, Timestamp: u.Timestamp + shift})
	}
	b.must(b.store.EnqueueAcks(b.Context(), acks))
}

func (b *bench) waiting() int64 {
	b.Helper()
	sizes, err := b.store.Queues(b.Context())
	b.must(err)
	return sizes[store.QueueAck]
}

// run works on a store until the returned function is called.
func (b *bench) run(s store.Store) (stop func()) {
	loop := &consume.Loop[[]store.ClaimedAck]{
		Name: "ack", Queue: ackworker.Queue{Store: s}, Concurrency: 2, Batch: 1, Window: 30 * time.Second, Grace: time.Second,
		Log: slog.New(slog.DiscardHandler), Backoff: consume.Backoff{Strategy: consume.None, Min: time.Second},
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() { loop.Run(ctx); close(done) }()
	return func() { cancel(); <-done }
}

func TestRemovesWhatIsAcknowledged(t *testing.T) {
	bubble(t, func(b *bench) {
		b.report(450)
		var calls atomic.Int32
		stop := b.run(wrap.Observe(b.store, func(op string, _ time.Duration, _ error) {
			if op == "FinishAcks" {
				calls.Add(1)
			}
		}))
		defer func() { stop() }()
		list := b.updates()
		b.ack(list[:440], 0)
		b.ack(list[440:445], -1) // of an earlier result
		<-time.After(2 * time.Second)
		synctest.Wait()
		if left := b.updates(); len(left) != 10 || left[0] != list[440] || b.waiting() != 0 {
			b.Errorf("%d updates left, %d acknowledgements wait", len(left), b.waiting())
		}
		stop()
		if calls.Load() != 3 {
			b.Errorf("%d store calls for 445 acknowledgements, want batches of 200", calls.Load())
		}
	})
}

// A worker that dies or a store that fails: the acknowledgements come again.
func TestComesAgain(t *testing.T) {
	bubble(t, func(b *bench) {
		b.report(1)
		b.ack(b.updates(), 0)
		claimed, err := ackworker.Queue{Store: b.store}.Claim(b.Context(), 1, 30*time.Second)
		if err != nil || len(claimed) != 1 || len(claimed[0]) != 1 {
			b.Fatal(claimed, err) // and it dies
		}
		var fails atomic.Int32 // the first finish fails
		fails.Store(1)
		stop := b.run(wrap.Faulty(b.store, func(_ context.Context, op string, before bool) error {
			if op == "FinishAcks" && before && fails.Add(-1) == 0 {
				return errors.New("disk full")
			}
			return nil
		}))
		defer stop()
		<-time.After(29 * time.Second)
		synctest.Wait()
		if len(b.updates()) != 1 {
			b.Error("removed while another worker has it")
		}
		<-time.After(35 * time.Second)
		synctest.Wait()
		if len(b.updates()) != 0 || b.waiting() != 0 || fails.Load() != -1 {
			b.Errorf("%d updates left, %d acknowledgements wait after %d tries", len(b.updates()), b.waiting(), 1-fails.Load())
		}
		// The first worker wakes up: it removes no result of later.
		again := record.Change{Dataset: "tasks", ClientID: "tasks_x", CUID: "phone", Hash: "h0", Action: record.ActionDelete, UID: "r0", Pre: []byte("{}")}
		_, err = b.store.EnqueueChanges(b.Context(), []record.Change{again}) // sent again: reported again
		b.must(err)
		b.must(ackworker.Queue{Store: b.store}.Work(b.Context(), claimed[0]))
		if len(b.updates()) != 1 {
			b.Error("a stale worker removed a later result")
		}
	})
}

func TestNothingToDoAndErrors(t *testing.T) {
	bubble(t, func(b *bench) {
		q := ackworker.Queue{Store: b.store}
		if batches, err := q.Claim(b.Context(), 1, time.Second); batches != nil || err != nil {
			b.Errorf("%v, %v", batches, err)
		}
		b.report(1)
		b.ack(b.updates(), 0)
		batches, err := q.Claim(b.Context(), 1, time.Second)
		if err != nil || len(batches) != 1 {
			b.Fatal(batches, err)
		}
		gone := wrap.Faulty(b.store, func(context.Context, string, bool) error { return store.ErrUnavailable })
		if _, err := (ackworker.Queue{Store: gone}).Claim(b.Context(), 1, time.Second); !errors.Is(err, store.ErrUnavailable) {
			b.Errorf("claim: %v", err)
		}
		if err := (ackworker.Queue{Store: gone}).Work(b.Context(), batches[0]); !errors.Is(err, store.ErrUnavailable) {
			b.Errorf("work: %v", err)
		}
	})
}
