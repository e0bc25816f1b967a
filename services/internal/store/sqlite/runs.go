package sqlite

import (
	"context"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// A run under way is its token in the dataset client's row. Tokens come from one
// counter and never repeat, not even where a dataset client was removed and made
// again. What a run consumed (runDirty) and changed (runWrote) stays noted until
// a run succeeds, so that a run that failed or vanished takes nothing with it.

// BeginRun begins a sync run; see store.Runs. Run.Client is the dataset client as
// it was before.
func (s *Store) BeginRun(ctx context.Context, clientID, jobID string) (run store.Run, err error) {
	err = s.write(ctx, "begin a sync run", func(tx session) error {
		client, err := readClient(tx, clientID)
		if err != nil {
			return err
		}
		if client == nil {
			return store.ErrNotFound
		}
		busy, err := tx.exists("SELECT 1 FROM fhsync_datasetClients WHERE id = ? AND runToken <> 0 AND syncLoopEnd > ?", clientID, tx.now)
		if err != nil {
			return err
		}
		if busy {
			return store.ErrBusy
		}
		run.Client = *client
		if _, err := tx.get([]any{&run.Token}, `INSERT INTO fhsync_counters (name, value) VALUES ('run', 1)
			ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value`); err != nil {
			return err
		}
		// A change finished in this very millisecond counts as finished after the run
		// began (ChangedUIDs), and so must make the next run count as well.
		_, err = tx.exec(`UPDATE fhsync_datasetClients SET runToken = ?, runJob = ?, syncLoopStart = ?, syncLoopEnd = ?, wanted = 0,
			runDirty = max(runDirty, dirty <> 0), dirty = CASE WHEN dirty >= ? THEN dirty ELSE 0 END WHERE id = ?`,
			run.Token, jobID, tx.now, until(tx, client.Config.BackendListTimeout), tx.now, clientID)
		return err
	})
	if err != nil {
		return store.Run{}, err
	}
	return run, nil
}

// WriteRecords stores a batch of differences; see store.Runs.
func (s *Store) WriteRecords(ctx context.Context, run store.Run, upserts []record.Record, removes []string) error {
	return s.write(ctx, "write records", func(tx session) error {
		v := view{tx: tx, dataset: run.Client.Dataset, shared: map[int64]bool{}}
		found, err := tx.get([]any{&v.client}, "SELECT seq FROM fhsync_datasetClients WHERE id = ? AND runToken = ?",
			run.Client.ID, run.Token)
		if err != nil {
			return err
		}
		if !found || run.Token == 0 {
			return store.ErrStale
		}
		for _, r := range upserts {
			if err := v.upsert(r); err != nil {
				return err
			}
		}
		for _, uid := range removes {
			if err := v.remove(uid); err != nil {
				return err
			}
		}
		return v.bumpRevisions()
	})
}

// EndRun ends a sync run; see store.Runs.
func (s *Store) EndRun(ctx context.Context, run store.Run, contentHash string) error {
	return s.write(ctx, "end a sync run", func(tx session) error {
		query, args := `UPDATE fhsync_datasetClients SET runToken = 0, syncLoopEnd = ?1, syncScheduled = 0
			WHERE id = ?2 AND runToken = ?3 AND runToken <> 0`, []any{tx.now, run.Client.ID, run.Token}
		if contentHash != "" {
			query, args = `UPDATE fhsync_datasetClients SET runToken = 0, syncLoopEnd = ?1, syncScheduled = 0,
				revision = revision + (contentHash <> ?4 OR runWrote OR runDirty), contentHash = ?4,
				runWrote = 0, runDirty = 0, syncCompleted = 1, completedRunStart = syncLoopStart
				WHERE id = ?2 AND runToken = ?3 AND runToken <> 0`, append(args, contentHash)
		}
		n, err := tx.exec(query, args...)
		if err == nil && n == 0 {
			err = store.ErrStale
		}
		return err
	})
}

// MarkRunEnded completes the mark of a job delivered twice; see store.Runs.
func (s *Store) MarkRunEnded(ctx context.Context, clientID, jobID string) error {
	return s.write(ctx, "mark a sync run ended", func(tx session) error {
		found, err := tx.exists("SELECT 1 FROM fhsync_datasetClients WHERE id = ?", clientID)
		if err != nil {
			return err
		}
		if !found {
			return store.ErrNotFound
		}
		_, err = tx.exec(`UPDATE fhsync_datasetClients SET runToken = 0, syncLoopEnd = ?, syncScheduled = 0
			WHERE id = ? AND (runToken = 0 OR runJob = ?)`, tx.now, clientID, jobID)
		return err
	})
}
