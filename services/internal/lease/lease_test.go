package lease_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/internal/lease"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/store/sqlite"
	"github.com/tandem-sync/tandem/services/internal/store/wrap"
)

const ttl = 30 * time.Second

// bench is a store with leases, and a clock.
type bench struct {
	*testing.T
	now   time.Time
	store store.Store
	ops   []string
	fault error // of each operation, before it happens
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t, now: time.UnixMilli(1_700_000_000_000)}
	s, err := sqlite.Open(t.Context(), sqlite.Options{Clock: b.clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	b.store = wrap.Faulty(s, func(_ context.Context, op string, before bool) error {
		if !before {
			return nil
		}
		b.ops = append(b.ops, op)
		return b.fault
	})
	return b
}

func (b *bench) clock() time.Time { return b.now }

func (b *bench) keeper(holder string) *lease.Keeper {
	return &lease.Keeper{Store: b.store, Name: "job", Holder: holder, TTL: ttl, Clock: b.clock}
}

// hold must get the lease.
func (b *bench) hold(k *lease.Keeper) store.Lease {
	b.Helper()
	l, ok, err := k.Hold(b.Context())
	if err != nil || !ok || l.Token == 0 || l.Name != "job" {
		b.Fatalf("%s: lease %+v, %t, %v", k.Holder, l, ok, err)
	}
	return l
}

// wait must not get the lease, without an error.
func (b *bench) wait(k *lease.Keeper) {
	b.Helper()
	if l, ok, err := k.Hold(b.Context()); err != nil || ok || l.Token != 0 {
		b.Fatalf("%s: lease %+v, %t, %v; want none", k.Holder, l, ok, err)
	}
}

func TestOneHolderAtATime(t *testing.T) {
	b := newBench(t)
	one, two := b.keeper("one"), b.keeper("two")
	first := b.hold(one)
	for range 100 { // it is renewed for as long as it is used
		b.now = b.now.Add(ttl / 2)
		b.wait(two)
		if l := b.hold(one); l != first {
			t.Fatalf("renewed %+v to %+v", first, l)
		}
	}
	b.now = b.now.Add(ttl + time.Millisecond)
	second := b.hold(two)
	if second.Token <= first.Token {
		t.Errorf("token %d after %d", second.Token, first.Token)
	}
	b.wait(one)
	if err := b.store.RenewLease(t.Context(), first, ttl); !errors.Is(err, store.ErrStale) {
		t.Errorf("renewing the lease of before: %v", err)
	}
}

func TestHoldIsCheap(t *testing.T) {
	b := newBench(t)
	k := b.keeper("one")
	for range 100 {
		b.hold(k)
		b.now = b.now.Add(ttl / 3000)
	}
	if len(b.ops) != 1 {
		t.Errorf("operations %v in a tenth of the lease's time, want one", b.ops)
	}
	b.now = b.now.Add(ttl / 3)
	b.hold(k)
	b.hold(k)
	if len(b.ops) != 2 || b.ops[1] != "RenewLease" {
		t.Errorf("operations %v, want a renewal after a third", b.ops)
	}
}

// A holder that was paused takes its lease anew, with a new token, if it is free.
func TestPausedHolder(t *testing.T) {
	b := newBench(t)
	k := b.keeper("one")
	first := b.hold(k)
	b.now = b.now.Add(2 * ttl)
	if l := b.hold(k); l.Token <= first.Token {
		t.Errorf("token %d after %d", l.Token, first.Token)
	}
}

func TestRelease(t *testing.T) {
	b := newBench(t)
	one, two := b.keeper("one"), b.keeper("two")
	if err := two.Release(t.Context()); err != nil || len(b.ops) != 0 {
		t.Errorf("releasing what is not held: %v, %v", err, b.ops)
	}
	b.hold(one)
	if err := one.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.hold(two)
	b.wait(one)
	// A release that comes late frees nobody else's lease.
	b.now = b.now.Add(2 * ttl)
	b.hold(one)
	if err := two.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.wait(two)
}

// Lost is for a holder that heard from the store that it is none.
func TestLost(t *testing.T) {
	b := newBench(t)
	one, two := b.keeper("one"), b.keeper("two")
	l := b.hold(one)
	if err := b.store.ReleaseLease(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	b.hold(two)
	if got := b.hold(one); got != l {
		t.Fatalf("lease %+v", got) // does not know yet
	}
	one.Lost()
	b.wait(one)
}

func TestErrors(t *testing.T) {
	b := newBench(t)
	one, two := b.keeper("one"), b.keeper("two")
	b.fault = store.ErrUnavailable
	if _, ok, err := one.Hold(t.Context()); ok || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("acquire: %t, %v", ok, err)
	}
	b.fault = nil
	first := b.hold(one)
	b.now = b.now.Add(ttl / 2)
	b.fault = store.ErrUnavailable
	if _, ok, err := one.Hold(t.Context()); ok || !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("renew: %t, %v", ok, err)
	}
	b.fault = nil
	b.wait(two)
	if l := b.hold(one); l != first {
		t.Errorf("lease %+v after a failed renewal, want %+v still", l, first)
	}
	b.fault = store.ErrUnavailable
	if err := one.Release(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("release: %v", err)
	}
}
