// Package serve runs the gRPC servers of the SDKs: it listens, tells its health,
// offers reflection, and stops in two stages.
package serve

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"
)

// Option changes how a service is served.
type Option func(*Options)

// Options are the options, gathered.
type Options struct {
	Log      *slog.Logger
	Listener net.Listener // nil: listen on the address
	Grace    time.Duration
	Server   []grpc.ServerOption
}

// Gather applies options to the defaults.
func Gather(opts []Option) Options {
	o := Options{Log: slog.Default(), Grace: 10 * time.Second}
	for _, apply := range opts {
		apply(&o)
	}
	return o
}

// WithLogger sets where panics and the life of the server are logged.
func WithLogger(log *slog.Logger) Option { return func(o *Options) { o.Log = log } }

// WithListener makes Run use l instead of listening, and close it at the end.
func WithListener(l net.Listener) Option { return func(o *Options) { o.Listener = l } }

// WithGrace sets how long calls under way may take when the context ends.
func WithGrace(d time.Duration) Option { return func(o *Options) { o.Grace = d } }

// WithTLS serves over TLS.
func WithTLS(config *tls.Config) Option {
	return WithServerOptions(grpc.Creds(credentials.NewTLS(config)))
}

// WithServerOptions passes options on to the gRPC server.
func WithServerOptions(opts ...grpc.ServerOption) Option {
	return func(o *Options) { o.Server = append(o.Server, opts...) }
}

// Service is what is served.
type Service struct {
	What     string // "adapter", for log and errors
	Name     string // of the gRPC service, for its health
	Register func(*grpc.Server)
	Options  []grpc.ServerOption
}

// Run serves on addr until ctx ends; then it takes no new calls, lets those under
// way finish and returns nil. It is an error when it can't listen.
func Run(ctx context.Context, addr string, s Service, o Options) error {
	listener := o.Listener
	if listener == nil {
		var err error
		if listener, err = new(net.ListenConfig).Listen(ctx, "tcp", addr); err != nil {
			return fmt.Errorf("%s: %w", s.What, err)
		}
	}
	server := grpc.NewServer(append(s.Options, o.Server...)...)
	s.Register(server)
	state := health.NewServer()
	state.SetServingStatus(s.Name, healthv1.HealthCheckResponse_SERVING)
	healthv1.RegisterHealthServer(server, state)
	reflection.Register(server)

	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	o.Log.Info(s.What+" is serving", "address", listener.Addr().String())
	select {
	case err := <-done:
		server.Stop()
		return fmt.Errorf("%s: %w", s.What, err)
	case <-ctx.Done():
	}
	state.Shutdown()
	stop(server, o.Grace)
	if err := <-done; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("%s: %w", s.What, err)
	}
	o.Log.Info(s.What + " has stopped")
	return nil
}

// stop ends the server when its calls have finished, or after grace.
func stop(server *grpc.Server, grace time.Duration) {
	cut := time.AfterFunc(grace, server.Stop)
	defer cut.Stop()
	server.GracefulStop()
}
