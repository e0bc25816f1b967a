package webhook

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/tandem-sync/tandem/api/adapter"
)

// listOf lists a service that answers with h.
func listOf(t *testing.T, h http.HandlerFunc, o Options) (uids []string, err error) {
	t.Helper()
	a := open1(t, serve(t, h), o)
	err = a.List(t.Context(), adapter.ListRequest{Dataset: "d", QueryParams: json.RawMessage(`{}`)}, func(r adapter.Record) error {
		uids = append(uids, r.UID+string(r.Data))
		return nil
	})
	return uids, err
}

const (
	jsonType = "application/json; charset=utf-8"
	ndjson   = "application/x-ndjson"
)

func TestListForms(t *testing.T) {
	const two = `[a{"n":1} b{ "n":2 }]`
	for _, c := range []struct{ kind, body, want string }{
		{jsonType, `[{"uid":"a","data":{"n":1}},{"data":{ "n":2 },"uid":"b"}]`, two},
		{jsonType, ` {"a":{"n":1}, "b":{ "n":2 }} ` + "\n", two},
		{ndjson, `{"uid":"a","data":{"n":1}}` + "\r\n" + `{"uid":"b","data":{ "n":2 }}` + "\n" + `{"end":true}`, two},
		{"application/jsonl", `{"end":true}` + "\n", "[]"},
		{jsonType, `[]`, "[]"},
		{jsonType, `{}`, "[]"},
		// Whatever may be cut short, or is not what was asked for, is no list.
		{jsonType, ``, ""},
		{jsonType, `[`, ""},
		{jsonType, `[{"uid":"a","data":{"n":1}}`, ""},
		{jsonType, `[{"uid":"a","data":{"n":1}},`, ""},
		{jsonType, `{"a":{"n":1}`, ""},
		{jsonType, `{"a":{"n":1`, ""},
		{jsonType, `{"a"`, ""},
		{jsonType, `[] x`, ""},
		{jsonType, `[][]`, ""},
		{jsonType, `null`, ""},
		{jsonType, `5`, ""},
		{jsonType, `{"error":"database is down"}`, ""},
		{jsonType, `[{"uid":"","data":{}}]`, ""},
		{jsonType, `[{"uid":"a"}]`, ""},
		{jsonType, `[{"uid":"a","data":[]}]`, ""},
		{jsonType, `{"a":null}`, ""},
		{ndjson, ``, ""},
		{ndjson, `{"uid":"a","data":{"n":1}}` + "\n", ""},
		{ndjson, `{"uid":"a","data":{"n":1}}` + "\n" + `{"end":true}` + "\n" + `{"uid":"b","data":{}}`, ""},
		{ndjson, `{"uid":"a","data":{"n":1}}` + "\n" + `{"end":fal`, ""},
		{"text/html", `[]`, ""},
		{"", `[]`, ""},
	} {
		got, err := listOf(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.kind)
			_, _ = io.WriteString(w, c.body)
		}, Options{Retries: -1})
		if c.want == "" && err == nil || c.want != "" && (err != nil || fmt.Sprint(got) != c.want) {
			t.Errorf("%s %q: got %v, %v", c.kind, c.body, got, err)
		}
	}
	if _, err := listOf(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, Options{}); err == nil {
		t.Error("204 is a list")
	}
}

// A connection that ends where nothing in HTTP tells that more should come.
func TestListOverAConnectionThatCloses(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	calls := make(chan int, 100)
	go func() {
		for n := 1; ; n++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4096))
			_, _ = io.WriteString(conn, "HTTP/1.0 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n"+`{"uid":"a","data":{}}`+"\n")
			_ = conn.Close()
			calls <- n
		}
	}()
	a := open1(t, "http://"+l.Addr().String(), Options{})
	sent := 0
	err = a.List(t.Context(), adapter.ListRequest{Dataset: "d", QueryParams: json.RawMessage(`{}`)}, func(adapter.Record) error { sent++; return nil })
	if err == nil || sent != 1 || len(calls) > 1 {
		t.Errorf("%d records in %d calls, %v", sent, len(calls), err)
	}
}

// A list has no more of itself in memory than a record; one record is bounded.
func TestListIsStreamed(t *testing.T) {
	const records = 100_000
	filler := strings.Repeat("x", 1000)
	big := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", jsonType)
		_, _ = io.WriteString(w, "{")
		for i := range records {
			if i > 0 {
				_, _ = io.WriteString(w, ",")
			}
			_, _ = fmt.Fprintf(w, `"u%d":{"x":"%s"}`, i, filler)
		}
		_, _ = io.WriteString(w, "}")
	}
	a := open1(t, serve(t, big), Options{MaxResponse: 8192})
	var peak uint64
	n := 0
	err := a.List(t.Context(), adapter.ListRequest{Dataset: "d", QueryParams: json.RawMessage(`{}`)}, func(adapter.Record) error {
		if n++; n%20_000 == 0 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
		}
		return nil
	})
	if err != nil || n != records {
		t.Fatalf("%d records, %v", n, err)
	}
	if peak > 30<<20 {
		t.Errorf("%d MB on the heap for a list of %d MB", peak>>20, records*len(filler)>>20)
	}
	_, err = listOf(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", jsonType)
		_, _ = fmt.Fprintf(w, `[{"uid":"a","data":{}},{"uid":"b","data":{"x":"%s"}}]`, strings.Repeat("x", 1<<20))
	}, Options{MaxResponse: 8192})
	if err == nil || !strings.Contains(err.Error(), "maxResponseBytes") {
		t.Error(err)
	}
}
