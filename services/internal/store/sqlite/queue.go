package sqlite

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"time"

	"github.com/tandem-sync/tandem/services/internal/store"
)

// What the three queues share. A message is claimable when it is not done and
// visible; a claim gives it a new ack and hides it until the claim ends. Claims go
// by the time of visibility, then by arrival: what was put back waits in line
// behind what has waited longer.

// newAck makes the token of a claim. It is random, and no counter, since a token
// must not repeat where a try was given back.
func newAck() string { return rand.Text() }

// claimOf names a message just claimed.
func claimOf(id int64, ack string, until int64, tries int) store.Claim {
	return store.Claim{ID: strconv.FormatInt(id, 10), Ack: ack, Until: timeOf(until), Tries: tries}
}

// mark writes a claim into a message.
func mark(tx session, queue store.Queue, id int64, ack string, until int64) error {
	_, err := tx.exec("UPDATE "+string(queue)+" SET ack = ?, visible = ?, tries = tries + 1 WHERE id = ?", ack, until, id)
	return err
}

// until is when a claim for window ends. Less than a millisecond would end at once.
func until(tx session, window time.Duration) int64 {
	return tx.now + max(window.Milliseconds(), 1)
}

// messageID reads back the id that claimOf wrote; an id of another origin names
// no message, so that its claim is stale.
func messageID(claim store.Claim) int64 {
	id, err := strconv.ParseInt(claim.ID, 10, 64)
	if err != nil {
		return -1
	}
	return id
}

// extend keeps a claim for another window.
func (s *Store) extend(ctx context.Context, queue store.Queue, claim store.Claim, window time.Duration) (store.Claim, error) {
	extended := claim
	err := s.write(ctx, "extend a claim", func(tx session) error {
		end := until(tx, window)
		extended.Until = timeOf(end)
		n, err := tx.exec("UPDATE "+string(queue)+" SET visible = ? WHERE id = ? AND ack = ? AND deleted IS NULL",
			end, messageID(claim), claim.Ack)
		if err == nil && n == 0 {
			err = store.ErrStale
		}
		return err
	})
	if err != nil {
		return store.Claim{}, err
	}
	return extended, nil
}

// finish marks a message of a claim done; ok is false when the claim is stale.
func finish(tx session, queue store.Queue, claim store.Claim) (ok bool, err error) {
	n, err := tx.exec("UPDATE "+string(queue)+" SET deleted = ? WHERE id = ? AND ack = ? AND deleted IS NULL",
		tx.now, messageID(claim), claim.Ack)
	return n > 0, err
}

// claimable is the condition of each queue's partial index.
var claimable = map[store.Queue]string{
	store.QueuePending: "head = 1",
	store.QueueAck:     "deleted IS NULL",
	store.QueueSync:    "deleted IS NULL",
}

// claim runs take in the writer when there is something to claim. A poll that
// finds nothing stays a read.
func (s *Store) claim(ctx context.Context, queue store.Queue, n int, take func(session) error) error {
	if n <= 0 {
		return nil
	}
	var found bool
	what := "claim from " + string(queue)
	err := s.read(ctx, what, func(tx session) (err error) {
		found, err = tx.exists("SELECT 1 FROM "+string(queue)+" WHERE "+claimable[queue]+" AND visible <= ? LIMIT 1", tx.now)
		return err
	})
	if err != nil || !found {
		return err
	}
	return s.write(ctx, what, take)
}

// undone is where the messages that are not done are counted: the index is named,
// since SQLite would rather walk one that holds those done as well.
var undone = map[store.Queue]string{
	store.QueuePending: "fhsync_pending_queue INDEXED BY pending_record",
	store.QueueAck:     "fhsync_ack_queue INDEXED BY ack_claimable",
	store.QueueSync:    "fhsync_queue INDEXED BY job_claimable",
}

// Queues counts the messages that wait or are in work.
func (s *Store) Queues(ctx context.Context) (map[store.Queue]int64, error) {
	counts := map[store.Queue]int64{}
	err := s.read(ctx, "count the queues", func(tx session) error {
		for queue, index := range undone {
			var n int64
			if _, err := tx.get([]any{&n}, "SELECT count(*) FROM "+index+" WHERE deleted IS NULL"); err != nil {
				return err
			}
			counts[queue] = n
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return counts, nil
}

// purgeChunk bounds how long one step of Purge keeps others from writing.
const purgeChunk = 1000

// Purge removes done messages after Options.QueueTTL and uid mappings after
// Options.AliasTTL. A done change stays while a newer version of it waits, which
// will ask for its outcome.
func (s *Store) Purge(ctx context.Context) error {
	ttl := s.options.QueueTTL.Milliseconds()
	const done = "DELETE FROM %[1]s WHERE id IN (SELECT id FROM %[1]s WHERE deleted IS NOT NULL AND deleted <= ? LIMIT ?)"
	const doneChanges = `DELETE FROM fhsync_pending_queue WHERE id IN (
		SELECT id FROM fhsync_pending_queue AS q WHERE deleted IS NOT NULL AND deleted <= ? AND NOT EXISTS (
			SELECT 1 FROM fhsync_pending_queue AS v
			WHERE v.datasetId = q.datasetId AND v.cuid = q.cuid AND v.hash = q.hash AND v.deleted IS NULL) LIMIT ?)`
	const uids = `DELETE FROM fhsync_uids WHERE (datasetId, cuid, madeUp) IN (
		SELECT datasetId, cuid, madeUp FROM fhsync_uids WHERE expires <= ? LIMIT ?)`
	for _, step := range []struct {
		query string
		age   int64
	}{
		{doneChanges, ttl},
		{fmt.Sprintf(done, store.QueueAck), ttl},
		{fmt.Sprintf(done, store.QueueSync), ttl},
		{uids, 0},
	} {
		for removed := int64(purgeChunk); removed == purgeChunk; {
			err := s.write(ctx, "purge", func(tx session) (err error) {
				removed, err = tx.exec(step.query, tx.now-step.age, purgeChunk)
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
