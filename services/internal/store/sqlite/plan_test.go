package sqlite

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tandem-sync/tandem/services/internal/store/storetest"
)

// TestStatementsUseIndexes asks SQLite how it would run every statement that the
// suite made the engine use: none may walk over a table, so that an operation
// costs what it is about and not what there is.
func TestStatementsUseIndexes(t *testing.T) {
	var mu sync.Mutex
	statements := map[string]bool{}
	storetest.Exercise(t, func(t *testing.T, opts storetest.Options) storetest.Harness {
		s, err := Open(t.Context(), Options{Clock: opts.Clock, QueueTTL: opts.QueueTTL, AliasTTL: opts.AliasTTL})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
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
	s, err := Open(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, query := range slices.Sorted(maps.Keys(statements)) {
		for _, step := range plan(t, s, query) {
			scan := strings.HasPrefix(step, "SCAN ") && !strings.Contains(step, "CONSTANT ROW") || strings.Contains(step, "AUTOMATIC")
			if scan && !mayWalk(query) {
				t.Errorf("%s\n\twalks: %s", query, step)
			}
			// A device may have thousands of changes; its hash finds one.
			if strings.Contains(query, "hash = ?") && strings.Contains(step, "pending_device") {
				t.Errorf("%s\n\twalks over all changes of a device: %s", query, step)
			}
		}
	}
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
	err := s.read(context.Background(), "explain", func(tx session) (err error) {
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
