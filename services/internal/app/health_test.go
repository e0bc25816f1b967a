package app

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandem-sync/tandem/services/internal/config"
)

func TestReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h health
		expect := func(want string) {
			t.Helper()
			err := h.ready(t.Context())
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("got %v, want %q", err, want)
			}
		}
		expect("starting")
		away := errors.New("the store is away")
		h.asks(func(context.Context) error { return away })
		expect("starting")
		h.set(working)
		expect("away")
		h.asks(func(context.Context) error { return nil })
		expect("")
		start := time.Now()
		h.asks(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		expect("deadline")
		if took := time.Since(start); took != time.Second {
			t.Errorf("waited %s for a store that is silent", took)
		}
		h.set(stopping)
		expect("stopping")
	})
}

func TestHealthPort(t *testing.T) {
	cfg := config.Default()
	var h health
	if closer, err := h.listen(t.Context(), cfg, nil, slog.New(slog.DiscardHandler)); err != nil || h.addr != nil || closer() != nil {
		t.Errorf("served without healthListen: %v, %v", h.addr, err)
	}
	cfg.Process.HealthListen = "127.0.0.1:0"
	cfg.Store.MongodbURL = "mongodb://u:hush@h"
	closer, err := h.listen(t.Context(), cfg, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer closer() //nolint:errcheck // the test is over
	ask := func(path string, code int, says string) {
		t.Helper()
		resp, err := http.Get("http://" + h.addr.String() + path) //nolint:noctx // answers at once
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != code || !strings.Contains(string(body), says) || strings.Contains(string(body), "hush") {
			t.Errorf("%s: %d %s %v", path, resp.StatusCode, body, err)
		}
	}
	ask("/healthz", 200, "OK")
	ask("/readyz", 503, "starting")
	h.set(working)
	h.asks(func(context.Context) error { return errors.New("u:hush is not let in") })
	ask("/readyz", 503, "u:xxxxx is not let in")
	h.asks(func(context.Context) error { return nil })
	ask("/readyz", 200, "OK")
	ask("/mbaas/sync/stats", 200, "CPU usage")
	h.set(stopping)
	ask("/readyz", 503, "stopping")
	ask("/healthz", 200, "OK")

	var second health
	cfg.Process.HealthListen = h.addr.String()
	if _, err := second.listen(t.Context(), cfg, nil, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "--health-listen") {
		t.Errorf("got %v", err)
	}
}
