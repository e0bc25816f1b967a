package sqlite

import (
	"context"
	"time"

	"github.com/tandem-sync/tandem/services/internal/store"
)

// AcquireLease takes a free or expired lease; see store.Leases. The same holder
// gets its lease anew, with a new token: after a restart it need not wait for
// itself, and what is left of its former life is stale.
func (s *Store) AcquireLease(ctx context.Context, name, holder string, ttl time.Duration) (lease store.Lease, ok bool, err error) {
	lease.Name = name
	err = s.write(ctx, "acquire lease "+name, func(tx session) (err error) {
		// No row comes back where the condition keeps the row as it is.
		ok, err = tx.get([]any{&lease.Token}, `INSERT INTO fhsync_locks (name, holder, token, expires) VALUES (?1, ?2, 1, ?3)
			ON CONFLICT (name) DO UPDATE SET holder = ?2, token = token + 1, expires = ?3
			WHERE expires <= ?4 OR holder = ?2 RETURNING token`, name, holder, until(tx, ttl), tx.now)
		return err
	})
	if err != nil || !ok {
		return store.Lease{}, false, err
	}
	return lease, true, nil
}

// checkLease tells whether a lease is held at this moment.
func checkLease(tx session, lease store.Lease) error {
	held, err := tx.exists("SELECT 1 FROM fhsync_locks WHERE name = ? AND token = ? AND expires > ?", lease.Name, lease.Token, tx.now)
	if err == nil && !held {
		err = store.ErrStale
	}
	return err
}

// RenewLease keeps a lease that is still held; see store.Leases.
func (s *Store) RenewLease(ctx context.Context, lease store.Lease, ttl time.Duration) error {
	return s.write(ctx, "renew lease "+lease.Name, func(tx session) error {
		if err := checkLease(tx, lease); err != nil {
			return err
		}
		_, err := tx.exec("UPDATE fhsync_locks SET expires = ? WHERE name = ?", until(tx, ttl), lease.Name)
		return err
	})
}

// ReleaseLease frees a lease for the next; see store.Leases.
func (s *Store) ReleaseLease(ctx context.Context, lease store.Lease) error {
	return s.write(ctx, "release lease "+lease.Name, func(tx session) error {
		_, err := tx.exec("UPDATE fhsync_locks SET expires = 0 WHERE name = ? AND token = ?", lease.Name, lease.Token)
		return err
	})
}
