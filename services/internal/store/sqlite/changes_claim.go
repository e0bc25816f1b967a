package sqlite

import (
	"context"
	"time"

	"github.com/tandem-sync/tandem/services/internal/store"
)

// ClaimChanges claims heads; see store.Changes.
func (s *Store) ClaimChanges(ctx context.Context, n int, window time.Duration) ([]store.ClaimedChange, error) {
	var claimed []store.ClaimedChange
	err := s.claim(ctx, store.QueuePending, n, func(tx session) error {
		ack, end := newAck(), until(tx, window)
		found, err := collect(tx, scanChange, selectHeads, tx.now, n)
		if err != nil {
			return err
		}
		for _, one := range found {
			if err := mark(tx, store.QueuePending, one.id, ack, end); err != nil {
				return err
			}
			one.Claim = claimOf(one.id, ack, end, one.Tries+1)
			if one.Earlier, err = earlier(tx, one); err != nil {
				return err
			}
			claimed = append(claimed, one.ClaimedChange)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return claimed, nil
}

const selectHeads = `SELECT id, datasetId, cuid, hash, digest, datasetClient, action, uid, recordUid, timestamp,
	invalid, enqueued, tries, unsure OR tries > given, meta_data, pre, post
	FROM fhsync_pending_queue WHERE head = 1 AND visible <= ? ORDER BY visible, id LIMIT ?`

// queuedChange is a row of the pending queue on its way to a worker.
type queuedChange struct {
	store.ClaimedChange
	id     int64
	digest string
}

func scanChange(row scanner) (queuedChange, error) {
	var q queuedChange
	var enqueued int64
	c := &q.Change
	err := row.Scan(&q.id, &c.Dataset, &c.CUID, &c.Hash, &q.digest, &c.ClientID, &c.Action, &c.UID, &q.RecordUID,
		&c.Timestamp, &c.Invalid, &enqueued, &q.Tries, &q.Unsure, rawJSON{&c.MetaData}, rawJSON{&c.Pre}, rawJSON{&c.Post})
	q.Enqueued = timeOf(enqueued)
	if c.UID == "" {
		q.RecordUID = "" // the line's name is no uid here, see recordUID
	}
	return q, err
}

// earlier finds the outcome that a newer version builds on: of the older
// versions done, the newest that was applied, else the newest.
func earlier(tx session, q queuedChange) (*store.Outcome, error) {
	var o store.Outcome
	dest := []any{&o.Type, &o.UID, &o.Msg, &o.Wrote}
	c := q.Change
	found, err := tx.get(dest, `SELECT type, outcomeUid, msg, wrote FROM fhsync_pending_queue
		WHERE datasetId = ? AND cuid = ? AND hash = ? AND id < ? AND type IS NOT NULL
		ORDER BY type = 'applied' DESC, id DESC LIMIT 1`, c.Dataset, c.CUID, c.Hash, q.id)
	if err == nil && !found {
		// The log forgot it, its update waited for the device.
		found, err = tx.get(dest, `SELECT type, uid, msg, wrote FROM fhsync_updates
			WHERE datasetId = ? AND cuid = ? AND hash = ? AND digest <> ?`, c.Dataset, c.CUID, c.Hash, q.digest)
	}
	if err != nil || !found {
		return nil, err
	}
	return &o, nil
}

// ExtendChange keeps a claim; see store.Changes.
func (s *Store) ExtendChange(ctx context.Context, claim store.Claim, window time.Duration) (store.Claim, error) {
	return s.extend(ctx, store.QueuePending, claim, window)
}

// RetryChange gives a claim up; see store.Changes.
func (s *Store) RetryChange(ctx context.Context, claim store.Claim, delay time.Duration, free bool) error {
	return s.write(ctx, "put a change back", func(tx session) error {
		var dataset, line string
		id := messageID(claim)
		held, err := tx.get([]any{&dataset, &line}, `SELECT datasetId, recordUid FROM fhsync_pending_queue
			WHERE id = ? AND ack = ? AND deleted IS NULL`, id, claim.Ack)
		if err != nil {
			return err
		}
		if !held {
			return store.ErrStale
		}
		if _, err := tx.exec(`UPDATE fhsync_pending_queue SET ack = NULL, visible = ?1, tries = tries - ?2, given = given + 1 - ?2,
			unsure = max(unsure, ?2, tries - 1 > given) WHERE id = ?3`, tx.now+max(delay.Milliseconds(), 0), free, id); err != nil {
			return err
		}
		return promote(tx, dataset, line) // an older one may have joined meanwhile
	})
}
