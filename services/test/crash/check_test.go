package crash

import (
	"context"
	"database/sql"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/adapters/embedded"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store/sqlite"
)

// entry is a change in the server's log.
type entry struct {
	change
	dataset, uid, outcome, outcomeUID string
}

// check looks into the files of a stopped server.
func check(t *testing.T, data string, f *fleet) {
	t.Helper()
	log := readLog(t, filepath.Join(data, "tandem.db"))
	backend := readBackend(t, filepath.Join(data, "backend.db"))
	checkStore(t, filepath.Join(data, "tandem.db"), f, backend)
	checkOutcomes(t, log, f)
	checkEffects(t, log, backend)
	checkCollisions(t, log, filepath.Join(data, "backend.db"))
	for _, w := range f.devices {
		want := map[string]string{}
		for uid, data := range backend[w.Dataset()] {
			if w.query == `{}` || strings.Contains(w.query, `"`+parse(data).List+`"`) {
				want[uid] = string(data)
			}
		}
		compare(t, w, want)
	}
	acked, results, records := 0, map[string]int{}, 0
	for _, w := range f.devices {
		acked += len(w.acked)
		for _, r := range w.results {
			results[r]++
		}
	}
	for _, d := range backend {
		records += len(d)
	}
	t.Logf("%d changes acknowledged, %d in the log, results %v, %d records", acked, len(log), results, records)
}

// readLog reads the pending queue, all of it.
func readLog(t *testing.T, path string) []entry {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), `SELECT datasetId, cuid, hash, action, uid, COALESCE(post, ''), COALESCE(type, ''), COALESCE(outcomeUid, '')
		FROM fhsync_pending_queue ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var log []entry
	for rows.Next() {
		var e entry
		var post string
		if err := rows.Scan(&e.dataset, &e.cuid, &e.hash, &e.action, &e.uid, &post, &e.outcome, &e.outcomeUID); err != nil {
			t.Fatal(err)
		}
		e.token = token(json.RawMessage(post))
		log = append(log, e)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return log
}

// readBackend reads every record, by dataset and uid.
func readBackend(t *testing.T, path string) map[string]map[string]json.RawMessage {
	t.Helper()
	emb, err := embedded.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer emb.Close()
	all := map[string]map[string]json.RawMessage{}
	for _, d := range datasets {
		all[d] = map[string]json.RawMessage{}
		err := emb.List(t.Context(), adapter.ListRequest{Dataset: d, QueryParams: json.RawMessage(`{}`)}, func(r adapter.Record) error {
			all[d][r.UID] = r.Data
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// checkStore: the queues are empty, nothing waits for a device, and each stored view
// holds what the backend holds.
func checkStore(t *testing.T, path string, f *fleet, backend map[string]map[string]json.RawMessage) {
	t.Helper()
	ctx := context.Background()
	st, err := sqlite.Open(ctx, sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	queues, err := st.Queues(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for q, n := range queues {
		// A sync run may have been scheduled in the last moment.
		if n > 0 && q != "fhsync_queue" {
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
		for h, err := range st.ViewHashes(ctx, id) {
			if err != nil {
				t.Fatal(err)
			}
			if is, _ := record.Hash(backend[w.Dataset()][h.UID]); is != h.Hash {
				t.Errorf("the stored view %s has %s with hash %s, the backend %s", id, h.UID, h.Hash, is)
			}
		}
	}
}

// compare holds a device against the backend.
func compare(t *testing.T, w *worker, want map[string]string) {
	t.Helper()
	has := w.Records()
	for uid, data := range want {
		if got, ok := has[uid]; !ok || hashOf(t, got.Data) != hashOf(t, json.RawMessage(data)) {
			t.Errorf("%s (view %s): record %s is %s, should be %s", w.CUID(), w.query, uid, got.Data, data)
		}
	}
	for uid, r := range has {
		if _, ok := want[uid]; !ok {
			t.Errorf("%s (view %s): record %s (%s) should not be there", w.CUID(), w.query, uid, r.Data)
		}
	}
	if p := w.Pending(); len(p) > 0 {
		t.Errorf("%s has pending changes: %+v", w.CUID(), p)
	}
}

func hashOf(t *testing.T, data json.RawMessage) string {
	t.Helper()
	h, err := record.Hash(data)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func checkCollisions(t *testing.T, log []entry, path string) {
	t.Helper()
	emb, err := embedded.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer emb.Close()
	for _, d := range datasets {
		raw, err := emb.ListCollisions(t.Context(), adapter.ListCollisionsRequest{Dataset: d})
		if err != nil {
			t.Fatal(err)
		}
		var kept map[string]json.RawMessage
		if err := json.Unmarshal(raw, &kept); err != nil {
			t.Fatal(err)
		}
		reported := 0
		for _, e := range log {
			if e.dataset == d && e.outcome == string(record.Collision) {
				reported++
			}
		}
		if len(kept) != reported {
			t.Errorf("%s: %d collisions are kept, %d were reported", d, len(kept), reported)
		}
	}
}
