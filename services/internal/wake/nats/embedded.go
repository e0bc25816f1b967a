package nats

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

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
	inside := func() ([]nats.Option, error) {
		return []nats.Option{nats.Name("tandem"), nats.InProcessServer(srv)}, nil
	}
	r := newReport(Options{Log: log, SubjectPrefix: DefaultPrefix})
	r.first = slog.LevelDebug
	b := start(&dialer{servers: []string{"nats://embedded:4222"}, options: inside}, r, DefaultPrefix)
	b.server = srv
	return b, nil
}
