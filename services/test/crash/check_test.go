package crash

import (
	"database/sql"
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/adapters/embedded"
	"github.com/tandem-sync/tandem/services/internal/store/sqlite"
	"github.com/tandem-sync/tandem/services/test/fleet"
)

// check looks into the files of a stopped server.
func check(t *testing.T, data string, f *fleet.Fleet) {
	t.Helper()
	path := filepath.Join(data, "tandem.db")
	found := fleet.Evidence{Log: readLog(t, path)}
	found.Backend, found.Collisions = readBackend(t, filepath.Join(data, "backend.db"))
	st, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	f.CheckStore(t, st, found.Backend)
	t.Log(f.Check(t, found))
}

// readLog reads the pending queue, all of it.
func readLog(t *testing.T, path string) []fleet.Entry {
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
	var log []fleet.Entry
	for rows.Next() {
		var e fleet.Entry
		var post string
		if err := rows.Scan(&e.Dataset, &e.CUID, &e.Hash, &e.Action, &e.UID, &post, &e.Outcome, &e.OutcomeUID); err != nil {
			t.Fatal(err)
		}
		e.Token = fleet.Token(json.RawMessage(post))
		log = append(log, e)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return log
}

// readBackend reads every record, by dataset and uid, and counts the collisions.
func readBackend(t *testing.T, path string) (all map[string]map[string]json.RawMessage, collisions map[string]int) {
	t.Helper()
	emb, err := embedded.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer emb.Close()
	all, collisions = map[string]map[string]json.RawMessage{}, map[string]int{}
	for _, d := range datasets {
		all[d] = map[string]json.RawMessage{}
		err := emb.List(t.Context(), adapter.ListRequest{Dataset: d, QueryParams: json.RawMessage(`{}`)}, func(r adapter.Record) error {
			all[d][r.UID] = r.Data
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := emb.ListCollisions(t.Context(), adapter.ListCollisionsRequest{Dataset: d})
		if err != nil {
			t.Fatal(err)
		}
		var kept map[string]json.RawMessage
		if err := json.Unmarshal(raw, &kept); err != nil {
			t.Fatal(err)
		}
		collisions[d] = len(kept)
	}
	return all, collisions
}
