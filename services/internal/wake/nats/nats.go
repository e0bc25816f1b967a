// Package nats carries wakes over NATS: an embedded server inside `tandem all`,
// or the cluster's. It imports nothing of the roles and keeps nothing.
package nats

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/tandem-sync/tandem/services/internal/wake"
)

// subject of a topic. The prefix keeps Tandem apart from others on a shared server.
func subject(t wake.Topic) string { return "tandem.wake." + string(t) }

// Bus is a wake.Bus over one NATS connection.
type Bus struct {
	conn   *nats.Conn
	server *server.Server // nil unless embedded
	log    *slog.Logger
}

// Embedded starts a NATS server inside this process, without a port, and
// connects to it.
func Embedded(log *slog.Logger) (*Bus, error) {
	srv, err := server.NewServer(&server.Options{ServerName: "tandem", DontListen: true, NoSigs: true, NoLog: true})
	if err != nil {
		return nil, fmt.Errorf("embedded NATS server: %w", err)
	}
	srv.Start()
	if !srv.ReadyForConnections(10 * time.Second) {
		srv.Shutdown()
		return nil, fmt.Errorf("embedded NATS server did not become ready within 10s")
	}
	conn, err := nats.Connect("", nats.InProcessServer(srv), nats.Name("tandem"), nats.MaxReconnects(-1))
	if err != nil {
		srv.Shutdown()
		return nil, fmt.Errorf("embedded NATS server: %w", err)
	}
	return &Bus{conn: conn, server: srv, log: log}, nil
}

// Publish wakes the subscribers of a topic. A failure is logged and forgotten:
// they poll.
func (b *Bus) Publish(t wake.Topic) {
	if err := b.conn.Publish(subject(t), nil); err != nil {
		b.log.Debug("wake not published", "topic", t, "err", err)
	}
}

// Subscribe returns a channel of merged wakes, and a function that ends it.
func (b *Bus) Subscribe(t wake.Topic) (<-chan struct{}, func()) {
	ch := make(chan struct{}, 1)
	sub, err := b.conn.Subscribe(subject(t), func(*nats.Msg) { wake.Signal(ch) })
	if err != nil {
		b.log.Warn("no wakes for this topic, polling only", "topic", t, "err", err)
		return ch, func() {}
	}
	return ch, func() { _ = sub.Unsubscribe() }
}

// Close ends the connection, and the embedded server.
func (b *Bus) Close() {
	b.conn.Close()
	if b.server != nil {
		b.server.Shutdown()
		b.server.WaitForShutdown()
	}
}
