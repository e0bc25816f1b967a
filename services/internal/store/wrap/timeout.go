package wrap

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/tandem-sync/tandem/services/internal/store"
)

// Timeout bounds each operation: one that takes longer than limit fails with
// store.ErrUnavailable. What reads many records is bounded from one to the next,
// and the time that its caller takes for each is not counted.
func Timeout(s store.Store, limit time.Duration) store.Store {
	return timeout{around{s, func(ctx context.Context, op string, call func(context.Context) error) error {
		bounded, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return tooLate(ctx, op, limit, call(bounded))
	}}, limit}
}

type timeout struct {
	around
	limit time.Duration
}

// ViewHashes restarts the clock with each pair.
func (t timeout) ViewHashes(ctx context.Context, clientID string) iter.Seq2[store.UIDHash, error] {
	return func(yield func(store.UIDHash, error) bool) {
		bounded, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		timer := time.AfterFunc(t.limit, func() { cancel(context.DeadlineExceeded) })
		defer timer.Stop()
		for pair, err := range t.Store.ViewHashes(bounded, clientID) {
			timer.Stop()
			if err != nil && errors.Is(context.Cause(bounded), context.DeadlineExceeded) {
				err = tooLate(ctx, "ViewHashes", t.limit, context.DeadlineExceeded)
			}
			if !yield(pair, err) {
				return
			}
			timer.Reset(t.limit)
		}
	}
}

// tooLate tells a limit of ours from one that the caller brought.
func tooLate(ctx context.Context, op string, limit time.Duration, err error) error {
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return fmt.Errorf("%w: %s took longer than %v: %w", store.ErrUnavailable, op, limit, err)
	}
	return err
}
