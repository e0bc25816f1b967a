package adapter

import (
	"crypto/tls"
	"log/slog"
	"net"
	"time"

	"google.golang.org/grpc"

	"github.com/tandem-sync/tandem/api/internal/serve"
)

// Option changes how an adapter is served.
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

// WithServerOptions passes options on to the gRPC server, for instance
// interceptors or tracing.
func WithServerOptions(opts ...grpc.ServerOption) Option { return serve.WithServerOptions(opts...) }
