package adapter

import (
	"context"
	"strings"

	"google.golang.org/grpc"

	"github.com/tandem-sync/tandem/api/internal/serve"
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
	return serve.Run(ctx, addr, serve.Service{
		What: "adapter", Name: adapterv1.AdapterService_ServiceDesc.ServiceName,
		Register: func(s *grpc.Server) { Register(s, a, opts...) },
		Options:  append(ServerOptions(), grpc.ChainStreamInterceptor(endWatches(ctx))),
	}, serve.Gather(opts))
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
