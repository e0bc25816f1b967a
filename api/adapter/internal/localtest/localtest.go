// Package localtest serves an adapter to a test, over memory.
package localtest

import (
	"context"
	"log/slog"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/tandem-sync/tandem/api/adapter"
	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
)

// Client returns a client of the adapter, which is served until the test ends.
func Client(t *testing.T, a adapter.Adapter) adapterv1.AdapterServiceClient {
	t.Helper()
	return adapterv1.NewAdapterServiceClient(Conn(t, a))
}

// Conn is Client for tests that need the connection.
func Conn(t *testing.T, a adapter.Adapter, opts ...adapter.Option) *grpc.ClientConn {
	t.Helper()
	listener := bufconn.Listen(256 << 10)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	opts = append([]adapter.Option{
		adapter.WithListener(listener), adapter.WithLogger(slog.New(slog.DiscardHandler)),
	}, opts...)
	go func() { served <- adapter.Serve(ctx, "", a, opts...) }()
	cc, err := grpc.NewClient("passthrough:///local", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cc.Close()
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return cc
}
