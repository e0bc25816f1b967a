package pendingworker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/tandem-sync/tandem/services/internal/backend"
	"github.com/tandem-sync/tandem/services/internal/consume"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// Store is what the pending-worker needs of it.
type Store interface {
	ClaimChanges(ctx context.Context, n int, window time.Duration) ([]store.ClaimedChange, error)
	ExtendChange(ctx context.Context, claim store.Claim, window time.Duration) (store.Claim, error)
	RetryChange(ctx context.Context, claim store.Claim, delay time.Duration, free bool) error
	FinishChange(ctx context.Context, claim store.Claim, outcome store.Outcome) error
}

// Backend is what the pending-worker calls an adapter for.
type Backend interface {
	Create(ctx context.Context, req backend.CreateRequest) (uid string, err error)
	Read(ctx context.Context, req backend.ReadRequest) (data json.RawMessage, found bool, err error)
	Update(ctx context.Context, req backend.UpdateRequest) error
	Delete(ctx context.Context, req backend.DeleteRequest) error
	HandleCollision(ctx context.Context, req backend.HandleCollisionRequest) error
	Describe(ctx context.Context) (backend.Description, error)
}

// Config is how often a change is tried.
type Config struct {
	RetryLimit    int           // tries before a failure or collision is reported; at least 1
	RetryInterval time.Duration // until the next try
}

// Worker applies changes. It is a consume.Queue of changes.
type Worker struct {
	Config Config
	Store  Store
	// Backend gives the backend of a dataset.
	Backend func(dataset string) (Backend, error)
	// Hasher gives the record hash of a dataset, see apply.Facts; nil: record.Hash for all.
	Hasher func(dataset string) record.Hasher
	Log    *slog.Logger
	// Applied is called after each result was saved, for wakes and counting. May be nil.
	Applied func(c record.Change, t record.UpdateType)
}

var _ consume.Queue[store.ClaimedChange] = (*Worker)(nil)

// Claim takes changes.
func (w *Worker) Claim(ctx context.Context, n int, window time.Duration) ([]store.ClaimedChange, error) {
	return w.Store.ClaimChanges(ctx, n, window)
}

// Extend keeps a change.
func (w *Worker) Extend(ctx context.Context, c store.ClaimedChange, window time.Duration) error {
	_, err := w.Store.ExtendChange(ctx, c.Claim, window)
	return err
}

// Work applies one change and saves its result, or leaves it for another try.
func (w *Worker) Work(ctx context.Context, c store.ClaimedChange) error {
	log := w.Log.With("dataset", c.Change.Dataset, "cuid", c.Change.CUID, "change", c.Change.Hash, "action", c.Change.Action)
	outcome, err := w.attempt(ctx, c)
	if err != nil {
		return w.later(ctx, log, c, err)
	}
	if outcome.retry && c.Tries < w.limit(c, outcome.Type) {
		log.Info("change not applied; it will be tried again", "try", c.Tries, "type", outcome.Type, "msg", outcome.Msg)
		return w.Store.RetryChange(ctx, c.Claim, w.Config.RetryInterval, false)
	}
	if outcome.collide != nil {
		err := w.keepCollision(ctx, *outcome.collide)
		switch {
		case backend.IsNotNow(err):
			return w.later(ctx, log, c, fmt.Errorf("keep the collision: %w", err))
		case err != nil:
			// The device is told all the same: a backend that can't keep collisions must
			// not keep the device waiting for ever.
			log.Error("the backend did not keep a collision", "uid", outcome.UID, "err", err)
			outcome.Msg = "the collision was not kept: " + backend.Message(err)
		}
	}
	if outcome.retry && c.Unsure && outcome.Type == record.Failed {
		outcome.Msg += "; an earlier try may have taken effect"
	}
	if err := w.Store.FinishChange(ctx, c.Claim, outcome.Outcome); err != nil {
		return fmt.Errorf("save the result of change %s: %w", c.Change.Hash, err)
	}
	if outcome.Type == record.Applied {
		log.Debug("change applied", "uid", outcome.UID)
	} else {
		log.Info("change not applied", "type", outcome.Type, "uid", outcome.UID, "msg", outcome.Msg)
	}
	if w.Applied != nil {
		w.Applied(c.Change, outcome.Type)
	}
	return nil
}

// unsureTries is how often a change that may be in effect is tried, where the backend
// fails without saying whether it is: about two minutes, at the default interval.
const unsureTries = 10

// limit is how often a change is tried before a result of this type is reported. That a
// change failed must be true: where an earlier try may have written, an error that
// says nothing about that (reading failed, for instance) is no result yet.
func (w *Worker) limit(c store.ClaimedChange, result record.UpdateType) int {
	if c.Unsure && result == record.Failed {
		return max(w.Config.RetryLimit, unsureTries)
	}
	return w.Config.RetryLimit
}

func (w *Worker) keepCollision(ctx context.Context, req backend.HandleCollisionRequest) error {
	b, err := w.Backend(req.Dataset)
	if err != nil {
		return err
	}
	return b.HandleCollision(ctx, req)
}

// later leaves the change in the queue: whether it is in effect is not known, or
// the backend can't be reached. That is no try: the device waits, and nothing is
// reported that might not be true.
func (w *Worker) later(ctx context.Context, log *slog.Logger, c store.ClaimedChange, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, store.ErrStale) {
		return cause
	}
	log.Warn("no clear answer from the backend; the change waits", "err", err, "again_in", w.Config.RetryInterval)
	return w.Store.RetryChange(context.WithoutCancel(ctx), c.Claim, w.Config.RetryInterval, true)
}
