package adapter_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/internal/localtest"
	"github.com/tandem-sync/tandem/api/adapter/memadapter"
	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
)

// served serves an adapter; stop ends its context, done gives what Serve returns.
func served(t *testing.T, a adapter.Adapter, opts ...adapter.Option) (cc *grpc.ClientConn, stop func(), done <-chan error) {
	t.Helper()
	listener := bufconn.Listen(1 << 16)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	opts = append(opts, adapter.WithListener(listener), adapter.WithLogger(slog.New(slog.DiscardHandler)))
	go func() { result <- adapter.Serve(ctx, "", a, opts...) }()
	cc, err := grpc.NewClient("passthrough:///local", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cc.Close() })
	return cc, cancel, result
}

func TestHealthAndReflection(t *testing.T) {
	cc := localtest.Conn(t, memadapter.New())
	for _, service := range []string{"", "tandem.adapter.v1.AdapterService"} {
		got, err := healthv1.NewHealthClient(cc).Check(t.Context(), &healthv1.HealthCheckRequest{Service: service})
		if err != nil || got.GetStatus() != healthv1.HealthCheckResponse_SERVING {
			t.Errorf("health of %q: %v, %v", service, got, err)
		}
	}
	stream, err := reflectionv1.NewServerReflectionClient(cc).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&reflectionv1.ServerReflectionRequest{
		MessageRequest: &reflectionv1.ServerReflectionRequest_FileContainingSymbol{FileContainingSymbol: "tandem.adapter.v1.AdapterService"},
	}); err != nil {
		t.Fatal(err)
	}
	if answer, err := stream.Recv(); err != nil || answer.GetFileDescriptorResponse() == nil {
		t.Error("reflection:", answer, err)
	}
	_ = stream.CloseSend()
}

// A call under way finishes; watches, which have no end, are ended.
func TestGracefulStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := &stub{Adapter: memadapter.New(), read: func() (json.RawMessage, error) { <-release; return json.RawMessage(`{}`), nil }}
		cc, stop, done := served(t, s)
		client := adapterv1.NewAdapterServiceClient(cc)
		watch, err := client.Watch(t.Context(), &adapterv1.WatchRequest{Context: d})
		if err != nil {
			t.Fatal(err)
		}
		health, err := healthv1.NewHealthClient(cc).Watch(t.Context(), &healthv1.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		read := make(chan error, 1)
		go func() {
			_, err := client.Read(t.Context(), &adapterv1.ReadRequest{Context: d, Uid: "u"})
			read <- err
		}()
		synctest.Wait()
		start := time.Now()
		stop()
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatal("Serve returned while a call was under way:", err)
		default:
		}
		if _, err := watch.Recv(); status.Code(err) != codes.Canceled {
			t.Error("Watch:", err)
		}
		for err == nil {
			_, err = health.Recv()
		}
		close(release)
		if err := <-read; err != nil {
			t.Error("the call under way:", err)
		}
		if err := <-done; err != nil || time.Since(start) > 0 {
			t.Errorf("Serve returned %v after %s", err, time.Since(start))
		}
	})
}

// A call that does not finish is cut off after the grace time.
func TestGraceEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stub{Adapter: memadapter.New()}
		s.list = func(ctx context.Context, _ func(adapter.Record) error) error { <-ctx.Done(); return ctx.Err() }
		cc, stop, done := served(t, s, adapter.WithGrace(3*time.Second))
		stream, err := adapterv1.NewAdapterServiceClient(cc).List(t.Context(), &adapterv1.ListRequest{Context: d})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		start := time.Now()
		stop()
		if err := <-done; err != nil || time.Since(start) != 3*time.Second {
			t.Errorf("Serve returned %v after %s", err, time.Since(start))
		}
		if _, err := stream.Recv(); err == nil {
			t.Error("the list went on")
		}
	})
}

func TestServeCannotListen(t *testing.T) {
	if err := adapter.Serve(t.Context(), "no address", memadapter.New()); err == nil {
		t.Error("no error")
	}
}
