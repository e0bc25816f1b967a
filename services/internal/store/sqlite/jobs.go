package sqlite

import (
	"context"
	"time"

	"github.com/tandem-sync/tandem/services/internal/store"
)

// EnqueueJob asks for a sync run; see store.Jobs. A job that waits already serves.
func (s *Store) EnqueueJob(ctx context.Context, clientID string) error {
	return s.write(ctx, "enqueue a job", func(tx session) error {
		var dataset string
		found, err := tx.get([]any{&dataset}, "SELECT datasetId FROM fhsync_datasetClients WHERE id = ?", clientID)
		if err == nil && !found {
			err = store.ErrNotFound
		}
		if err != nil {
			return err
		}
		return insertJob(tx, clientID, dataset)
	})
}

func insertJob(tx session, clientID, dataset string) error {
	_, err := tx.exec("INSERT OR IGNORE INTO fhsync_queue (datasetClient, datasetId, enqueued, visible) VALUES (?1, ?2, ?3, ?3)",
		clientID, dataset, tx.now)
	return err
}

// ClaimJobs claims sync runs to do, oldest first.
func (s *Store) ClaimJobs(ctx context.Context, n int, window time.Duration) (jobs []store.Job, err error) {
	err = s.claim(ctx, store.QueueSync, n, func(tx session) (err error) {
		ack, end := newAck(), until(tx, window)
		jobs, err = collect(tx, func(row scanner) (j store.Job, err error) {
			var id, enqueued int64
			var tries int
			err = row.Scan(&id, &j.ClientID, &j.Dataset, &enqueued, &tries)
			j.Claim, j.Enqueued = claimOf(id, ack, end, tries+1), timeOf(enqueued)
			return j, err
		}, `SELECT id, datasetClient, datasetId, enqueued, tries FROM fhsync_queue
			WHERE deleted IS NULL AND visible <= ? ORDER BY visible, id LIMIT ?`, tx.now, n)
		for _, j := range jobs {
			if err == nil {
				err = mark(tx, store.QueueSync, messageID(j.Claim), ack, end)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return jobs, nil
}

// ExtendJob keeps a claim; see store.Jobs.
func (s *Store) ExtendJob(ctx context.Context, claim store.Claim, window time.Duration) (store.Claim, error) {
	return s.extend(ctx, store.QueueSync, claim, window)
}

// FinishJob marks a job done; see store.Jobs.
func (s *Store) FinishJob(ctx context.Context, claim store.Claim) error {
	return s.write(ctx, "finish a job", func(tx session) error {
		held, err := finish(tx, store.QueueSync, claim)
		if err == nil && !held {
			err = store.ErrStale
		}
		return err
	})
}
