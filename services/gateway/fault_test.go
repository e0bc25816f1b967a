package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/gateway"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// Each store operation of each request may fail in each way.
func TestStoreErrors(t *testing.T) {
	requests := map[string]string{
		"SyncState":           request("sync", "phone"),
		"TouchDatasetClients": request("sync", "phone", `"query_params":{"new":1}`),
		"EnqueueChanges":      request("sync", "phone", pending(create("c1", milk))),
		"EnqueueAcks":         request("sync", "phone", acks(ack("c1", 1))),
		"DatasetClient":       request("syncRecords", "phone"),
		"ChangedUIDs":         request("syncRecords", "phone"),
		"ViewHashes":          request("syncRecords", "phone"),
		"ReadRecords":         request("syncRecords", "phone"),
	}
	b := newBench(t, nil)
	b.sync("phone")
	b.list("r1", `{"v":1}`)
	for err, want := range map[error]int{
		store.ErrUnavailable:     http.StatusServiceUnavailable,
		store.ErrTooLarge:        http.StatusRequestEntityTooLarge,
		context.DeadlineExceeded: http.StatusServiceUnavailable,
		errors.New("disk full"):  http.StatusInternalServerError,
	} {
		for op, body := range requests {
			b.fail(op, fmt.Errorf("sqlite: %w", err))
			w := b.post(body)
			if msg := b.text(w); w.Code != want || !strings.Contains(msg, "tasks") || !strings.Contains(msg, err.Error()) {
				t.Errorf("%s: %v → %d %s, want %d", op, err, w.Code, msg, want)
			}
			if got := w.Header().Get("Retry-After"); (got != "") != (want == http.StatusServiceUnavailable) {
				t.Errorf("%s: %v → Retry-After %q", op, err, got)
			}
		}
		b.inject(nil)
	}
	b.sync("phone") // and goes on
}

// A store that hangs: the request is given up, and the device is told to come back.
func TestRequestTimeout(t *testing.T) {
	for _, what := range []string{"store", "adapter"} {
		b := newBench(t, func(o *gateway.Options) { o.Config.RequestTimeout = 20 * time.Millisecond })
		b.inject(func(ctx context.Context, op string, before bool) error {
			<-ctx.Done()
			return ctx.Err()
		})
		b.adapter.trouble = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		body := request("sync", "phone", pending(create("c1", milk)))
		if what == "adapter" {
			body = `{"fn":"listCollisions"}`
		}
		w := b.post(body)
		if b.text(w); w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" {
			t.Errorf("%s: %d %v %s", what, w.Code, w.Header(), w.Body)
		}
	}
}

func TestAdapterErrors(t *testing.T) {
	b := newBench(t, nil)
	for err, want := range map[error]int{
		errors.New("no such table"):                            http.StatusInternalServerError,
		adapter.RetryLater(errors.New("the database is away")): http.StatusServiceUnavailable,
	} {
		b.adapter.trouble = func(context.Context) error { return err }
		w := b.post(`{"fn":"listCollisions"}`)
		if msg := b.text(w); w.Code != want || !strings.Contains(msg, "tasks") {
			t.Errorf("%v → %d %s, want %d", err, w.Code, msg, want)
		}
	}
}

// hostile panics where a test asks it to.
type hostile struct {
	gateway.Store
	armed atomic.Bool
}

func (h *hostile) Ping(ctx context.Context) error {
	if h.armed.Load() {
		panic("ouch")
	}
	return h.Store.Ping(ctx)
}

func TestPanic(t *testing.T) {
	h := &hostile{}
	b := newBench(t, func(o *gateway.Options) { h.Store = o.Store; o.Store = h })
	h.armed.Store(true)
	for _, encoding := range []string{"", "gzip"} {
		w := b.do(http.MethodGet, "/readyz", "", "X-Request-Id", "id1", "Accept-Encoding", encoding)
		if msg := b.text(w); w.Code != http.StatusInternalServerError || !strings.Contains(msg, "id1") || strings.Contains(msg, "ouch") {
			t.Errorf("%d %s, want a 500 that names the request and not what went wrong inside", w.Code, msg)
		}
	}
	lines := b.logLines("request panicked")
	if len(lines) != 2 || lines[0]["panic"] != "ouch" || lines[0]["request"] != "id1" || !strings.Contains(fmt.Sprint(lines[0]["stack"]), "fault_test.go") {
		t.Errorf("log %v", lines)
	}
	h.armed.Store(false)
	if w := b.do(http.MethodGet, "/readyz", ""); w.Code != http.StatusOK {
		t.Errorf("after the panic: %d", w.Code)
	}
}

// A device that goes away in the middle of its request gets no 200, and is no
// error of the server's.
func TestDeviceGoesAway(t *testing.T) {
	b := newBench(t, nil)
	server := httptest.NewServer(b.gateway)
	ctx, leave := context.WithCancel(t.Context())
	b.inject(func(ctx context.Context, op string, before bool) error {
		if op != "SyncState" || !before {
			return nil
		}
		leave()
		<-ctx.Done()
		return ctx.Err()
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+"/sync/tasks", strings.NewReader(request("sync", "phone")))
	b.must(err)
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
		t.Errorf("an answer: %s", resp.Status)
	}
	server.Close()
	if lines := b.logLines("request failed"); len(lines) != 0 {
		t.Errorf("log %v", lines)
	}
	if lines := b.logLines("http"); len(lines) != 1 || lines[0]["whole"] != false {
		t.Errorf("access log %v", lines)
	}
}
