package backend

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"

	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/memadapter"
)

// scripted is a memadapter whose calls do what the test says first.
type scripted struct {
	*memadapter.Adapter
	read     hook[func(context.Context) error]
	list     hook[func(ctx context.Context, send func(adapter.Record) error) error]
	describe hook[func() error]
}

// hook is a piece of script that a test changes while calls are under way.
type hook[F any] struct{ p atomic.Pointer[F] }

func (h *hook[F]) set(f F) { h.p.Store(&f) }

func (h *hook[F]) unset() { h.p.Store(nil) }

func (s *scripted) Read(ctx context.Context, req adapter.ReadRequest) (json.RawMessage, error) {
	if read := s.read.p.Load(); read != nil {
		if err := (*read)(ctx); err != nil {
			return nil, err
		}
	}
	return s.Adapter.Read(ctx, req)
}

func (s *scripted) List(ctx context.Context, req adapter.ListRequest, send func(adapter.Record) error) error {
	if list := s.list.p.Load(); list != nil {
		return (*list)(ctx, send)
	}
	return s.Adapter.List(ctx, req, send)
}

func (s *scripted) Describe(ctx context.Context) (adapter.Description, error) {
	if describe := s.describe.p.Load(); describe != nil {
		if err := (*describe)(); err != nil {
			return adapter.Description{}, err
		}
	}
	return s.Adapter.Describe(ctx)
}

// newScripted returns the backend of dataset "d" behind a router with these options.
func newScripted(t *testing.T, o Options) (*scripted, *Backend) {
	t.Helper()
	s := &scripted{Adapter: memadapter.New()}
	cc, stop := InProcess(s, adapter.WithLogger(slog.New(slog.DiscardHandler)))
	o.Default = cc
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	router := New(o)
	t.Cleanup(func() {
		_ = router.Close()
		stop()
	})
	b, err := router.For("d")
	if err != nil {
		t.Fatal(err)
	}
	return s, b
}

// logs collects log lines.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func (l *logs) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.FieldsFunc(l.b.String(), func(r rune) bool { return r == '\n' })
}

// raw serves a service that was not made with the SDK, and gives its backend.
func raw(t *testing.T, service adapterv1.AdapterServiceServer) *Backend {
	t.Helper()
	cc, stop := inProcess(func(s *grpc.Server) { adapterv1.RegisterAdapterServiceServer(s, service) })
	t.Cleanup(stop)
	b, err := New(Options{Default: cc}).For("d")
	if err != nil {
		t.Fatal(err)
	}
	return b
}
