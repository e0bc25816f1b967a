package fleet

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// CheckStore holds the server's store against the backend: the queues are empty,
// nothing waits for a device, and each stored view holds what the backend holds, no
// more and no less.
func (f *Fleet) CheckStore(t testing.TB, st store.Store, backend map[string]map[string]json.RawMessage) {
	t.Helper()
	ctx := context.Background()
	queues, err := st.Queues(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for q, n := range queues {
		// A sync run may have been scheduled in the last moment.
		if n > 0 && q != store.QueueSync {
			t.Errorf("%d messages are left in %s", n, q)
		}
	}
	for _, w := range f.devices {
		updates, err := st.ListUpdates(ctx, w.Dataset(), w.CUID(), 0)
		if err != nil || len(updates) > 0 {
			t.Errorf("%d results are left for %s (%v)", len(updates), w.CUID(), err)
		}
		id, err := record.DatasetClientID(w.Dataset(), w.QueryParams())
		if err != nil {
			t.Fatal(err)
		}
		left := w.view(backend[w.Dataset()])
		for h, err := range st.ViewHashes(ctx, id) {
			if err != nil {
				t.Fatal(err)
			}
			if data, ok := left[h.UID]; !ok || hashOf(t, data) != h.Hash {
				t.Errorf("the stored view %s has %s with hash %s, the backend has %s", id, h.UID, h.Hash, data)
			}
			delete(left, h.UID)
		}
		for uid := range left {
			t.Errorf("the stored view %s lacks %s", id, uid)
		}
	}
}
