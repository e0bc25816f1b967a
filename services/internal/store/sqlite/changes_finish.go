package sqlite

import (
	"context"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// finished is what the end of a change needs to know of it.
type finished struct {
	id                          int64
	dataset, cuid, hash, digest string
	client, uid, recordUID      string
	action                      record.Action
}

// FinishChange ends a change with all that follows from it; see store.Changes.
func (s *Store) FinishChange(ctx context.Context, claim store.Claim, outcome store.Outcome) error {
	return s.write(ctx, "finish a change", func(tx session) error {
		q := finished{id: messageID(claim)}
		held, err := tx.get([]any{&q.dataset, &q.cuid, &q.hash, &q.digest, &q.client, &q.uid, &q.recordUID, &q.action},
			`SELECT datasetId, cuid, hash, digest, datasetClient, uid, recordUid, action FROM fhsync_pending_queue
			WHERE id = ? AND ack = ? AND deleted IS NULL`, q.id, claim.Ack)
		if err != nil {
			return err
		}
		if !held {
			return store.ErrStale
		}
		if outcome.UID == "" {
			outcome.UID = q.uid
		}
		if err := settle(tx, q, outcome); err != nil {
			return err
		}
		if q.action == record.ActionCreate && outcome.Type == record.Applied && outcome.UID != "" {
			err = mapUID(tx, q, outcome.UID, tx.now+s.options.AliasTTL.Milliseconds())
		} else {
			err = promote(tx, q.dataset, q.recordUID)
		}
		if err != nil {
			return err
		}
		return touchView(tx, q.client, outcome.Type)
	})
}

// settle marks the change done and saves its update, unless a newer version has
// arrived: the device waits for that one's result.
func settle(tx session, q finished, outcome store.Outcome) error {
	newer, err := tx.exists(`SELECT 1 FROM fhsync_pending_queue WHERE datasetId = ? AND cuid = ? AND hash = ? AND id > ? LIMIT 1`,
		q.dataset, q.cuid, q.hash, q.id)
	if err != nil {
		return err
	}
	var reported int64
	if !newer {
		if reported, err = saveUpdate(tx, q, outcome); err != nil {
			return err
		}
	}
	_, err = tx.exec(`UPDATE fhsync_pending_queue SET deleted = ?, head = 0, type = ?, outcomeUid = ?, msg = ?, wrote = ?, reported = ?
		WHERE id = ?`, tx.now, string(outcome.Type), outcome.UID, outcome.Msg, outcome.Wrote, reported, q.id)
	return err
}

// touchView notes in the dataset client that a change came through it. What
// failed or collided must bring the device's copy back, so that its revision
// grows now; what was applied shows with the next sync run.
func touchView(tx session, client string, result record.UpdateType) error {
	_, err := tx.exec(`UPDATE fhsync_datasetClients SET dirty = ?, revision = revision + ?, collisionCount = collisionCount + ?
		WHERE id = ?`, tx.now, result != record.Applied, result == record.Collision, client)
	return err
}
