package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tandem-sync/tandem/services/gateway"
	"github.com/tandem-sync/tandem/services/internal/intercept"
	"github.com/tandem-sync/tandem/services/internal/wire"
)

// watcher keeps what an interceptor is shown.
type watcher struct {
	headers map[string]string
	answers []wire.Summary
	err     error
}

func (w *watcher) Request(_ context.Context, _ string, req *wire.Request) error {
	w.headers = req.Headers
	return w.err
}

func (w *watcher) Response(_ context.Context, _ string, _ *wire.Request, answer wire.Summary) error {
	w.answers = append(w.answers, answer)
	return nil
}

func watched(t *testing.T) (*bench, *watcher) {
	t.Helper()
	w := &watcher{}
	return newBench(t, func(o *gateway.Options) { o.Interceptor = w }), w
}

func TestInterceptorSeesHeaders(t *testing.T) {
	b, w := watched(t)
	b.post(request("sync", "phone"), "Authorization", "Bearer x", "X-Fh-Session", "s", "Cookie", "secret", "Content-Type", "application/json",
		"Origin", "https://a.example", "User-Agent", "phone/1")
	want := map[string]string{"authorization": "Bearer x", "x-fh-session": "s", "origin": "https://a.example", "user-agent": "phone/1"}
	if diff := cmp.Diff(want, w.headers); diff != "" {
		t.Error(diff)
	}
}

func TestInterceptorSeesSummary(t *testing.T) {
	b, w := watched(t)
	b.sync("phone", pending(create("c1", milk)))
	b.syncRecords("phone")
	b.work()
	b.list("r1", milk, "r2", milk)
	b.sync("phone")
	hash := b.syncRecords("tablet", `"clientRecs":{"r1":"old","gone":"x"}`).Hash
	want := []wire.Summary{{}, {}, {Hash: hash, Updates: 1}, {Hash: hash, Create: 1, Update: 1, Delete: 1}}
	if diff := cmp.Diff(want, w.answers); diff != "" || hash == "" {
		t.Error(hash, diff)
	}
}

// An interceptor that gives no answer is "later", and is not told to the device.
func TestInterceptorAway(t *testing.T) {
	b, w := watched(t)
	w.err = &intercept.AwayError{Dataset: "tasks", Address: "guard.internal:1", Err: context.DeadlineExceeded}
	r := b.post(request("sync", "phone", pending(create("c1", milk))))
	if msg := b.text(r); r.Code != http.StatusServiceUnavailable || r.Header().Get("Retry-After") == "" || msg != "the interceptor of dataset tasks gave no answer; try again later" {
		t.Errorf("%d %s", r.Code, msg)
	}
	if !strings.Contains(b.log.String(), "guard.internal:1") {
		t.Error("the log does not name the interceptor")
	}
	b.leftNothing("not let through")
}
