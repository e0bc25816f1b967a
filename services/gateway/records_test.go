package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

func TestSyncRecordsBeforeThereIsAnything(t *testing.T) {
	b := newBench(t, nil)
	w := b.post(request("syncRecords", "phone", `"query_params":{"a":1}`))
	if msg := b.text(w); w.Code != http.StatusInternalServerError || !strings.Contains(msg, "tasks") || !strings.Contains(msg, `{"a":1}`) {
		t.Errorf("unknown dataset client: %d %s, want an error that names dataset and query", w.Code, msg)
	}
	b.leftNothing("syncRecords")
	b.sync("phone")
	if w := b.post(request("syncRecords", "phone")); w.Code != http.StatusOK || w.Body.String() != "{}" {
		t.Errorf("before the first sync run: %d %s", w.Code, w.Body)
	}
	b.list()
	if w := b.post(request("syncRecords", "phone")); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `{"create":{},"update":{},"delete":{},"hash":"`) {
		t.Errorf("of an empty view: %d %s", w.Code, w.Body)
	}
}

func TestSyncRecordsIsTheDifference(t *testing.T) {
	b := newBench(t, nil)
	b.sync("phone")
	b.list("same", `{"v":1}`, "changed", `{"v":2}`, "new", `{"v":3,"html":"<b>"}`)
	all := b.syncRecords("tablet")
	if got := slices.Sorted(maps.Keys(all.Create)); !slices.Equal(got, []string{"changed", "new", "same"}) || len(all.Update)+len(all.Delete) != 0 {
		t.Fatalf("a device without records got %+v", all)
	}
	have := fmt.Sprintf(`"clientRecs":{"same":%q,"changed":"old","gone":"x"}`, all.Create["same"].Hash)
	a := b.syncRecords("phone", have)
	hash, err := record.Hash(a.Create["new"].Data)
	b.must(err)
	if len(a.Create) != 1 || string(a.Create["new"].Data) != `{"v":3,"html":"<b>"}` || a.Create["new"].Hash != hash || a.Create["new"].UID != "new" {
		t.Errorf("create %+v", a.Create)
	}
	if len(a.Update) != 1 || string(a.Update["changed"].Data) != `{"v":2}` {
		t.Errorf("update %+v", a.Update)
	}
	if _, gone := a.Delete["gone"]; !gone || len(a.Delete) != 1 {
		t.Errorf("delete %+v", a.Delete)
	}
	if a.Hash == "" || a.Hash != b.sync("phone").Hash {
		t.Errorf("hash %q, and in sync %q", a.Hash, b.sync("phone").Hash)
	}
}

// A device does not see its own fresh changes taken back; another device does see
// what is stored.
func TestSyncRecordsLeavesOutOwnFreshChanges(t *testing.T) {
	b := newBench(t, nil)
	b.sync("phone")
	b.list("r1", `{"v":1}`)
	b.pass(time.Second)
	b.sync("phone", pending(create("c1", milk), `{"action":"update","hash":"u1","uid":"r1","pre":{"v":1},"post":{"v":2}}`))
	mine := `"clientRecs":{"r1":"hash of v 2","c1":"hash of milk"}`
	for _, when := range []string{"queued", "applied"} {
		if a := b.syncRecords("phone", mine); len(a.Create)+len(a.Update)+len(a.Delete) != 0 {
			t.Errorf("%s: the device got %+v", when, a)
		}
		if a := b.syncRecords("tablet", mine); len(a.Update) != 1 || len(a.Delete) == 0 {
			t.Errorf("%s: another device got %+v", when, a)
		}
		b.work()
		mine = `"clientRecs":{"r1":"hash of v 2","c1":"hash of milk","real-c1":"hash of milk"}`
	}
	b.pass(time.Second)
	b.list("r1", `{"v":2}`, "real-c1", milk)
	a := b.syncRecords("phone", mine)
	if len(a.Update) != 2 || len(a.Delete) != 1 {
		t.Errorf("after the sync run: %+v", a)
	}
}

// Trap 6 and the order of reads: the hash of an answer is never newer than its
// records.
func TestHashIsReadBeforeTheRecords(t *testing.T) {
	b := newBench(t, nil)
	b.sync("phone")
	b.list("r1", `{"v":1}`)
	old := b.sync("phone").Hash
	b.inject(func(_ context.Context, op string, before bool) error {
		if op == "ViewHashes" && before {
			b.list("r1", `{"v":2}`) // a sync run in between
		}
		return nil
	})
	a := b.syncRecords("phone")
	if a.Hash != old || string(a.Create["r1"].Data) != `{"v":2}` {
		t.Errorf("answer %+v, want the new record under the old hash", a)
	}
}

// An answer that fails half-way must not look whole.
func TestBrokenAnswerBreaksTheConnection(t *testing.T) {
	for _, encoding := range []string{"identity", "gzip", "zstd", "panic"} {
		t.Run(encoding, func(t *testing.T) {
			b := newBench(t, nil)
			server := httptest.NewServer(b.gateway)
			defer server.Close()
			b.sync("phone")
			var pairs []string
			for i := range 1000 {
				pairs = append(pairs, fmt.Sprint("r", i), fmt.Sprintf(`{"v":%d,"text":%q}`, i, strings.Repeat(fmt.Sprint(i), 100)))
			}
			b.list(pairs...)
			var reads atomic.Int32
			b.inject(func(_ context.Context, op string, before bool) error {
				if op == "ReadRecords" && before && reads.Add(1) == 5 {
					if encoding == "panic" {
						panic("disk on fire")
					}
					return errors.New("disk on fire")
				}
				return nil
			})
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/sync/tasks", strings.NewReader(request("syncRecords", "phone")))
			b.must(err)
			req.Header.Set("Accept-Encoding", encoding)
			resp, err := http.DefaultClient.Do(req)
			if err == nil {
				var n int64
				n, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if err == nil {
					t.Errorf("a whole answer (%d, %d bytes) although the fifth read failed", resp.StatusCode, n)
				}
			}
			server.Close() // waits for the handler
			if log := b.log.String(); !strings.Contains(log, "disk on fire") || !strings.Contains(log, `"whole":false`) {
				t.Errorf("the log says nothing of it:\n%s", log)
			}
		})
	}
}

// What fails before anything was sent is an ordinary error.
func TestErrorBeforeTheFirstByte(t *testing.T) {
	for _, op := range []string{"DatasetClient", "ChangedUIDs", "ViewHashes", "ReadRecords"} {
		b := newBench(t, nil)
		b.sync("phone")
		b.list("r1", `{"v":1}`)
		b.fail(op, fmt.Errorf("read: %w", store.ErrUnavailable))
		w := b.post(request("syncRecords", "phone"))
		if msg := b.text(w); w.Code != http.StatusServiceUnavailable || !strings.Contains(msg, "tasks") {
			t.Errorf("%s: %d %s", op, w.Code, msg)
		}
	}
}
