package wrap

import (
	"context"
	"iter"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// guard stands around every operation of a store: it decides whether and how
// call happens, and what its caller is told. op is the method's name.
type guard func(ctx context.Context, op string, call func(context.Context) error) error

// around is a store with a guard. Close is not guarded.
type around struct {
	store.Store
	guard guard
}

// value guards an operation that returns something; a caller that is told of an
// error gets none of it.
func value[T any](ctx context.Context, s around, op string, call func(context.Context) (T, error)) (T, error) {
	var result, none T
	err := s.guard(ctx, op, func(ctx context.Context) (err error) {
		result, err = call(ctx)
		return err
	})
	if err != nil {
		return none, err
	}
	return result, nil
}

func (s around) SyncState(ctx context.Context, clientID, dataset, cuid string, limit int) (*record.DatasetClient, []record.Update, error) {
	type state struct {
		client  *record.DatasetClient
		updates []record.Update
	}
	st, err := value(ctx, s, "SyncState", func(ctx context.Context) (st state, err error) {
		st.client, st.updates, err = s.Store.SyncState(ctx, clientID, dataset, cuid, limit)
		return st, err
	})
	return st.client, st.updates, err
}

func (s around) AcquireLease(ctx context.Context, name, holder string, ttl time.Duration) (store.Lease, bool, error) {
	type answer struct {
		lease store.Lease
		ok    bool
	}
	a, err := value(ctx, s, "AcquireLease", func(ctx context.Context) (a answer, err error) {
		a.lease, a.ok, err = s.Store.AcquireLease(ctx, name, holder, ttl)
		return a, err
	})
	return a.lease, a.ok, err
}

func (s around) RecordViews(ctx context.Context, dataset, uid string) (string, []string, error) {
	type answer struct {
		hash    string
		clients []string
	}
	a, err := value(ctx, s, "RecordViews", func(ctx context.Context) (a answer, err error) {
		a.hash, a.clients, err = s.Store.RecordViews(ctx, dataset, uid)
		return a, err
	})
	return a.hash, a.clients, err
}

// ViewHashes is one operation from the first pair to the last.
func (s around) ViewHashes(ctx context.Context, clientID string) iter.Seq2[store.UIDHash, error] {
	return func(yield func(store.UIDHash, error) bool) {
		more := true
		err := s.guard(ctx, "ViewHashes", func(ctx context.Context) error {
			for pair, err := range s.Store.ViewHashes(ctx, clientID) {
				if err != nil {
					return err
				}
				if more = yield(pair, nil); !more {
					return nil
				}
			}
			return nil
		})
		if err != nil && more {
			yield(store.UIDHash{}, err)
		}
	}
}
