package mongo

import (
	"testing"

	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/store/storetest"
	"github.com/tandem-sync/tandem/services/test/mongotest"
)

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

func optionsOf(t testing.TB, opts storetest.Options) Options {
	uri, name := mongotest.Database(t)
	return Options{URI: uri, Database: name, Clock: opts.Clock, QueueTTL: opts.QueueTTL, AliasTTL: opts.AliasTTL}
}

func TestExercise(t *testing.T) {
	storetest.Exercise(t, func(t *testing.T, opts storetest.Options) storetest.Harness {
		o := optionsOf(t, opts)
		last := open(t, o)
		// The wire server of hack/mongo walks over the collection for most queries: what
		// costs O(n) on a MongoDB costs O(n²) there.
		return storetest.Harness{Store: last, Many: 1000, Reopen: func(t *testing.T) store.Store {
			if err := last.Close(); err != nil {
				t.Fatal(err)
			}
			last = open(t, o)
			return last
		}}
	})
}
