package sqlite

import (
	"context"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// saveUpdate stores the result of a change for its device and returns its
// timestamp: now, or just above the last one where the clock has not moved on.
func saveUpdate(tx session, q finished, o store.Outcome) (timestamp int64, err error) {
	var last int64
	// The update may have been acknowledged; the log of done changes remembers it.
	if _, err := tx.get([]any{&last}, `SELECT max(
		COALESCE((SELECT timestamp FROM fhsync_updates WHERE datasetId = ?1 AND cuid = ?2 AND hash = ?3), 0),
		COALESCE((SELECT max(reported) FROM fhsync_pending_queue WHERE datasetId = ?1 AND cuid = ?2 AND hash = ?3), 0))`,
		q.dataset, q.cuid, q.hash); err != nil {
		return 0, err
	}
	timestamp = max(tx.now, last+1)
	oldUID := ""
	if o.UID != q.uid || q.action == record.ActionCreate && o.Type == record.Applied {
		oldUID = q.uid
	}
	_, err = tx.exec(`INSERT OR REPLACE INTO fhsync_updates
		(datasetId, cuid, hash, timestamp, type, action, uid, oldUid, msg, digest, wrote, hidden)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)`,
		q.dataset, q.cuid, q.hash, timestamp, string(o.Type), string(q.action), o.UID, oldUID, o.Msg, q.digest, o.Wrote)
	return timestamp, err
}

// reportAgain saves the result of a change that was done before once more.
func reportAgain(tx session, c record.Change, id int64) error {
	q := finished{id: id, dataset: c.Dataset, cuid: c.CUID, hash: c.Hash}
	var o store.Outcome
	if _, err := tx.get([]any{&q.uid, &q.action, &q.digest, &o.Type, &o.UID, &o.Msg, &o.Wrote},
		"SELECT uid, action, digest, type, outcomeUid, msg, wrote FROM fhsync_pending_queue WHERE id = ?", id); err != nil {
		return err
	}
	reported, err := saveUpdate(tx, q, o)
	if err != nil {
		return err
	}
	_, err = tx.exec("UPDATE fhsync_pending_queue SET reported = ? WHERE id = ?", reported, id)
	return err
}

// renewUpdate gives an update that still waits for its device a new timestamp.
func renewUpdate(tx session, c record.Change) error {
	_, err := tx.exec(`UPDATE fhsync_updates SET timestamp = max(?, timestamp + 1)
		WHERE datasetId = ? AND cuid = ? AND hash = ?`, tx.now, c.Dataset, c.CUID, c.Hash)
	return err
}

// hideUpdate takes the result of an older version out of the device's sight. It
// stays until the newer version's takes its place: it may be all that is known of
// the older version.
func hideUpdate(tx session, c record.Change) error {
	_, err := tx.exec("UPDATE fhsync_updates SET hidden = 1 WHERE datasetId = ? AND cuid = ? AND hash = ?",
		c.Dataset, c.CUID, c.Hash)
	return err
}

// ListUpdates returns the updates stored for a device; see store.Acks.
func (s *Store) ListUpdates(ctx context.Context, dataset, cuid string, limit int) (updates []record.Update, err error) {
	err = s.read(ctx, "list updates", func(tx session) (err error) {
		updates, err = listUpdates(tx, dataset, cuid, limit)
		return err
	})
	return updates, err
}

func listUpdates(tx session, dataset, cuid string, limit int) ([]record.Update, error) {
	if limit <= 0 {
		limit = -1 // SQL for none
	}
	return collect(tx, func(row scanner) (u record.Update, err error) {
		u.CUID = cuid
		return u, row.Scan(&u.Type, &u.Action, &u.Hash, &u.UID, &u.OldUID, &u.Msg, &u.Timestamp)
	}, `SELECT type, action, hash, uid, oldUid, msg, timestamp FROM fhsync_updates
		WHERE datasetId = ? AND cuid = ? AND hidden = 0 ORDER BY timestamp, id LIMIT ?`, dataset, cuid, limit)
}
