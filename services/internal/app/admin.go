package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"

	"google.golang.org/grpc"

	adminv1 "github.com/tandem-sync/tandem/proto/admin/v1"
	"github.com/tandem-sync/tandem/services/admin"
)

// maxSocketPath is how long the path of a Unix socket may be everywhere.
const maxSocketPath = 100

// AdminSocket is the path of the administration API's socket in a data folder.
func AdminSocket(data string) string { return filepath.Join(data, "admin.sock") }

// openAdmin serves the administration API where gateways are: on adminListen where
// that is set, and for a whole server in one process also on a socket in the data
// folder, which the folder's owner alone can reach.
func (n *Node) openAdmin(ctx context.Context) error {
	if !n.opts.has(Gateway) {
		return nil
	}
	server := grpc.NewServer()
	adminv1.RegisterAdminServiceServer(server, &admin.Server{
		Store: n.store, Bus: n.bus, Datasets: n.configuredDatasets, Clock: n.clock,
	})
	n.closing(func() error { server.Stop(); return nil })
	if n.opts.all() {
		socket, err := n.adminSocket(ctx)
		if err != nil {
			return fmt.Errorf("administration socket: %w", err)
		}
		if socket != nil {
			n.serveAdmin(server, socket)
		}
	}
	if n.cfg.Gateway.AdminListen == "" {
		return nil
	}
	tcp, err := listenTCP(ctx, n.cfg.Gateway.AdminListen, "adminListen", "--admin-listen")
	if err != nil {
		return err
	}
	n.serveAdmin(server, tcp)
	return nil
}

// adminSocket makes the socket; nil where there can be none.
func (n *Node) adminSocket(ctx context.Context) (net.Listener, error) {
	path := AdminSocket(n.cfg.Store.Data)
	if len(path) > maxSocketPath {
		n.log.Warn("the data folder's path is too long for the administration socket; set adminListen to administer this server", "path", path)
		return nil, nil
	}
	if !n.embedded() {
		// Nothing else needs the folder then, and no lock says that it is ours alone.
		if err := os.MkdirAll(n.cfg.Store.Data, 0o700); err != nil {
			n.log.Warn("no administration socket; set adminListen to administer this server", "err", err)
			return nil, nil
		}
		if conn, err := new(net.Dialer).DialContext(ctx, "unix", path); err == nil {
			conn.Close()
			n.log.Warn("another process serves the administration socket; set adminListen, or another --data, to administer this one", "path", path)
			return nil, nil
		}
	}
	// A socket found here was left by a process that was killed.
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var lc net.ListenConfig
	socket, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	// The folder may have been there before, open to others.
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	return socket, nil
}

func (n *Node) serveAdmin(server *grpc.Server, l net.Listener) {
	go func() {
		if err := server.Serve(l); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			n.log.Error("administration API stopped", "addr", l.Addr().String(), "err", err)
		}
	}()
}
