package gateway_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/tandem-sync/tandem/services/gateway"
	"github.com/tandem-sync/tandem/services/internal/store"
)

func TestPagesOfTheOperator(t *testing.T) {
	b := newBench(t, nil)
	for path, want := range map[string]string{
		"/sys/info/ping": `"OK"`, "/healthz": `"OK"`, "/readyz": `"OK"`, "/version": `{"version":"1.2.3"}`,
	} {
		w := b.do(http.MethodGet, path, "")
		if w.Code != http.StatusOK || w.Body.String() != want || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
			t.Errorf("GET %s: %d %s", path, w.Code, w.Body)
		}
		if w := b.do(http.MethodHead, path, ""); w.Code != http.StatusOK {
			t.Errorf("HEAD %s: %d", path, w.Code)
		}
	}
	b.fail("Ping", store.ErrUnavailable)
	if w := b.do(http.MethodGet, "/readyz", ""); w.Code != http.StatusServiceUnavailable || !strings.Contains(b.text(w), "store") {
		t.Errorf("/readyz without a store: %d %s", w.Code, w.Body)
	}
	if w := b.do(http.MethodGet, "/healthz", ""); w.Code != http.StatusOK {
		t.Errorf("/healthz without a store: %d, want 200: a restart does not mend the store", w.Code)
	}
}

func TestStats(t *testing.T) {
	b := newBench(t, nil)
	b.sync("phone")
	b.sync("phone")
	for _, path := range []string{"/mbaas/sync/stats", "/sys/info/stats"} {
		var got map[string]map[string]any
		w := b.do(http.MethodGet, path, "")
		b.must(json.Unmarshal(w.Body.Bytes(), &got))
		if s, _ := got["API Process Time"]["sync"].(map[string]any); s["numberOfRecords"] != 2.0 {
			t.Errorf("%s: %s, want two requests counted", path, w.Body)
		}
		if got["CPU usage"]["message"] != "no stats available" {
			t.Errorf("%s: CPU usage %v", path, got["CPU usage"])
		}
	}
	none := newBench(t, func(o *gateway.Options) { o.Stats = nil })
	none.sync("phone")
	if w := none.do(http.MethodGet, "/mbaas/sync/stats", ""); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "no stats available") {
		t.Errorf("without statistics: %d %s", w.Code, w.Body)
	}
}

func TestNoSuchPathOrMethod(t *testing.T) {
	b := newBench(t, nil)
	for _, tc := range []struct {
		method, path string
		code         int
		allow        string
	}{
		{http.MethodGet, "/", http.StatusNotFound, ""},
		{http.MethodPost, "/nothing/here", http.StatusNotFound, ""},
		{http.MethodPost, "/sync", http.StatusNotFound, ""},
		{http.MethodPost, "/sync/", http.StatusNotFound, ""},
		{http.MethodPost, "/sync/a/b", http.StatusNotFound, ""},
		{http.MethodGet, "/sync/tasks", http.StatusMethodNotAllowed, "POST"},
		{http.MethodHead, "/sync/tasks", http.StatusMethodNotAllowed, "POST"},
		{http.MethodPut, "/mbaas/sync/tasks", http.StatusMethodNotAllowed, "POST"},
		{http.MethodOptions, "/sync/tasks", http.StatusMethodNotAllowed, "POST"},
		{http.MethodPost, "/healthz", http.StatusMethodNotAllowed, "GET, HEAD"},
		{http.MethodDelete, "/version", http.StatusMethodNotAllowed, "GET, HEAD"},
	} {
		w := b.do(tc.method, tc.path, "")
		if w.Code != tc.code || w.Header().Get("Allow") != tc.allow {
			t.Errorf("%s %s: %d, Allow %q; want %d, %q", tc.method, tc.path, w.Code, w.Header().Get("Allow"), tc.code, tc.allow)
		}
		if msg := b.text(w); !strings.Contains(msg, tc.path) {
			t.Errorf("%s %s: %q does not name the path", tc.method, tc.path, msg)
		}
		if w.Header().Get("X-Request-Id") == "" {
			t.Errorf("%s %s: no request id", tc.method, tc.path)
		}
	}
	b.leftNothing("no such path")
}

