package interceptor

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime/debug"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tandem-sync/tandem/api/internal/serve"
	interceptorv1 "github.com/tandem-sync/tandem/proto/interceptor/v1"
)

// maxMessage is the largest message, in bytes: query_params may fill a body.
const maxMessage = 64 << 20

// Option changes how an interceptor is served.
type Option = serve.Option

// WithLogger sets where panics and the life of the server are logged; without
// it slog.Default.
func WithLogger(log *slog.Logger) Option { return serve.WithLogger(log) }

// WithListener makes Serve use l instead of listening on its address, and close it
// at the end.
func WithListener(l net.Listener) Option { return serve.WithListener(l) }

// WithGrace sets how long Serve lets calls under way finish when its context
// ends. Default 10 s; 0 cuts them off at once.
func WithGrace(d time.Duration) Option { return serve.WithGrace(d) }

// WithTLS serves over TLS. For mutual TLS set ClientAuth and ClientCAs. Without
// this option Serve talks plain text, for networks that encrypt by themselves.
func WithTLS(config *tls.Config) Option { return serve.WithTLS(config) }

// WithServerOptions passes options on to the gRPC server, for instance tracing.
func WithServerOptions(opts ...grpc.ServerOption) Option { return serve.WithServerOptions(opts...) }

// Serve serves the interceptor on addr (host:port) until ctx ends, with gRPC's health
// service and reflection. Then it takes no new calls, lets those under way finish
// (see WithGrace) and returns nil. It returns an error when it can't listen.
func Serve(ctx context.Context, addr string, i Interceptor, opts ...Option) error {
	return serve.Run(ctx, addr, serve.Service{
		What: "interceptor", Name: interceptorv1.InterceptorService_ServiceDesc.ServiceName,
		Register: func(s *grpc.Server) { Register(s, i, opts...) },
		Options:  []grpc.ServerOption{grpc.MaxRecvMsgSize(maxMessage), grpc.MaxSendMsgSize(maxMessage)},
	}, serve.Gather(opts))
}

// Register adds the interceptor to a gRPC server of yours. Let that take messages of
// 64 MB.
func Register(r grpc.ServiceRegistrar, i Interceptor, opts ...Option) {
	interceptorv1.RegisterInterceptorServiceServer(r, &server{interceptor: i, log: serve.Gather(opts).Log})
}

type server struct {
	interceptorv1.UnimplementedInterceptorServiceServer
	interceptor Interceptor
	log         *slog.Logger
}

func (s *server) InterceptRequest(ctx context.Context, in *interceptorv1.InterceptRequestRequest) (out *interceptorv1.InterceptRequestResponse, err error) {
	defer s.settle("Request", in.GetCall(), &err)
	replace, err := s.interceptor.Request(ctx, callOf(in.GetCall()))
	if err != nil {
		no, err := refusalOf(err)
		return &interceptorv1.InterceptRequestResponse{Refusal: no}, err
	}
	return &interceptorv1.InterceptRequestResponse{QueryParams: replace.QueryParams, MetaData: replace.MetaData}, nil
}

func (s *server) InterceptResponse(ctx context.Context, in *interceptorv1.InterceptResponseRequest) (out *interceptorv1.InterceptResponseResponse, err error) {
	defer s.settle("Response", in.GetCall(), &err)
	var answer Summary
	if len(in.GetSummary()) > 0 {
		if err := json.Unmarshal(in.GetSummary(), &answer); err != nil {
			return nil, status.Errorf(codes.InvalidArgument, "summary: %v", err)
		}
	}
	if err := s.interceptor.Response(ctx, callOf(in.GetCall()), answer); err != nil {
		no, err := refusalOf(err)
		return &interceptorv1.InterceptResponseResponse{Refusal: no}, err
	}
	return &interceptorv1.InterceptResponseResponse{}, nil
}

// settle turns a panic into an error.
func (s *server) settle(method string, c *interceptorv1.Call, err *error) {
	if p := recover(); p != nil {
		s.log.Error("interceptor panicked", "method", method, "dataset", c.GetDataset(),
			"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		*err = status.Errorf(codes.Internal, "dataset %s: internal error of the interceptor in %s", c.GetDataset(), method)
	}
}

// refusalOf is the refusal that an error is, or the error that it is otherwise.
func refusalOf(err error) (*interceptorv1.Refusal, error) {
	var no *refusal
	if errors.As(err, &no) {
		return &interceptorv1.Refusal{Message: strings.ToValidUTF8(no.msg, "\uFFFD"), Status: no.status}, nil
	}
	return nil, err
}

func callOf(c *interceptorv1.Call) Call {
	call := Call{
		Dataset: c.GetDataset(), Fn: c.GetFn(), CUID: c.GetCuid(), QueryParams: c.GetQueryParams(), MetaData: c.GetMetaData(),
		Headers: c.GetHeaders(), Acknowledgements: int(c.GetAcknowledgements()), ClientRecords: int(c.GetClientRecords()),
		CollisionHash: c.GetCollisionHash(),
	}
	for _, ch := range c.GetChanges() {
		call.Changes = append(call.Changes, Change{Action: ch.GetAction(), UID: ch.GetUid(), Hash: ch.GetHash()})
	}
	return call
}
