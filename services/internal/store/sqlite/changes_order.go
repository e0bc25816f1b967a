package sqlite

import "github.com/tandem-sync/tandem/services/internal/record"

// The order of changes to one record. All changes to one record that are not
// done form a line, by arrival, and exactly one of them has head = 1: the oldest,
// or the one in work. Heads alone can be claimed. The line is named by dataset and
// recordUid: a made-up uid until its create is done, the backend's uid from then on.

// recordUID names the line of a change. A change without uid can only fail; by
// its hash it stands in nobody's way.
func recordUID(tx session, c record.Change) (string, error) {
	if c.UID == "" {
		return c.Hash, nil
	}
	uid := c.UID
	_, err := tx.get([]any{&uid}, "SELECT uid FROM fhsync_uids WHERE datasetId = ? AND cuid = ? AND madeUp = ?",
		c.Dataset, c.CUID, c.UID)
	return uid, err
}

// promote makes the oldest change of a line its head, unless another is in work:
// that one began before the older one joined the line.
func promote(tx session, dataset, recordUID string) error {
	var oldest int64
	waits, err := tx.get([]any{&oldest}, `SELECT id FROM fhsync_pending_queue
		WHERE datasetId = ? AND recordUid = ? AND deleted IS NULL ORDER BY id LIMIT 1`, dataset, recordUID)
	if err != nil || !waits {
		return err
	}
	var head int64
	var inWork bool
	has, err := tx.get([]any{&head, &inWork}, `SELECT id, ack IS NOT NULL FROM fhsync_pending_queue
		WHERE datasetId = ? AND recordUid = ? AND head = 1`, dataset, recordUID)
	if err != nil || has && (inWork || head == oldest) {
		return err
	}
	if has {
		if err := setHead(tx, head, 0); err != nil {
			return err
		}
	}
	return setHead(tx, oldest, 1)
}

func setHead(tx session, id int64, head int) error {
	_, err := tx.exec("UPDATE fhsync_pending_queue SET head = ? WHERE id = ?", head, id)
	return err
}

// mapUID remembers that a made-up uid of a device became uid, and moves the
// device's changes that wait under the made-up uid to the record's line.
// Devices use the create's hash as the made-up uid, so that both names count.
func mapUID(tx session, q finished, uid string, expires int64) error {
	for _, madeUp := range []string{q.uid, q.hash} {
		if madeUp == "" || madeUp == uid {
			continue
		}
		if _, err := tx.exec("INSERT OR REPLACE INTO fhsync_uids (datasetId, cuid, madeUp, uid, expires) VALUES (?, ?, ?, ?, ?)",
			q.dataset, q.cuid, madeUp, uid, expires); err != nil {
			return err
		}
	}
	for _, line := range []string{q.recordUID, q.hash} {
		if line == uid {
			continue
		}
		// An unclaimed head that leaves must not leave the line without one: both
		// lines get theirs below.
		if _, err := tx.exec(`UPDATE fhsync_pending_queue SET recordUid = ?, head = 0
			WHERE datasetId = ? AND recordUid = ? AND deleted IS NULL AND cuid = ? AND uid IN (?, ?)`,
			uid, q.dataset, line, q.cuid, q.uid, q.hash); err != nil {
			return err
		}
		if err := promote(tx, q.dataset, line); err != nil {
			return err
		}
	}
	return promote(tx, q.dataset, uid)
}
