package sql

import (
	"context"
	"database/sql"
	"sync"
	"time"
)

// KeyTTL is how long an idempotency key is remembered.
const KeyTTL = 30 * 24 * time.Hour

// pruneEvery is how often forgotten keys are removed, in passing.
const pruneEvery = time.Hour

type pruning struct {
	mu   sync.Mutex
	next time.Time
}

// remember notes the key of a write in the write's own transaction. known tells that it was noted before: the
// write has been made then. Of two that come at once the second waits for the first.
func (a *Adapter) remember(ctx context.Context, tx *sql.Tx, method, dataset, key, uid string) (known bool, err error) {
	result, err := tx.ExecContext(ctx, a.d.remember(a.keys), hexDigest(method, dataset, key), uid, a.now().UnixMilli())
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n == 0, err
}

// uidOfKey returns the uid that was noted with a key.
func (a *Adapter) uidOfKey(ctx context.Context, tx *sql.Tx, method, dataset, key string) (uid string, err error) {
	s := (&statement{d: a.d}).add("SELECT uid FROM ", a.keys, " WHERE digest = ").plain(hexDigest(method, dataset, key))
	return uid, scanOne(ctx, tx, &uid, s.b.String(), s.args...)
}

// noteUID completes a key with the uid that the database made.
func (a *Adapter) noteUID(ctx context.Context, tx *sql.Tx, method, dataset, key, uid string) error {
	s := (&statement{d: a.d}).add("UPDATE ", a.keys, " SET uid = ").plain(uid)
	_, err := s.add(" WHERE digest = ").plain(hexDigest(method, dataset, key)).exec(ctx, tx)
	return err
}

// prune forgets old keys, apart from any write. What goes wrong is tried again later.
func (a *Adapter) prune(ctx context.Context) {
	a.pruned.mu.Lock()
	defer a.pruned.mu.Unlock()
	now := a.now()
	if now.Before(a.pruned.next) {
		return
	}
	a.pruned.next = now.Add(pruneEvery)
	result, err := a.db.ExecContext(ctx, a.d.prune(a.keys), now.Add(-KeyTTL).UnixMilli())
	if err != nil {
		a.log.Warn("old keys of changes were not forgotten", "table", a.keys, "error", err)
		return
	}
	if n, err := result.RowsAffected(); err == nil && n > 0 {
		a.pruned.next = now // there may be more
	}
}
