package sqlite

import (
	"context"
	"time"

	"github.com/tandem-sync/tandem/services/internal/store"
)

// What the scheduler asks. Each query reads one partial index in its order, so
// that it costs what it finds (dueAt of schema_2.sql, expiresAt of schema_1.sql).
const (
	deactivate = "UPDATE fhsync_datasetClients SET active = 0 WHERE active = 1 AND expiresAt <= ?"
	selectDue  = `SELECT seq, id, datasetId FROM fhsync_datasetClients
		WHERE active = 1 AND stopped = 0 AND dueAt <= ? ORDER BY dueAt LIMIT ?`
	selectNext = "SELECT dueAt FROM fhsync_datasetClients WHERE active = 1 AND stopped = 0 ORDER BY dueAt LIMIT 1"
	selectIdle = `SELECT seq FROM fhsync_datasetClients WHERE active = 0 AND expiresAt <= ? ORDER BY expiresAt LIMIT ?`
)

// dueClient is one dataset client to be scheduled.
type dueClient struct {
	seq         int64
	id, dataset string
}

// ScheduleDue queues what is due; see store.DatasetClients. A dataset client that
// nobody accessed is deactivated whether or not a sync run of it ever finished:
// nobody waits for it, and the next access makes it due again.
func (s *Store) ScheduleDue(ctx context.Context, lease store.Lease, limit int) (done store.Scheduled, err error) {
	err = s.write(ctx, "schedule", func(tx session) error {
		if err := checkLease(tx, lease); err != nil {
			return err
		}
		deactivated, err := tx.exec(deactivate, tx.now)
		if err != nil {
			return err
		}
		due, err := collect(tx, func(row scanner) (d dueClient, err error) {
			return d, row.Scan(&d.seq, &d.id, &d.dataset)
		}, selectDue, tx.now, limit)
		if err != nil {
			return err
		}
		for _, d := range due {
			if err := insertJob(tx, d.id, d.dataset); err != nil {
				return err
			}
			if _, err := tx.exec("UPDATE fhsync_datasetClients SET syncScheduled = ? WHERE seq = ?", tx.now, d.seq); err != nil {
				return err
			}
		}
		done = store.Scheduled{Jobs: len(due), Deactivated: int(deactivated)}
		var next int64
		if found, err := tx.get([]any{&next}, selectNext); err != nil || !found {
			return err
		}
		done.Next = time.UnixMilli(next).UTC()
		return nil
	})
	if err != nil {
		return store.Scheduled{}, err
	}
	return done, nil
}

// RemoveIdle removes dataset clients that nobody came back for; see
// store.DatasetClients. Each goes in a transaction of its own, so that large
// views do not keep others from writing for longer than one of them takes.
func (s *Store) RemoveIdle(ctx context.Context, lease store.Lease, retention time.Duration, limit int) (removed int, err error) {
	for removed < limit {
		var found bool
		err := s.write(ctx, "remove idle dataset clients", func(tx session) error {
			if err := checkLease(tx, lease); err != nil {
				return err
			}
			var seq int64
			if found, err = tx.get([]any{&seq}, selectIdle, tx.now-retention.Milliseconds(), 1); err != nil || !found {
				return err
			}
			return removeClient(tx, seq)
		})
		if err != nil || !found {
			return removed, err
		}
		removed++
	}
	return removed, nil
}

// removeClient removes a dataset client, its refs, and the records that it alone
// held. A run of it that is under way is stale from then on.
func removeClient(tx session, seq int64) error {
	for _, query := range []string{
		`DELETE FROM fhsync_records WHERE id IN (SELECT record FROM fhsync_refs AS mine WHERE client = ?1 AND NOT EXISTS (
			SELECT 1 FROM fhsync_refs AS other WHERE other.record = mine.record AND other.client <> ?1))`,
		"DELETE FROM fhsync_refs WHERE client = ?1",
		"DELETE FROM fhsync_datasetClients WHERE seq = ?1",
	} {
		if _, err := tx.exec(query, seq); err != nil {
			return err
		}
	}
	return nil
}
