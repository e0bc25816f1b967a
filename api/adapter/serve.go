package adapter

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
)

// ServerOptions are what a gRPC server needs to serve an adapter. Serve uses them
// by itself.
func ServerOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(MaxMessageBytes),
		grpc.MaxSendMsgSize(MaxMessageBytes),
	}
}

// Serve serves the adapter on addr (host:port) until ctx ends, with gRPC's health
// service and reflection. Then it takes no new calls, lets those under way finish
// (see WithGrace) and returns nil. It returns an error when it can't listen.
func Serve(ctx context.Context, addr string, a Adapter, opts ...Option) error {
	o := newOptions(opts)
	listener := o.listener
	if listener == nil {
		var err error
		if listener, err = new(net.ListenConfig).Listen(ctx, "tcp", addr); err != nil {
			return fmt.Errorf("adapter: %w", err)
		}
	}
	server := grpc.NewServer(append(append(ServerOptions(), grpc.ChainStreamInterceptor(endWatches(ctx))), o.server...)...)
	Register(server, a, opts...)
	state := health.NewServer()
	state.SetServingStatus(adapterv1.AdapterService_ServiceDesc.ServiceName, healthv1.HealthCheckResponse_SERVING)
	healthv1.RegisterHealthServer(server, state)
	reflection.Register(server)

	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	o.log.Info("adapter is serving", "address", listener.Addr().String())
	select {
	case err := <-done:
		server.Stop()
		return fmt.Errorf("adapter: %w", err)
	case <-ctx.Done():
	}
	state.Shutdown()
	stop(server, o.grace)
	if err := <-done; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("adapter: %w", err)
	}
	o.log.Info("adapter has stopped")
	return nil
}

// stop ends the server when its calls have finished, or after grace.
func stop(server *grpc.Server, grace time.Duration) {
	cut := time.AfterFunc(grace, server.Stop)
	defer cut.Stop()
	server.GracefulStop()
}

// endWatches ends the streams that have no end of their own when ctx ends, so
// that a graceful stop need not wait for them.
func endWatches(ctx context.Context) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		if !strings.HasSuffix(info.FullMethod, "/Watch") {
			return handler(srv, stream)
		}
		own, cancel := context.WithCancel(stream.Context())
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		return handler(srv, &withContext{stream, own})
	}
}

type withContext struct {
	grpc.ServerStream
	ctx context.Context
}

func (s *withContext) Context() context.Context { return s.ctx }
