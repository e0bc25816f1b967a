package gateway_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tandem-sync/tandem/services/internal/store"
)

// Bad input gets a 4xx with a JSON string that says what and where, and leaves
// nothing behind: neither of its good parts nor of its bad ones.
func TestBadInputLeavesNothing(t *testing.T) {
	good := pending(create("c1", milk)) + "," + acks(ack("c0", 1))
	for body, says := range map[string]string{
		"":                              "JSON",
		"{":                             "JSON",
		"null":                          "object",
		"[]":                            "object",
		`"sync"`:                        "object",
		`{"fn":"sync"} {"fn":"sync"}`:   "JSON",
		"{" + good + "}":                "fn is missing",
		`{"fn":"drop",` + good + "}":    "drop",
		`{"fn":{"$ne":1},` + good + "}": "fn",
		`{"fn":"sync","query_params":[],` + good + "}":                                   "query_params",
		`{"fn":"sync","query_params":"x",` + good + "}":                                  "query_params",
		`{"fn":"sync","meta_data":7,` + good + "}":                                       "meta_data",
		`{"fn":"sync","__fh":[],` + good + "}":                                           "__fh",
		`{"fn":"sync","__fh":{"cuid":{"$ne":null}},` + good + "}":                        "cuid",
		`{"fn":"sync","__fh":{"cuid":"\ud800"},` + good + "}":                            "cuid",
		`{"fn":"sync","__fh":{"cuid":"phone"},"pending":{}}`:                             "pending",
		`{"fn":"sync","__fh":{"cuid":"phone"},"acknowledgements":true}`:                  "acknowledgements",
		`{"fn":"syncRecords","clientRecs":[]}`:                                           "clientRecs",
		`{"fn":"removeCollision","hash":{"$ne":1}}`:                                      "hash",
		`{"fn":"sync","__fh":{"cuid":"` + strings.Repeat("x", 2000) + `"},` + good + "}": "cuid",
		strings.Repeat("[", 100_000):                                                     "JSON",
	} {
		b := newBench(t, nil)
		w := b.post(body)
		if msg := b.text(w); w.Code < 400 || w.Code > 499 || !strings.Contains(msg, says) {
			t.Errorf("%.200s\n→ %d %s, want a 4xx that says %q", body, w.Code, msg, says)
		}
		b.leftNothing(fmt.Sprintf("%.80s", body))
	}
}

// The dataset id is checked before anything else, for every fn.
func TestBadDatasetIDs(t *testing.T) {
	b := newBench(t, nil)
	for _, id := range []string{
		"system.users", "fhsync_queue", "fhsync_tasks_updates", "FHSYNC_x", "x_collision", "constructor", "__proto__", "a$b", "$cmd",
		"a\x00b", "a/b", "..", ".", "a..b", "-a", "a b", "a\nb", "\xff", strings.Repeat("x", 101),
	} {
		for _, fn := range functions {
			for _, prefix := range []string{"/sync/", "/mbaas/sync/"} {
				body := `{"fn":"` + fn + `","hash":"h","__fh":{"cuid":"phone"},` + pending(create("c1", milk)) + "}"
				w := b.do(http.MethodPost, prefix+url.PathEscape(id), body)
				if msg := b.text(w); w.Code < 400 || w.Code > 499 || msg == "" {
					t.Errorf("dataset %q, fn %s: %d %s", id, fn, w.Code, msg)
				}
			}
		}
	}
	// It is said before the body is read.
	if msg := b.text(b.do(http.MethodPost, "/sync/system.users", "", "Content-Encoding", "rot13")); !strings.Contains(msg, "system.users") {
		t.Errorf("a bad dataset id with a bad body: %s", msg)
	}
	b.leftNothing("bad dataset ids")
	if ops := b.counted(); len(ops) != 0 {
		t.Errorf("the store was asked: %v", ops)
	}
}

func TestGoodDatasetIDs(t *testing.T) {
	b := newBench(t, nil)
	for _, id := range []string{"tasks", "my-Shopping_List.2", "größe", "数据"} {
		if w := b.do(http.MethodPost, "/sync/"+url.PathEscape(id), request("sync", "phone")); w.Code != http.StatusOK {
			t.Errorf("dataset %q: %d %s", id, w.Code, w.Body)
		}
	}
	if n := len(b.clients()); n != 4 {
		t.Errorf("%d dataset clients, want 4", n)
	}
}

// Trap 4: one bad change does not block the others of its request.
func TestUnusableChangesAreTakenToBeAnswered(t *testing.T) {
	b := newBench(t, nil)
	b.sync("phone", pending(
		`{"hash":"h1","action":{"$set":1},"uid":"u"}`,
		`{"hash":"h2","action":"delete","uid":7,"pre":{}}`,
		`{"hash":"h3","action":"create","uid":"u","post":null}`,
		create("good", milk),
	))
	claimed, err := b.store.ClaimChanges(t.Context(), 10, 1e9)
	b.must(err)
	if n := b.queue(store.QueuePending); n != 4 {
		t.Fatalf("%d changes queued, want all 4", n)
	}
	for _, c := range claimed {
		if problem := c.Change.Problem(); (problem == "") != (c.Change.Hash == "good") {
			t.Errorf("%s: problem %q", c.Change.Hash, problem)
		}
	}
}

// A device without a cuid gets an answer, and nobody's results.
func TestNoCUID(t *testing.T) {
	b := newBench(t, nil)
	b.sync("phone", pending(create("c1", milk)))
	b.work()
	for _, body := range []string{`{"fn":"sync"}`, `{"fn":"sync","__fh":null}`, `{"fn":"sync","__fh":{"cuid":null}}`, `{"fn":"sync","__fh":{"cuid":""}}`} {
		if a := b.ask(body); len(a.Updates["hashes"]) != 0 {
			t.Errorf("%s got %+v", body, a)
		}
	}
}
