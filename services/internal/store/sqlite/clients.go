package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

const selectClient = `SELECT id, datasetId, queryParams, metaData, syncFrequency, clientSyncTimeout, backendListTimeout,
	maxScheduleWaitTime, contentHash, revision, collisionCount, active, stopped, lastAccessed, syncScheduled,
	syncLoopStart, syncLoopEnd, syncCompleted, completedRunStart, wanted, changeGap FROM fhsync_datasetClients `

func scanClient(row scanner) (d record.DatasetClient, err error) {
	var config [5]int64
	var times [6]int64
	err = row.Scan(&d.ID, &d.Dataset, rawJSON{&d.QueryParams}, rawJSON{&d.MetaData}, &config[0], &config[1], &config[2],
		&config[3], &d.ContentHash, &d.Revision, &d.CollisionCount, &d.Active, &d.Stopped, &times[0], &times[1],
		&times[2], &times[3], &d.SyncCompleted, &times[4], &times[5], &config[4])
	d.Config = record.SyncConfig{
		SyncFrequency:       time.Duration(config[0]) * time.Millisecond,
		ClientSyncTimeout:   time.Duration(config[1]) * time.Millisecond,
		BackendListTimeout:  time.Duration(config[2]) * time.Millisecond,
		MaxScheduleWaitTime: time.Duration(config[3]) * time.Millisecond,
		ChangeGap:           time.Duration(config[4]) * time.Millisecond,
	}
	d.LastAccessed, d.SyncScheduled = timeOf(times[0]), timeOf(times[1])
	d.SyncLoopStart, d.SyncLoopEnd, d.CompletedRunStart = timeOf(times[2]), timeOf(times[3]), timeOf(times[4])
	d.Wanted = timeOf(times[5])
	return d, err
}

// readClient reads one dataset client, nil when there is none.
func readClient(tx session, id string) (*record.DatasetClient, error) {
	found, err := collect(tx, scanClient, selectClient+"WHERE id = ?", id)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// SyncState reads what a sync request needs; see store.DatasetClients.
func (s *Store) SyncState(ctx context.Context, clientID, dataset, cuid string, limit int) (d *record.DatasetClient, updates []record.Update, err error) {
	err = s.read(ctx, "read the sync state", func(tx session) (err error) {
		if d, err = readClient(tx, clientID); err != nil || cuid == "" {
			return err
		}
		updates, err = listUpdates(tx, dataset, cuid, limit)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	return d, updates, nil
}

// DatasetClient reads one; see store.DatasetClients.
func (s *Store) DatasetClient(ctx context.Context, id string) (record.DatasetClient, error) {
	var d *record.DatasetClient
	err := s.read(ctx, "read a dataset client", func(tx session) (err error) {
		d, err = readClient(tx, id)
		return err
	})
	switch {
	case err != nil:
		return record.DatasetClient{}, err
	case d == nil:
		return record.DatasetClient{}, fmt.Errorf("sqlite: dataset client %q: %w", id, store.ErrNotFound)
	}
	return *d, nil
}

// ListDatasetClients lists by id; see store.DatasetClients.
func (s *Store) ListDatasetClients(ctx context.Context, dataset string) (all []record.DatasetClient, err error) {
	err = s.read(ctx, "list dataset clients", func(tx session) (err error) {
		if dataset == "" {
			all, err = collect(tx, scanClient, selectClient+"ORDER BY id")
		} else {
			all, err = collect(tx, scanClient, selectClient+"WHERE datasetId = ? ORDER BY id", dataset)
		}
		return err
	})
	return all, err
}

// TouchDatasetClients notes accesses; see store.DatasetClients. A touch without
// a time happened now; one without meta data or query parameters leaves those of before.
func (s *Store) TouchDatasetClients(ctx context.Context, touches []store.Touch) error {
	if len(touches) == 0 {
		return ctx.Err()
	}
	return s.write(ctx, "touch dataset clients", func(tx session) error {
		for _, t := range touches {
			at := millis(t.At)
			if at == 0 {
				at = tx.now
			}
			if _, err := tx.exec(upsertClient, t.ID, t.Dataset, text(t.QueryParams), text(t.MetaData),
				t.Config.SyncFrequency.Milliseconds(), t.Config.ClientSyncTimeout.Milliseconds(),
				t.Config.BackendListTimeout.Milliseconds(), t.Config.MaxScheduleWaitTime.Milliseconds(), at,
				t.Config.ChangeGap.Milliseconds()); err != nil {
				return err
			}
		}
		return nil
	})
}

const upsertClient = `INSERT INTO fhsync_datasetClients
	(id, datasetId, queryParams, metaData, syncFrequency, clientSyncTimeout, backendListTimeout, maxScheduleWaitTime,
	 lastAccessed, changeGap, active, stopped)
	VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 1, COALESCE((SELECT stopped FROM fhsync_datasets WHERE datasetId = ?2), 0))
	ON CONFLICT (id) DO UPDATE SET
	 queryParams = COALESCE(excluded.queryParams, queryParams), metaData = COALESCE(excluded.metaData, metaData),
	 syncFrequency = excluded.syncFrequency, clientSyncTimeout = excluded.clientSyncTimeout,
	 backendListTimeout = excluded.backendListTimeout, maxScheduleWaitTime = excluded.maxScheduleWaitTime,
	 changeGap = excluded.changeGap,
	 lastAccessed = max(lastAccessed, excluded.lastAccessed), active = 1`

// SetStopped stops or starts a dataset; see store.DatasetClients. A start forgets
// what was scheduled before the stop, so that it need not be waited for.
func (s *Store) SetStopped(ctx context.Context, dataset string, stopped bool) (n int64, err error) {
	err = s.write(ctx, "stop or start a dataset", func(tx session) error {
		if _, err := tx.exec("INSERT OR REPLACE INTO fhsync_datasets (datasetId, stopped) VALUES (?, ?)", dataset, stopped); err != nil {
			return err
		}
		if _, err := tx.exec(`UPDATE fhsync_datasetClients SET stopped = ?1, syncScheduled = CASE WHEN ?1 THEN syncScheduled ELSE 0 END
			WHERE datasetId = ?2 AND stopped <> ?1`, stopped, dataset); err != nil {
			return err
		}
		_, err := tx.get([]any{&n}, "SELECT count(*) FROM fhsync_datasetClients WHERE datasetId = ?", dataset)
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}
