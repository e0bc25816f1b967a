package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"

	"google.golang.org/grpc"

	adminv1 "github.com/tandem-sync/tandem/proto/admin/v1"
	"github.com/tandem-sync/tandem/services/admin"
	"github.com/tandem-sync/tandem/services/internal/config"
)

// maxSocketPath is how long the path of a Unix socket may be everywhere.
const maxSocketPath = 100

func (n *Node) openListeners(ctx context.Context, cfg config.Config) error {
	listen, err := listenTCP(ctx, cfg.Gateway.Listen, "listen", "--listen")
	if err != nil {
		return err
	}
	n.listen = listen
	n.closers = append(n.closers, closeListener(listen))
	n.http = &http.Server{
		Handler:           n.gateway,
		ReadHeaderTimeout: cfg.Gateway.ReadHeaderTimeout,
		ReadTimeout:       cfg.Gateway.ReadTimeout,
		WriteTimeout:      cfg.Gateway.ReadTimeout + cfg.Gateway.RequestTimeout,
		IdleTimeout:       cfg.Gateway.IdleTimeout,
		ErrorLog:          slog.NewLogLogger(n.log.Handler(), slog.LevelDebug),
	}
	n.admin = grpc.NewServer()
	adminv1.RegisterAdminServiceServer(n.admin, &admin.Server{Store: n.store, Bus: n.bus})
	return n.openAdmin(ctx, cfg)
}

// openAdmin serves the administration API on a socket in the data folder, which
// the folder's owner alone can reach, and on adminListen where that is set.
func (n *Node) openAdmin(ctx context.Context, cfg config.Config) error {
	var lc net.ListenConfig
	if path := AdminSocket(cfg.Store.Data); len(path) <= maxSocketPath {
		// The store's lock says that no other process uses this folder: a socket
		// found here was left by one that was killed.
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("administration socket: %w", err)
		}
		socket, err := lc.Listen(ctx, "unix", path)
		if err != nil {
			return fmt.Errorf("administration socket: %w", err)
		}
		n.serveAdmin(socket)
		// The folder may have been there before, open to others.
		if err := os.Chmod(path, 0o600); err != nil {
			return fmt.Errorf("administration socket: %w", err)
		}
	} else {
		n.log.Warn("the data folder's path is too long for the administration socket; set adminListen to administer this server", "path", path)
	}
	if cfg.Gateway.AdminListen == "" {
		return nil
	}
	tcp, err := listenTCP(ctx, cfg.Gateway.AdminListen, "adminListen", "--admin-listen")
	if err != nil {
		return err
	}
	n.serveAdmin(tcp)
	return nil
}

func listenTCP(ctx context.Context, addr, setting, flag string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s (setting %s): %w; another address is chosen with %s, port 0 takes any free one", addr, setting, err, flag)
	}
	return l, nil
}

func (n *Node) serveAdmin(l net.Listener) {
	n.closers = append(n.closers, func() error { n.admin.Stop(); return nil })
	go func() {
		if err := n.admin.Serve(l); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			n.log.Error("administration API stopped", "addr", l.Addr().String(), "err", err)
		}
	}()
}

// closeListener closes a listener that its server may have closed already.
func closeListener(l net.Listener) func() error {
	return func() error {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	}
}
