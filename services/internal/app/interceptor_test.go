package app_test

import (
	"net"
	"net/http"
	"testing"
	"time"
)

// An interceptor that is configured is asked; one that does not answer lets nothing
// through.
func TestInterceptorIsAsked(t *testing.T) {
	nobody, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := settings(folder(t))
	cfg.Datasets.Interceptor.Address = nobody.Addr().String()
	cfg.Datasets.Interceptor.Timeout = time.Second
	if err := nobody.Close(); err != nil {
		t.Fatal(err)
	}
	n := start(t, cfg)
	if code, body := n.post("tasks", `{"fn":"sync"}`); code != http.StatusServiceUnavailable {
		t.Errorf("%d %s", code, body)
	}
}
