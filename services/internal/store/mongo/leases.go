package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-sync/tandem/services/internal/store"
)

// A lease is a document of fhsync_locks in the reference server's form {name, code,
// expire, inserted}, so that its schedulers and ours exclude one another, with the
// holder and the token beside. Tokens come from a counter: the document may vanish.

func (s *Store) locks() coll { return s.coll(collLocks) }

// AcquireLease takes a free or expired lease; see store.Leases. The same holder
// gets its lease anew, with a new token: after a restart it need not wait for
// itself, and what is left of its former life is stale.
func (s *Store) AcquireLease(ctx context.Context, lock, holder string, ttl time.Duration) (store.Lease, bool, error) {
	lease, ok, err := s.acquire(ctx, lock, holder, ttl)
	if err != nil {
		return store.Lease{}, false, translate("acquire lease "+lock, err)
	}
	return lease, ok, nil
}

func (s *Store) acquire(ctx context.Context, lock, holder string, ttl time.Duration) (store.Lease, bool, error) {
	lease := bson.D{is("name", name(lock))}
	d, err := s.locks().one(ctx, lease)
	if err != nil || d != nil && number(d, "expire") > millis(s.now()) && text(d, "holder") != holder {
		return store.Lease{}, false, err
	}
	token, err := s.next(ctx, "lease")
	if err != nil {
		return store.Lease{}, false, err
	}
	now := s.now()
	taken := []bson.E{is("code", newAck()), is("holder", name(holder)), is("token", token),
		is("expire", millis(until(now, ttl))), is("inserted", millis(now))}
	if d == nil {
		err = s.locks().insert(ctx, append(lease, taken...))
		if isDuplicate(err) {
			return store.Lease{}, false, nil
		}
	} else {
		var matched bool
		matched, err = s.locks().update(ctx, asRead(d, "code", "token"), bson.D{set(taken...)})
		if err == nil && !matched {
			return store.Lease{}, false, nil
		}
	}
	return store.Lease{Name: lock, Token: token}, err == nil, err
}

// holds selects a lease while it is held.
func (s *Store) holds(lease store.Lease) bson.D {
	return bson.D{is("name", name(lease.Name)), is("token", lease.Token), op("expire", "$gt", millis(s.now()))}
}

// checkLease tells whether a lease is held at this moment.
func (s *Store) checkLease(ctx context.Context, lease store.Lease) error {
	d, err := s.locks().one(ctx, s.holds(lease), options.FindOne().SetProjection(only("token")))
	if err == nil && d == nil {
		err = store.ErrStale
	}
	return err
}

// RenewLease keeps a lease that is still held; see store.Leases.
func (s *Store) RenewLease(ctx context.Context, lease store.Lease, ttl time.Duration) error {
	matched, err := s.locks().update(ctx, s.holds(lease), bson.D{set(is("expire", millis(until(s.now(), ttl))))})
	if err == nil && !matched {
		err = store.ErrStale
	}
	return translate("renew lease "+lease.Name, err)
}

// ReleaseLease frees a lease for the next; see store.Leases.
func (s *Store) ReleaseLease(ctx context.Context, lease store.Lease) error {
	_, err := s.locks().update(ctx, bson.D{is("name", name(lease.Name)), is("token", lease.Token)}, bson.D{set(is("expire", int64(0)))})
	return translate("release lease "+lease.Name, err)
}
