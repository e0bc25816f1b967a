// Package lease keeps one holder at a time at a job in the whole cluster.
//
// A Keeper takes a lease, renews it at each use and hands out its fencing token;
// what the holder then writes carries the token, so that a holder that was
// paused for too long can't commit. It knows nothing of the job.
package lease

import (
	"context"
	"errors"
	"time"

	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// Keeper holds one lease, or tries to. It is used by one goroutine.
type Keeper struct {
	Store  store.Leases
	Name   string        // of the lease
	Holder string        // of this process
	TTL    time.Duration // a dead holder is replaced after that
	Clock  clock.Clock   // of this process; only differences count

	held    store.Lease
	renewed time.Time
}

// Hold returns the lease, taken or, when a third of its TTL has passed, renewed.
// ok is false while another holds it. A holder that was paused for too long
// learns of it here or, at the latest, when the store refuses its token.
func (k *Keeper) Hold(ctx context.Context) (l store.Lease, ok bool, err error) {
	now := k.Clock()
	if k.held.Token != 0 && now.Sub(k.renewed) < k.TTL/3 {
		return k.held, true, nil
	}
	if k.held.Token != 0 {
		err := k.Store.RenewLease(ctx, k.held, k.TTL)
		if err == nil {
			k.renewed = now
			return k.held, true, nil
		}
		if !errors.Is(err, store.ErrStale) {
			return store.Lease{}, false, err
		}
		k.held = store.Lease{}
	}
	l, ok, err = k.Store.AcquireLease(ctx, k.Name, k.Holder, k.TTL)
	if err != nil || !ok {
		return store.Lease{}, false, err
	}
	k.held, k.renewed = l, now
	return l, true, nil
}

// Release frees the lease for the next holder, if it is held.
func (k *Keeper) Release(ctx context.Context) error {
	if k.held.Token == 0 {
		return nil
	}
	l := k.held
	k.held = store.Lease{}
	return k.Store.ReleaseLease(ctx, l)
}

// Lost forgets a lease that the store refused as stale, so that the next Hold
// tries to take it anew.
func (k *Keeper) Lost() { k.held = store.Lease{} }
