// Package ackworker is the role that removes acknowledged updates.
//
// It takes acknowledgements in batches: removing an update twice is harmless,
// and an acknowledgement never removes a result later than the one that the
// device saw (protocol section 4, trap 2).
package ackworker

import (
	"context"
	"time"

	"github.com/tandem-sync/tandem/services/internal/consume"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// Store is what the ack-worker needs of it.
type Store interface {
	ClaimAcks(ctx context.Context, n int, window time.Duration) ([]store.ClaimedAck, error)
	FinishAcks(ctx context.Context, acks []store.ClaimedAck) error
}

// batch is how many acknowledgements are removed in one store call.
const batch = 200

// Queue is a consume.Queue whose messages are batches of acknowledgements.
type Queue struct{ Store Store }

var _ consume.Queue[[]store.ClaimedAck] = Queue{}

// Claim takes one batch; n counts batches, and one at a time is enough.
func (q Queue) Claim(ctx context.Context, _ int, window time.Duration) ([][]store.ClaimedAck, error) {
	acks, err := q.Store.ClaimAcks(ctx, batch, window)
	if err != nil || len(acks) == 0 {
		return nil, err
	}
	return [][]store.ClaimedAck{acks}, nil
}

// Extend does nothing: a batch is one store call, and doing it twice is harmless.
func (q Queue) Extend(context.Context, []store.ClaimedAck, time.Duration) error { return nil }

// Work removes the updates and marks the messages done.
func (q Queue) Work(ctx context.Context, acks []store.ClaimedAck) error {
	return q.Store.FinishAcks(ctx, acks)
}
