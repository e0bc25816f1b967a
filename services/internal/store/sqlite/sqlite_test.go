package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/store/sqlite"
	"github.com/tandem-sync/tandem/services/internal/store/storetest"
)

func TestExerciseInMemory(t *testing.T) {
	storetest.Exercise(t, func(t *testing.T, opts storetest.Options) storetest.Harness {
		return storetest.Harness{Store: open(t, options("", opts))}
	})
}

func TestExerciseFile(t *testing.T) {
	storetest.Exercise(t, func(t *testing.T, opts storetest.Options) storetest.Harness {
		o := options(filepath.Join(t.TempDir(), "tandem.db"), opts)
		last := open(t, o)
		return storetest.Harness{Store: last, Reopen: func(t *testing.T) store.Store {
			if err := last.Close(); err != nil {
				t.Fatal(err)
			}
			last = open(t, o)
			return last
		}}
	})
}

func options(path string, opts storetest.Options) sqlite.Options {
	return sqlite.Options{Path: path, Clock: opts.Clock, QueueTTL: opts.QueueTTL, AliasTTL: opts.AliasTTL}
}

func open(t testing.TB, o sqlite.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), o)
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
