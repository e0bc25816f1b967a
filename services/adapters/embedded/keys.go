package embedded

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"strconv"
	"sync"
	"time"
)

// KeyTTL is how long an idempotency key is remembered.
const KeyTTL = 30 * 24 * time.Hour

// Forgotten keys are removed in passing, a bounded number at a time.
const (
	pruneEvery = time.Hour
	pruneBatch = 1000
)

type pruning struct {
	mu   sync.Mutex
	next time.Time
}

// remember notes the key of a write in the write's own transaction. known tells
// that it was noted before: the write has been made then.
func (a *Adapter) remember(tx *sql.Tx, method, dataset, key, uid string) (known bool, err error) {
	now := a.now()
	if err := a.prune(tx, now); err != nil {
		return false, err
	}
	result, err := tx.Exec("INSERT INTO keys (digest, uid, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
		digest(method, dataset, key), uid, now.UnixMilli())
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n == 0, err
}

func (a *Adapter) prune(tx *sql.Tx, now time.Time) error {
	a.pruned.mu.Lock()
	defer a.pruned.mu.Unlock()
	if now.Before(a.pruned.next) {
		return nil
	}
	result, err := tx.Exec("DELETE FROM keys WHERE digest IN (SELECT digest FROM keys WHERE at < ? LIMIT ?)",
		now.Add(-KeyTTL).UnixMilli(), pruneBatch)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err == nil && n < pruneBatch {
		a.pruned.next = now.Add(pruneEvery)
	}
	return nil
}

// name makes an id of 24 hex characters, as of a MongoDB ObjectId, from what it
// belongs to.
func name(kind, dataset, key string) string {
	return hex.EncodeToString(digest(kind, dataset, key)[:12])
}

// digest tells lists of texts apart, wherever one text ends and the next begins.
func digest(texts ...string) []byte {
	h := sha256.New()
	for _, text := range texts {
		h.Write([]byte(strconv.Itoa(len(text)) + ":" + text))
	}
	return h.Sum(nil)
}
