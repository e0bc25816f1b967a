package syncworker

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/tandem-sync/tandem/services/internal/backend"
	"github.com/tandem-sync/tandem/services/internal/consume"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// Store is what the sync-worker needs of it.
type Store interface {
	store.Jobs
	store.Runs
}

// Backend lists the records that a view selects.
type Backend interface {
	List(ctx context.Context, req backend.ListRequest) iter.Seq2[record.Record, error]
}

// Worker does sync runs. It is a consume.Queue of jobs.
type Worker struct {
	Store Store
	// Backend gives the backend of a dataset.
	Backend func(dataset string) (Backend, error)
	// Hasher gives the record hash of a dataset; nil: record.Hash for all. Where it gives
	// another than before, the next run stores all records anew.
	Hasher func(dataset string) record.Hasher
	Log    *slog.Logger
	// OnRun is told of each run that ended, for counting. May be nil.
	OnRun func(dataset string, changed int, err error)
}

var _ consume.Queue[store.Job] = (*Worker)(nil)

// Claim takes jobs.
func (w *Worker) Claim(ctx context.Context, n int, window time.Duration) ([]store.Job, error) {
	return w.Store.ClaimJobs(ctx, n, window)
}

// Extend keeps a job.
func (w *Worker) Extend(ctx context.Context, j store.Job, window time.Duration) error {
	_, err := w.Store.ExtendJob(ctx, j.Claim, window)
	return err
}

// Work does one job. A job that was delivered before only completes the mark:
// the run that it stands for was done or has crashed, and the schedule brings
// the next.
func (w *Worker) Work(ctx context.Context, j store.Job) error {
	log := w.Log.With("dataset", j.Dataset, "dataset_client", j.ClientID)
	var err error
	if j.Tries > 1 {
		log.Warn("sync run was started before and did not finish; leaving it to the schedule")
		err = w.Store.MarkRunEnded(ctx, j.ClientID, j.ID)
	} else {
		err = w.run(ctx, log, j)
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		log.Info("dataset client is gone; nothing to sync")
	case errors.Is(err, store.ErrBusy):
		log.Debug("another sync run of this dataset client is under way")
	case err != nil:
		return err
	}
	return w.Store.FinishJob(ctx, j.Claim)
}

// run does one sync run. What goes wrong with the backend ends the run and is
// logged; only a store that fails is an error here.
func (w *Worker) run(ctx context.Context, log *slog.Logger, j store.Job) error {
	run, err := w.Store.BeginRun(ctx, j.ClientID, j.ID)
	if err != nil {
		return err
	}
	listCtx, cancel := context.WithTimeout(ctx, run.Client.Config.BackendListTimeout)
	diff, err := w.compare(listCtx, log, run.Client)
	cancel()
	if err != nil {
		log.Error("sync run failed; the records stay as they were", "err", err)
		w.report(run.Client.Dataset, 0, err)
		return w.Store.EndRun(context.WithoutCancel(ctx), run, "")
	}
	defer diff.close() //nolint:errcheck // a temporary file that has no name any more
	for batch, err := range diff.batches() {
		if err != nil {
			return w.fail(ctx, run, err)
		}
		if err := w.Store.WriteRecords(ctx, run, batch.upserts, batch.removes); err != nil {
			return w.fail(ctx, run, fmt.Errorf("store the differences of %s: %w", j.ClientID, err))
		}
	}
	if err := w.Store.EndRun(ctx, run, diff.contentHash); err != nil {
		return err
	}
	if diff.size() > 0 {
		log.Debug("sync run stored differences", "changed", diff.upserts.n, "removed", len(diff.removes))
	}
	w.report(run.Client.Dataset, diff.size(), nil)
	return nil
}

// fail ends a run that could not be stored, as far as the store allows.
func (w *Worker) fail(ctx context.Context, run store.Run, err error) error {
	w.report(run.Client.Dataset, 0, err)
	if errors.Is(err, store.ErrStale) {
		return err
	}
	return errors.Join(err, w.Store.EndRun(context.WithoutCancel(ctx), run, ""))
}

// compare lists the backend and finds what differs from the stored view.
func (w *Worker) compare(ctx context.Context, log *slog.Logger, dc record.DatasetClient) (difference, error) {
	stored := map[string]string{}
	for pair, err := range w.Store.ViewHashes(ctx, dc.ID) {
		if err != nil {
			return difference{}, fmt.Errorf("read the stored view: %w", err)
		}
		stored[pair.UID] = pair.Hash
	}
	b, err := w.Backend(dc.Dataset)
	if err != nil {
		return difference{}, err
	}
	list := b.List(ctx, backend.ListRequest{Dataset: dc.Dataset, QueryParams: dc.QueryParams, MetaData: dc.MetaData})
	d, err := compareList(w.hasher(dc.Dataset), list, stored, func(uid string) {
		log.Warn("the adapter listed a uid twice; the first record counts", "uid", uid)
	})
	if err != nil {
		return difference{}, fmt.Errorf("list the backend: %w", err)
	}
	return d, nil
}

func (w *Worker) hasher(dataset string) record.Hasher {
	if w.Hasher == nil {
		return record.Hash
	}
	return w.Hasher(dataset)
}

func (w *Worker) report(dataset string, changed int, err error) {
	if w.OnRun != nil {
		w.OnRun(dataset, changed, err)
	}
}
