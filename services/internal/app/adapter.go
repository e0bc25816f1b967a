package app

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	grpchealth "google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/tandem-sync/tandem/api/adapter"
	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/internal/config"
	"github.com/tandem-sync/tandem/services/internal/datasets"
	"github.com/tandem-sync/tandem/services/internal/stats"
)

// readyAdapter is a ready-made adapter, as this package needs it.
type readyAdapter interface {
	adapter.Adapter
	// Ping tells whether the backend answers.
	Ping(ctx context.Context) error
	Close() error
}

// AdapterKind is a ready-made adapter: what it is called, what its settings must
// say, and how it is opened. open waits for a backend that is away.
type AdapterKind struct {
	Name  string // of the command
	check func(config.Config) error
	open  func(ctx context.Context, cfg config.Config, known *datasets.Snapshot, log *slog.Logger) (readyAdapter, error)
}

// RunAdapter serves a ready-made adapter as a process of its own until ctx ends, and
// calls ready with its address once records can be read and written. While its
// backend is away at the start, gRPC's health service says NOT_SERVING, and calls are
// told to come again.
func RunAdapter(ctx context.Context, o Options, kind AdapterKind, ready func(addr string)) error {
	if o.Clock == nil {
		o.Clock = clock.System
	}
	log := o.Log.With("role", "adapter")
	for _, note := range o.Config.Notes {
		log.Warn(note)
	}
	if err := kind.check(o.Config); err != nil {
		return err
	}
	known, err := datasets.Open(datasets.Options{Under: o.Config.Datasets, Log: log, Clock: o.Clock})
	if err != nil {
		return err
	}
	serving, err := serverTLS(o.Config.AdapterServer)
	if err != nil {
		return err
	}
	listener, err := listenTCP(ctx, o.Config.AdapterServer.Listen, "adapterListen", "--adapter-listen")
	if err != nil {
		return err
	}
	log.Info("listening for calls", "addr", listener.Addr().String())
	defer listener.Close() //nolint:errcheck // closed by the server, as a rule
	var figures *stats.Stats
	if o.Config.Stats.Collect {
		figures = stats.New(stats.Options{Keep: o.Config.Stats.RecordsToKeep, Clock: o.Clock})
	}
	h := &health{}
	closeHealth, err := h.listen(ctx, o.Config, figures, log)
	if err != nil {
		return err
	}
	defer closeHealth() //nolint:errcheck // nobody asks any more
	go stats.Collector{Stats: figures, Interval: o.Config.Stats.Interval, Process: "adapter", Log: log}.Run(ctx)

	options := []adapter.Option{adapter.WithLogger(log), adapter.WithGrace(o.Config.Gateway.ShutdownTimeout)}
	if serving != nil {
		options = append(options, adapter.WithTLS(serving))
	}
	stop := serveNotYet(listener, serving)
	served, err := kind.open(ctx, o.Config, known.Current(), log)
	stop()
	if err != nil {
		return unlessStopped(ctx, err)
	}
	h.asks(served.Ping)
	h.set(working)
	defer context.AfterFunc(ctx, func() { h.set(stopping) })()
	ready(listener.Addr().String())
	err = adapter.Serve(ctx, "", served, append(options, adapter.WithListener(listener))...)
	return errors.Join(err, served.Close())
}

// serveNotYet answers on a listener until stop is called, which leaves it open for
// the next server. UNIMPLEMENTED, gRPC's own answer where there is no service, would
// be taken for a refusal of the change at hand; UNAVAILABLE makes it wait.
func serveNotYet(l net.Listener, serving *tls.Config) (stop func()) {
	creds := insecure.NewCredentials()
	if serving != nil {
		creds = credentials.NewTLS(serving)
	}
	server := grpc.NewServer(grpc.Creds(creds), grpc.UnknownServiceHandler(func(any, grpc.ServerStream) error {
		return status.Error(codes.Unavailable, "the adapter is starting: its backend does not answer yet")
	}))
	state := grpchealth.NewServer()
	for _, service := range []string{"", adapterv1.AdapterService_ServiceDesc.ServiceName} {
		state.SetServingStatus(service, healthv1.HealthCheckResponse_NOT_SERVING)
	}
	healthv1.RegisterHealthServer(server, state)
	lent := lent{l.(*net.TCPListener)}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(lent) }() // ends with Stop
	return func() {
		server.Stop()
		<-done
		lent.giveBack()
	}
}

// lent is a listener whose user may close it without closing it for good.
type lent struct{ *net.TCPListener }

// Close ends Accept.
func (l lent) Close() error { return l.SetDeadline(time.Unix(1, 0)) }

func (l lent) giveBack() { _ = l.SetDeadline(time.Time{}) }
