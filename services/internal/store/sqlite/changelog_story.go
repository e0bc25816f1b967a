package sqlite

import (
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// story is a change on its way to whoever asks. id is 0 where the log forgot the
// change and its update alone tells of it.
type story struct {
	store.ChangeStory
	id     int64
	digest string
}

// since is what stories are sorted by.
func (s story) since() time.Time {
	if s.Enqueued.IsZero() {
		return s.Done
	}
	return s.Enqueued
}

// A change that was done before its made-up uid became the real one stays in the
// line of that name; so does a create.
const selectStory = `SELECT q.id, q.datasetId, q.datasetClient, q.cuid, q.hash, q.digest, q.action, q.uid, q.timestamp, q.invalid,
	q.enqueued, q.tries, q.visible, q.ack IS NOT NULL, COALESCE(q.deleted, 0), q.reported,
	COALESCE(q.type, ''), COALESCE(q.outcomeUid, ''), COALESCE(q.msg, ''), COALESCE(q.wrote, ''),
	COALESCE((SELECT m.uid FROM fhsync_uids AS m WHERE m.datasetId = q.datasetId AND m.cuid = q.cuid AND m.madeUp = q.uid),
		CASE WHEN q.action = 'create' AND q.type = 'applied' THEN q.outcomeUid END, q.recordUid),
	CASE WHEN q.deleted IS NULL AND q.head = 0 THEN COALESCE((SELECT h.hash FROM fhsync_pending_queue AS h
		WHERE h.datasetId = q.datasetId AND h.recordUid = q.recordUid AND h.head = 1), '') ELSE '' END
	FROM fhsync_pending_queue AS q `

func scanStory(row scanner) (s story, err error) {
	var enqueued, visible, deleted, reported int64
	var o store.Outcome
	c := &s.Change
	err = row.Scan(&s.id, &c.Dataset, &c.ClientID, &c.CUID, &c.Hash, &s.digest, &c.Action, &c.UID, &c.Timestamp, &c.Invalid,
		&enqueued, &s.Tries, &visible, &s.Claimed, &deleted, &reported, &o.Type, &o.UID, &o.Msg, &o.Wrote, &s.RecordUID, &s.Behind)
	s.Enqueued, s.Visible, s.Done, s.Reported = timeOf(enqueued), timeOf(visible), timeOf(deleted), timeOf(reported)
	if deleted != 0 {
		s.Outcome, s.Visible, s.Claimed = &o, time.Time{}, false
	}
	if c.UID == "" {
		s.RecordUID = "" // the line's name is no uid here, see recordUID
	}
	return s, err
}

// complete adds what other tables tell of a story.
func (s *story) complete(tx session) error {
	if s.Claimed && s.Visible.UnixMilli() <= tx.now {
		s.Claimed = false // the claim ended, whoever had it
	}
	if s.Reported.IsZero() || s.Waiting != nil {
		return nil
	}
	var waiting record.Update
	dataset, c := s.Change.Dataset, s.Change
	waits, err := tx.get([]any{&waiting.Type, &waiting.Action, &waiting.UID, &waiting.OldUID, &waiting.Msg, &waiting.Timestamp},
		`SELECT type, action, uid, oldUid, msg, timestamp FROM fhsync_updates
		WHERE datasetId = ? AND cuid = ? AND hash = ? AND digest = ? AND hidden = 0`, dataset, c.CUID, c.Hash, s.digest)
	if err != nil {
		return err
	}
	if waits {
		waiting.CUID, waiting.Hash = c.CUID, c.Hash
		s.Waiting = &waiting
	}
	// An acknowledgement is about the newest result up to its timestamp.
	var acknowledged int64
	_, err = tx.get([]any{&acknowledged}, `SELECT COALESCE(max(deleted), 0) FROM fhsync_ack_queue INDEXED BY ack_change
		WHERE datasetId = ?1 AND cuid = ?2 AND hash = ?3 AND deleted IS NOT NULL AND timestamp >= ?4
		AND timestamp < COALESCE((SELECT min(reported) FROM fhsync_pending_queue
			WHERE datasetId = ?1 AND cuid = ?2 AND hash = ?3 AND reported > ?4), timestamp + 1)`,
		dataset, c.CUID, c.Hash, millis(s.Reported))
	s.Acknowledged = timeOf(acknowledged)
	return err
}

// forgottenStories are those of changes that the log has forgotten and whose
// updates still wait. Without a device this looks through all results that
// wait in the dataset.
func forgottenStories(tx session, q store.ChangeQuery) ([]story, error) {
	where, args := "", []any{q.Dataset}
	if q.CUID != "" {
		where, args = "AND u.cuid = ? ", append(args, q.CUID)
	}
	return collect(tx, scanForgotten, `SELECT u.datasetId, u.cuid, u.hash, u.action, u.type, u.uid, u.oldUid, u.msg, u.wrote, u.timestamp
		FROM fhsync_updates AS u INDEXED BY updates_change WHERE u.datasetId = ? `+where+`AND ? IN ('', u.hash) AND ? IN ('', u.uid, u.oldUid)
		AND u.hidden = 0 AND NOT EXISTS (SELECT 1 FROM fhsync_pending_queue AS q
			WHERE q.datasetId = u.datasetId AND q.cuid = u.cuid AND q.hash = u.hash)
		ORDER BY u.timestamp DESC LIMIT ?`, append(args, q.Hash, q.UID, q.Limit)...)
}

// scanForgotten reads what an update tells of its change: it was done when the
// result was stored, or earlier where that was reported again.
func scanForgotten(row scanner) (s story, err error) {
	var u record.Update
	o, c := store.Outcome{}, &s.Change
	err = row.Scan(&c.Dataset, &u.CUID, &u.Hash, &u.Action, &u.Type, &u.UID, &u.OldUID, &u.Msg, &o.Wrote, &u.Timestamp)
	o.Type, o.UID, o.Msg = u.Type, u.UID, u.Msg
	c.CUID, c.Hash, c.Action, c.UID = u.CUID, u.Hash, u.Action, u.UID
	if u.OldUID != "" {
		c.UID = u.OldUID
	}
	s.RecordUID, s.Outcome, s.Waiting = u.UID, &o, &u
	s.Reported, s.Done = timeOf(u.Timestamp), timeOf(u.Timestamp)
	return s, err
}
