package app

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/tandem-sync/tandem/services/internal/config"
	"github.com/tandem-sync/tandem/services/internal/stats"
)

// pingWithin is how long the database has to answer a look at the process's readiness.
const pingWithin = time.Second

// stage is where a process is in its life.
type stage int32

const (
	starting stage = iota // waits for what it needs
	working
	stopping
)

// health answers whether the process lives and whether it can work, on a port of
// its own that is open from the first moment to the last.
type health struct {
	stage  atomic.Int32
	ping   atomic.Pointer[func(context.Context) error] // nil: nothing to ask yet
	server *http.Server
	addr   net.Addr // nil: not served
}

func (h *health) set(s stage) { h.stage.Store(int32(s)) }

// asks makes readiness depend on an answer of ping.
func (h *health) asks(ping func(context.Context) error) { h.ping.Store(&ping) }

// ready is nil when work is welcome.
func (h *health) ready(ctx context.Context) error {
	switch stage(h.stage.Load()) {
	case starting:
		return errors.New("starting: waiting for what this process needs")
	case stopping:
		return errors.New("stopping")
	}
	ctx, cancel := context.WithTimeout(ctx, pingWithin)
	defer cancel()
	if ping := h.ping.Load(); ping != nil {
		return (*ping)(ctx)
	}
	return nil
}

// listen serves /healthz and /readyz, and with figures /mbaas/sync/stats, where
// healthListen is set. It returns what ends that.
func (h *health) listen(ctx context.Context, cfg config.Config, figures *stats.Stats, log *slog.Logger) (closer func() error, err error) {
	if cfg.Process.HealthListen == "" {
		return func() error { return nil }, nil
	}
	listener, err := listenTCP(ctx, cfg.Process.HealthListen, "healthListen", "--health-listen")
	if err != nil {
		return nil, err
	}
	h.addr = listener.Addr()
	log.Info("telling the health of this process", "addr", h.addr.String())
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "OK") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := h.ready(r.Context()); err != nil {
			answer(w, http.StatusServiceUnavailable, "not ready: "+cfg.Store.MongodbURL.Redact(err.Error()))
			return
		}
		answer(w, http.StatusOK, "OK")
	})
	mux.HandleFunc("GET /mbaas/sync/stats", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, figures.Snapshot())
	})
	h.server = &http.Server{Handler: mux, ReadHeaderTimeout: cfg.Gateway.ReadHeaderTimeout, IdleTimeout: cfg.Gateway.IdleTimeout}
	go func() { _ = h.server.Serve(listener) }() // ends with Close
	return h.server.Close, nil
}

func (n *Node) openHealth(ctx context.Context) error {
	closer, err := n.health.listen(ctx, n.cfg, n.stats, n.log)
	if err != nil {
		return err
	}
	n.closing(closer)
	return nil
}

// answer writes a JSON value.
func answer(w http.ResponseWriter, code int, value any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(value) // whoever asked has gone
}
