package sqlite

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// TestMigratesWhatVersion1Wrote opens a database of the first schema, with dataset
// clients in the states that it knows.
func TestMigratesWhatVersion1Wrote(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tandem.db")
	all := migrations
	migrations = all[:1]
	old, err := Open(t.Context(), Options{Path: path})
	migrations = all
	if err != nil {
		t.Fatal(err)
	}
	const now = 1_800_000_000_000
	for _, row := range []struct {
		id                                    string
		active, scheduled, loopStart, loopEnd int64
	}{
		{"tasks_new", 1, 0, 0, 0},
		{"tasks_ran", 1, 0, now - 5000, now - 4000},
		{"tasks_queued", 1, now - 1000, now - 60_000, now - 50_000},
		{"tasks_idle", 0, 0, now - 90_000, now - 80_000},
	} {
		if err := old.write(t.Context(), "test", func(tx session) error {
			_, err := tx.exec(`INSERT INTO fhsync_datasetClients (id, datasetId, queryParams, metaData, syncFrequency, clientSyncTimeout,
				backendListTimeout, maxScheduleWaitTime, contentHash, revision, active, stopped, lastAccessed, syncScheduled,
				syncLoopStart, syncLoopEnd) VALUES (?, 'tasks', '{}', '{}', 10000, 3600000, 300000, 0, 'c', 7, ?, 0, ?, ?, ?, ?)`,
				row.id, row.active, now-1000, row.scheduled, row.loopStart, row.loopEnd)
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}

	clock := time.UnixMilli(now)
	s := open(t, Options{Path: path, Clock: func() time.Time { return clock }})
	wantConsistent(t, s)
	clients, err := s.ListDatasetClients(t.Context(), "tasks")
	if err != nil || len(clients) != 4 {
		t.Fatalf("%d dataset clients (%v), want 4", len(clients), err)
	}
	for _, d := range clients {
		if d.GlobalHash() != "c_7" || d.Config != record.DefaultSyncConfig() || !d.Wanted.IsZero() {
			t.Errorf("migrated: %+v", d)
		}
	}
	lease, _, err := s.AcquireLease(t.Context(), "scheduler", "me", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	done, err := s.ScheduleDue(t.Context(), lease, 10)
	if want := time.UnixMilli(now - 4000).Add(10 * time.Second); err != nil || done.Jobs != 1 || !done.Next.Equal(want) {
		t.Errorf("scheduled %+v (%v), want tasks_new, and tasks_ran at %v", done, err, want)
	}
	if err := s.WantSync(t.Context(), store.SyncWish{Dataset: "tasks", ClientID: "tasks_ran", At: clock}); err != nil {
		t.Fatal(err)
	}
	if done, err = s.ScheduleDue(t.Context(), lease, 10); err != nil || done.Jobs != 1 {
		t.Errorf("scheduled %+v (%v), want tasks_ran, since a change asks for it", done, err)
	}
}
