package sqlite

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/store/storetest"
)

func TestExerciseFile(t *testing.T) {
	storetest.Exercise(t, func(t *testing.T, opts storetest.Options) storetest.Harness {
		o := options(filepath.Join(t.TempDir(), "tandem.db"), opts)
		last := open(t, o)
		t.Cleanup(func() { wantConsistent(t, last) })
		return storetest.Harness{Store: last, Reopen: func(t *testing.T) store.Store {
			wantConsistent(t, last)
			if err := last.Close(); err != nil {
				t.Fatal(err)
			}
			last = open(t, o)
			return last
		}}
	})
}

// TestExerciseInMemory also gathers every statement that the suite made the
// engine use, and asks SQLite how it would run it: none may walk over a table, so
// that an operation costs what it is about and not what there is.
func TestExerciseInMemory(t *testing.T) {
	var mu sync.Mutex
	statements := map[string]bool{}
	storetest.Exercise(t, func(t *testing.T, opts storetest.Options) storetest.Harness {
		s := open(t, options(":memory:", opts))
		t.Cleanup(func() {
			wantConsistent(t, s)
			s.Close()
			mu.Lock()
			defer mu.Unlock()
			for _, c := range s.conns {
				for query := range c.stmts {
					statements[query] = true
				}
			}
		})
		return storetest.Harness{Store: s}
	})
	s := open(t, Options{})
	for _, query := range slices.Sorted(maps.Keys(statements)) {
		for _, step := range plan(t, s, query) {
			walks := strings.HasPrefix(step, "SCAN ") && !strings.Contains(step, "CONSTANT ROW") || strings.Contains(step, "AUTOMATIC")
			if walks && !mayWalk(query) {
				t.Errorf("%s\n\twalks: %s", query, step)
			}
			// While changes come in, nearly all views of their dataset have their wish.
			if (query == wishNew || query == wishEarlier) && !strings.Contains(step, "clients_wanted") {
				t.Errorf("%s\n\twalks over all views of a dataset: %s", query, step)
			}
			// A device may have thousands of changes; its hash finds one.
			if strings.Contains(query, "hash = ?") && strings.Contains(step, "pending_device") {
				t.Errorf("%s\n\twalks over all changes of a device: %s", query, step)
			}
		}
	}
}

func options(path string, opts storetest.Options) Options {
	return Options{Path: path, Clock: opts.Clock, QueueTTL: opts.QueueTTL, AliasTTL: opts.AliasTTL}
}

func open(t testing.TB, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// mayWalk names the statements whose business is all there is, or that stop at
// the first row of an index.
func mayWalk(query string) bool {
	return strings.HasPrefix(query, "SELECT count(*)") || strings.HasSuffix(query, "FROM fhsync_datasetClients ORDER BY id") ||
		query == selectNext
}

func plan(t *testing.T, s *Store, query string) (steps []string) {
	t.Helper()
	verb, _, _ := strings.Cut(query, " ")
	if !slices.Contains([]string{"SELECT", "INSERT", "UPDATE", "DELETE"}, verb) {
		return nil
	}
	args := make([]any, strings.Count(query, "?"))
	for i := range args {
		args[i] = 1
	}
	err := s.read(t.Context(), "explain", func(tx session) (err error) {
		steps, err = collect(tx, func(row scanner) (step string, err error) {
			var none any
			return step, row.Scan(&none, &none, &none, &step)
		}, "EXPLAIN QUERY PLAN "+query, args...)
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return steps
}

// wantConsistent checks what must hold in the tables at any time.
func wantConsistent(t *testing.T, s *Store) {
	t.Helper()
	for what, query := range map[string]string{
		"lines of changes without exactly one head": `SELECT count(*) FROM (SELECT 1 FROM fhsync_pending_queue
			WHERE deleted IS NULL GROUP BY datasetId, recordUid HAVING sum(head) <> 1)`,
		"heads that are done":            "SELECT count(*) FROM fhsync_pending_queue WHERE head = 1 AND deleted IS NOT NULL",
		"done changes without outcome":   "SELECT count(*) FROM fhsync_pending_queue WHERE (deleted IS NULL) <> (type IS NULL)",
		"records that no view holds":     "SELECT count(*) FROM fhsync_records WHERE id NOT IN (SELECT record FROM fhsync_refs)",
		"refs to records that are gone":  "SELECT count(*) FROM fhsync_refs WHERE record NOT IN (SELECT id FROM fhsync_records)",
		"refs of views that are gone":    "SELECT count(*) FROM fhsync_refs WHERE client NOT IN (SELECT seq FROM fhsync_datasetClients)",
		"pages that SQLite finds broken": "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
		"hidden updates that nobody will replace": `SELECT count(*) FROM fhsync_updates AS u WHERE hidden = 1 AND NOT EXISTS (
			SELECT 1 FROM fhsync_pending_queue AS q WHERE q.datasetId = u.datasetId AND q.cuid = u.cuid AND q.hash = u.hash AND q.deleted IS NULL)`,
	} {
		var n int
		err := s.writer.submit(t.Context(), func(tx session) error {
			return tx.conn.raw.QueryRowContext(tx.ctx, query).Scan(&n)
		})
		if err == nil && n != 0 {
			t.Errorf("%s: %d", what, n)
		}
	}
}
