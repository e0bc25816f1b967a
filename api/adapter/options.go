package adapter

import (
	"crypto/tls"
	"log/slog"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// Option changes how an adapter is served.
type Option func(*options)

type options struct {
	log      *slog.Logger
	listener net.Listener
	grace    time.Duration
	server   []grpc.ServerOption
}

func newOptions(opts []Option) options {
	o := options{log: slog.Default(), grace: 10 * time.Second}
	for _, apply := range opts {
		apply(&o)
	}
	return o
}

// WithLogger sets where panics and the life of the server are logged; without
// it slog.Default.
func WithLogger(log *slog.Logger) Option { return func(o *options) { o.log = log } }

// WithListener makes Serve use l instead of listening on its address, and close it
// at the end.
func WithListener(l net.Listener) Option { return func(o *options) { o.listener = l } }

// WithGrace sets how long Serve lets calls under way finish when its context
// ends. Default 10 s; 0 cuts them off at once.
func WithGrace(d time.Duration) Option { return func(o *options) { o.grace = d } }

// WithTLS serves over TLS. For mutual TLS set ClientAuth and ClientCAs. Without
// this option Serve talks plain text, for networks that encrypt by themselves.
func WithTLS(config *tls.Config) Option {
	return WithServerOptions(grpc.Creds(credentials.NewTLS(config)))
}

// WithServerOptions passes options on to the gRPC server, for instance
// interceptors or tracing.
func WithServerOptions(opts ...grpc.ServerOption) Option {
	return func(o *options) { o.server = append(o.server, opts...) }
}
