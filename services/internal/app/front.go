package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// front is the port that devices call. It is open before the gateway behind it
// can work, so that whoever watches over the process sees it live.
type front struct {
	log      *slog.Logger
	listener net.Listener
	server   *http.Server
	gateway  atomic.Pointer[http.Handler] // nil: starting
}

// ServeHTTP hands a request to the gateway once there is one.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch h := f.gateway.Load(); {
	case h != nil:
		(*h).ServeHTTP(w, r)
	case r.URL.Path == "/healthz" || r.URL.Path == "/sys/info/ping":
		answer(w, http.StatusOK, "OK")
	default:
		answer(w, http.StatusServiceUnavailable, "the server is starting and can't reach its store yet; try again later")
	}
}

func (n *Node) openFront(ctx context.Context) error {
	if !n.opts.has(Gateway) {
		return nil
	}
	g := n.cfg.Gateway
	listener, err := listenTCP(ctx, g.Listen, "listen", "--listen")
	if err != nil {
		return err
	}
	f := &front{log: n.log, listener: listener}
	f.server = &http.Server{
		Handler:           f,
		ReadHeaderTimeout: g.ReadHeaderTimeout,
		ReadTimeout:       g.ReadTimeout,
		WriteTimeout:      g.ReadTimeout + g.RequestTimeout,
		IdleTimeout:       g.IdleTimeout,
		ErrorLog:          slog.NewLogLogger(n.log.Handler(), slog.LevelDebug),
	}
	n.front = f
	n.log.Info("listening for devices", "addr", listener.Addr().String())
	n.closing(f.server.Close)
	go func() {
		if err := f.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			n.fail(err)
		}
	}()
	return nil
}

// shutdown takes no new requests and waits for those in hand, for grace at most.
func (f *front) shutdown(ctx context.Context, grace time.Duration) {
	if f == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := f.server.Shutdown(ctx); err != nil {
		f.log.Warn("requests in hand took too long to finish; cut off", "err", err)
		_ = f.server.Close()
	}
}

func listenTCP(ctx context.Context, addr, setting, flag string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s (setting %s): %w; another address is chosen with %s, port 0 takes any free one", addr, setting, err, flag)
	}
	return l, nil
}