func TestCORS(t *testing.T) {
	const here, there = "https://app.example", "https://evil.example"
	for name, tc := range map[string]struct {
		origins []string
		allowed map[string]string // origin → Access-Control-Allow-Origin
	}{
		"all":  {[]string{"*"}, map[string]string{here: "*", there: "*"}},
		"some": {[]string{here}, map[string]string{here: here, there: ""}},
		"none": {nil, map[string]string{here: "", there: ""}},
	} {
		b := newBench(t, func(o *gateway.Options) { o.Config.CORSOrigins = tc.origins })
		for origin, want := range tc.allowed {
			w := b.do(http.MethodOptions, "/sync/tasks", "", "Origin", origin,
				"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type,x-fh-cuid")
			if got := w.Header().Get("Access-Control-Allow-Origin"); got != want {
				t.Errorf("%s: preflight of %s is allowed for %q, want %q", name, origin, got, want)
			}
			if want != "" && (w.Code/100 != 2 || w.Header().Get("Access-Control-Allow-Methods") != "POST" ||
				!strings.Contains(w.Header().Get("Access-Control-Allow-Headers"), "content-type")) {
				t.Errorf("%s: preflight of %s: %d %v", name, origin, w.Code, w.Header())
			}
			w = b.post(request("sync", "phone"), "Origin", origin)
			if got := w.Header().Get("Access-Control-Allow-Origin"); w.Code != http.StatusOK || got != want {
				t.Errorf("%s: request of %s: %d, allowed for %q, want %q", name, origin, w.Code, got, want)
			}
			// A page must be able to read an error, too.
			if got := b.post("no JSON", "Origin", origin).Header().Get("Access-Control-Allow-Origin"); got != want {
				t.Errorf("%s: an error for %s is allowed for %q, want %q", name, origin, got, want)
			}
		}
	}
}

func TestCompressedAnswers(t *testing.T) {
	b := newBench(t, nil)
	b.sync("phone")
	b.list("r1", `{"text":"`+strings.Repeat("na ", 2000)+`Batman"}`)
	plain := b.post(request("syncRecords", "phone")).Body.Bytes()
	for accept, want := range map[string]string{
		"gzip": "gzip", "zstd": "zstd", "gzip, deflate, br, zstd": "zstd", "br": "", "gzip;q=0": "", "identity": "", "": "",
	} {
		w := b.post(request("syncRecords", "phone"), "Accept-Encoding", accept)
		if got := w.Header().Get("Content-Encoding"); got != want || w.Code != http.StatusOK {
			t.Errorf("Accept-Encoding %q: %d, Content-Encoding %q, want %q", accept, w.Code, got, want)
			continue
		}
		var body io.Reader = w.Body
		var err error
		switch want {
		case "gzip":
			body, err = gzip.NewReader(w.Body)
		case "zstd":
			body, err = zstd.NewReader(w.Body)
		}
		b.must(err)
		size := w.Body.Len()
		got, err := io.ReadAll(body)
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("Accept-Encoding %q: %v, another body than without", accept, err)
		}
		if want != "" && size > len(plain)/5 {
			t.Errorf("Accept-Encoding %q: %d bytes of %d are sent", accept, size, len(plain))
		}
		if !strings.Contains(strings.Join(w.Header().Values("Vary"), ","), "Accept-Encoding") {
			t.Errorf("Accept-Encoding %q: no Vary", accept)
		}
	}
	if w := b.post(request("sync", "phone"), "Accept-Encoding", "gzip"); w.Header().Get("Content-Encoding") != "" {
		t.Error("a tiny answer is compressed")
	}
}

func TestRequestID(t *testing.T) {
	b := newBench(t, nil)
	if got := b.post(request("sync", "phone"), "X-Request-Id", "proxy-42/a").Header().Get("X-Request-Id"); got != "proxy-42/a" {
		t.Errorf("a proxy's id became %q", got)
	}
	first, second := b.post("{}").Header().Get("X-Request-Id"), b.post("{}").Header().Get("X-Request-Id")
	if len(first) != 16 || first == second {
		t.Errorf("ids made: %q, %q", first, second)
	}
	for _, hostile := range []string{"", " ", "a b", "a\nb", `a"b`, `a\b`, "ä", "\x00", strings.Repeat("x", 101)} {
		if got := b.post("{}", "X-Request-Id", hostile).Header().Get("X-Request-Id"); got == hostile || len(got) != 16 {
			t.Errorf("%q became %q", hostile, got)
		}
	}
}

// logLines returns the lines of the log with a message.
func (b *bench) logLines(msg string) []map[string]any {
	b.Helper()
	var found []map[string]any
	lines := bufio.NewScanner(strings.NewReader(b.log.String()))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line map[string]any
		b.must(json.Unmarshal(lines.Bytes(), &line))
		if line["msg"] == msg {
			found = append(found, line)
		}
	}
	return found
}

