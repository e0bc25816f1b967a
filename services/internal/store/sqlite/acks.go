package sqlite

import (
	"context"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// EnqueueAcks stores acknowledgements, all or none.
func (s *Store) EnqueueAcks(ctx context.Context, acks []record.Ack) error {
	if len(acks) == 0 {
		return ctx.Err()
	}
	return s.write(ctx, "enqueue acknowledgements", func(tx session) error {
		for _, a := range acks {
			if _, err := tx.exec(`INSERT INTO fhsync_ack_queue (datasetId, cuid, hash, timestamp, enqueued, visible)
				VALUES (?1, ?2, ?3, ?4, ?5, ?5)`, a.Dataset, a.CUID, a.Hash, a.Timestamp, tx.now); err != nil {
				return err
			}
		}
		return nil
	})
}

// ClaimAcks claims acknowledgements; see store.Acks.
func (s *Store) ClaimAcks(ctx context.Context, n int, window time.Duration) (claimed []store.ClaimedAck, err error) {
	err = s.claim(ctx, store.QueueAck, n, func(tx session) (err error) {
		ack, end := newAck(), until(tx, window)
		claimed, err = collect(tx, func(row scanner) (a store.ClaimedAck, err error) {
			var id int64
			var tries int
			err = row.Scan(&id, &a.Ack.Dataset, &a.Ack.CUID, &a.Ack.Hash, &a.Ack.Timestamp, &tries)
			a.Claim = claimOf(id, ack, end, tries+1)
			return a, err
		}, `SELECT id, datasetId, cuid, hash, timestamp, tries FROM fhsync_ack_queue
			WHERE deleted IS NULL AND visible <= ? ORDER BY visible, id LIMIT ?`, tx.now, n)
		for _, a := range claimed {
			if err == nil {
				err = mark(tx, store.QueueAck, messageID(a.Claim), ack, end)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return claimed, nil
}

// FinishAcks removes the acknowledged updates; see store.Acks.
func (s *Store) FinishAcks(ctx context.Context, acks []store.ClaimedAck) error {
	if len(acks) == 0 {
		return ctx.Err()
	}
	return s.write(ctx, "finish acknowledgements", func(tx session) error {
		for _, a := range acks {
			held, err := finish(tx, store.QueueAck, a.Claim)
			if err != nil {
				return err
			}
			if !held {
				continue
			}
			if _, err := tx.exec(`DELETE FROM fhsync_updates
				WHERE datasetId = ? AND cuid = ? AND hash = ? AND timestamp <= ? AND hidden = 0`,
				a.Ack.Dataset, a.Ack.CUID, a.Ack.Hash, a.Ack.Timestamp); err != nil {
				return err
			}
		}
		return nil
	})
}
