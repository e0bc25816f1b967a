package storetest

import (
	"fmt"
	"time"

	"github.com/tandem-sync/tandem/services/internal/store"
)

var leasesTests = []test{
	{"one holder at a time", leaseOne},
	{"a dead holder is replaced", leaseReplaced},
	{"renewing keeps it", leaseRenewed},
	{"releasing frees it", leaseReleased},
	{"the same holder gets it anew", leaseSameHolder},
	{"leases do not meet", leaseNames},
	{"of racing holders one gets it", leaseRace},
}

const ttl = 20 * time.Second

func (k *kit) acquire(name, holder string) (store.Lease, bool) {
	k.Helper()
	lease, ok, err := k.AcquireLease(k.ctx, name, holder, ttl)
	k.must(err)
	return lease, ok
}

func (k *kit) acquired(name, holder string) store.Lease {
	k.Helper()
	lease, ok := k.acquire(name, holder)
	if !ok {
		k.Fatalf("%s did not get %s", holder, name)
	}
	return lease
}

func leaseOne(k *kit) {
	lease := k.acquired("job", "a")
	equal(k, "name", lease.Name, "job")
	_, ok := k.acquire("job", "b")
	equal(k, "b", ok, false)
	k.clock.Advance(ttl - time.Millisecond)
	_, ok = k.acquire("job", "b")
	equal(k, "b just before the end", ok, false)
	k.must(k.RenewLease(k.ctx, lease, ttl))
}

func leaseReplaced(k *kit) {
	a := k.acquired("job", "a")
	k.clock.Advance(ttl)
	k.wantErr(k.RenewLease(k.ctx, a, ttl), store.ErrStale)
	b := k.acquired("job", "b")
	if b.Token <= a.Token {
		k.Fatalf("token %d after %d", b.Token, a.Token)
	}
	k.wantErr(k.RenewLease(k.ctx, a, ttl), store.ErrStale)
	k.must(k.ReleaseLease(k.ctx, a)) // does nothing
	_, ok := k.acquire("job", "c")
	equal(k, "c", ok, false)
	k.must(k.RenewLease(k.ctx, b, ttl))
}

func leaseRenewed(k *kit) {
	a := k.acquired("job", "a")
	for range 5 {
		k.clock.Advance(ttl - time.Millisecond)
		k.must(k.RenewLease(k.ctx, a, ttl))
	}
	_, ok := k.acquire("job", "b")
	equal(k, "b", ok, false)
}

func leaseReleased(k *kit) {
	a := k.acquired("job", "a")
	k.must(k.ReleaseLease(k.ctx, a))
	k.wantErr(k.RenewLease(k.ctx, a, ttl), store.ErrStale)
	b := k.acquired("job", "b")
	if b.Token <= a.Token {
		k.Fatalf("token %d after %d", b.Token, a.Token)
	}
	k.must(k.ReleaseLease(k.ctx, store.Lease{Name: "unknown", Token: 1}))
	k.wantErr(k.RenewLease(k.ctx, store.Lease{Name: "unknown", Token: 1}, ttl), store.ErrStale)
}

// leaseSameHolder: after a restart a holder does not wait for itself, and what is
// left of its former life is stale.
func leaseSameHolder(k *kit) {
	first := k.acquired("job", "a")
	second := k.acquired("job", "a")
	if second.Token <= first.Token {
		k.Fatalf("token %d after %d", second.Token, first.Token)
	}
	k.wantErr(k.RenewLease(k.ctx, first, ttl), store.ErrStale)
	k.must(k.RenewLease(k.ctx, second, ttl))
}

func leaseNames(k *kit) {
	a := k.acquired("job 1", "a")
	k.acquired("job 2", "b")
	k.must(k.RenewLease(k.ctx, a, ttl))
}

func leaseRace(k *kit) {
	got := make([]bool, 16)
	k.together(len(got), func(i int) error {
		_, ok, err := k.AcquireLease(k.ctx, "job", fmt.Sprint(i), ttl)
		got[i] = ok
		return err
	})
	n := 0
	for _, ok := range got {
		if ok {
			n++
		}
	}
	equal(k, "holders", n, 1)
}