func TestAccessLog(t *testing.T) {
	b := newBench(t, nil)
	w := b.post(request("sync", "phone"), "X-Request-Id", "id1")
	b.do(http.MethodGet, "/no%0asuch/path", "", "X-Request-Id", "id2")
	lines := b.logLines("http")
	if len(lines) != 2 {
		t.Fatalf("%d lines for 2 requests", len(lines))
	}
	if l := lines[0]; l["method"] != "POST" || l["path"] != "/sync/tasks" || l["status"] != 200.0 || l["request"] != "id1" ||
		l["bytes"] != float64(w.Body.Len()) || l["whole"] != true || l["remote"] == "" || l["took"] == nil {
		t.Errorf("line %v", l)
	}
	if l := lines[1]; l["status"] != 404.0 || l["path"] != "/no%0asuch/path" || l["request"] != "id2" {
		t.Errorf("line %v", l)
	}
	quiet := newBench(t, func(o *gateway.Options) { o.Config.AccessLog = false })
	quiet.sync("phone")
	if quiet.log.String() != "" {
		t.Errorf("access log is off, and yet: %s", quiet.log)
	}
}

// What a device can't be told is dropped, with a line in the log.
func TestDroppedChangesAreLogged(t *testing.T) {
	b := newBench(t, nil)
	b.sync("phone", pending(`{"action":"create","uid":"x","post":{}}`, create("c1", milk)))
	lines := b.logLines("dropped what can't be answered")
	if len(lines) != 1 || lines[0]["count"] != 1.0 || lines[0]["cuid"] != "phone" || lines[0]["dataset"] != "tasks" {
		t.Errorf("log %v", lines)
	}
	if n := b.queue(store.QueuePending); n != 1 {
		t.Errorf("%d changes queued, want the good one", n)
	}
}

func TestCollisions(t *testing.T) {
	b := newBench(t, nil)
	if w := b.post(`{"fn":"listCollisions"}`); w.Code != http.StatusOK || w.Body.String() != "{}" {
		t.Errorf("no collisions: %d %s", w.Code, w.Body)
	}
	if w := b.post(`{"fn":"removeCollision","hash":"none"}`); w.Code != http.StatusOK || w.Body.String() != `{"n":0,"ok":1}` {
		t.Errorf("none removed: %d %s", w.Code, w.Body)
	}
	b.leftNothing("collision calls")
	if ops := b.counted(); len(ops) != 0 {
		t.Errorf("collision calls reached the store: %v", ops)
	}
	hidden := newBench(t, func(o *gateway.Options) {
		o.Backend = func(string) (gateway.Backend, error) { return nil, errors.New("no adapter for it") }
	})
	for _, fn := range []string{"listCollisions", "removeCollision"} {
		w := hidden.post(`{"fn":"` + fn + `","hash":"h"}`)
		if msg := hidden.text(w); w.Code != http.StatusInternalServerError || !strings.Contains(msg, "no adapter for it") {
			t.Errorf("%s: %d %s", fn, w.Code, msg)
		}
	}
}

func TestDatasetsAreListed(t *testing.T) {
	b := newBench(t, func(o *gateway.Options) { o.Datasets = datasets{"tasks"} })
	b.sync("phone")
	for _, fn := range functions {
		w := b.do(http.MethodPost, "/sync/others", `{"fn":"`+fn+`","__fh":{"cuid":"phone"}}`)
		if msg := b.text(w); w.Code != http.StatusNotFound || !strings.Contains(msg, "others") || !strings.Contains(msg, "allowUnknownDatasets") {
			t.Errorf("%s: %d %s", fn, w.Code, msg)
		}
	}
	if list := b.clients(); len(list) != 1 || list[0].Dataset != "tasks" {
		t.Errorf("dataset clients %+v", list)
	}
}

var functions = []string{"sync", "syncRecords", "listCollisions", "removeCollision"}

// A path that is not clean must not turn a POST into a GET.
func TestUncleanPaths(t *testing.T) {
	b := newBench(t, nil)
	for _, path := range []string{"//sync/tasks", "/sync//tasks", "/x/../sync/tasks", "/sync/./tasks"} {
		w := b.do(http.MethodPost, path, request("sync", "phone"))
		if !slices.Contains([]int{http.StatusOK, http.StatusNotFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect}, w.Code) {
			t.Errorf("POST %s: %d %v", path, w.Code, w.Header())
		}
	}
}
