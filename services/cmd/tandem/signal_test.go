package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/memadapter"
)

// gate is an adapter that holds some of its calls until it is opened for them.
type gate struct {
	*memadapter.Adapter
	addr             string
	entered          chan string
	writing, reading chan struct{} // closed: open
}

// pass waits until the gate is open, or the caller has given up.
func (g *gate) pass(ctx context.Context, call string, open <-chan struct{}) error {
	select {
	case g.entered <- call:
	default:
	}
	select {
	case <-open:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *gate) Create(ctx context.Context, req adapter.CreateRequest) (string, error) {
	if err := g.pass(ctx, "Create", g.writing); err != nil {
		return "", err
	}
	return g.Adapter.Create(ctx, req)
}

func (g *gate) ListCollisions(ctx context.Context, req adapter.ListCollisionsRequest) (json.RawMessage, error) {
	if err := g.pass(ctx, "ListCollisions", g.reading); err != nil {
		return nil, err
	}
	return g.Adapter.ListCollisions(ctx, req)
}

// wants waits until a call waits at the gate.
func (g *gate) wants(t *testing.T, call string) {
	t.Helper()
	select {
	case got := <-g.entered:
		if got != call {
			t.Fatalf("the adapter was called for %s, want %s", got, call)
		}
	case <-time.After(patience):
		t.Fatalf("the adapter was not called for %s", call)
	}
}

func (g *gate) count(t *testing.T) (n int) {
	t.Helper()
	err := g.List(t.Context(), adapter.ListRequest{Dataset: "tasks", QueryParams: json.RawMessage("{}")}, func(adapter.Record) error { n++; return nil })
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// startGated starts a server whose adapter, in this process, holds its calls.
func startGated(t *testing.T) (*gate, func() *server) {
	t.Helper()
	g := &gate{Adapter: memadapter.New(), entered: make(chan string, 10), writing: make(chan struct{}), reading: make(chan struct{})}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g.addr = listener.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		done <- adapter.Serve(ctx, "", g, adapter.WithListener(listener), adapter.WithGrace(0), adapter.WithLogger(slog.New(slog.DiscardHandler)))
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	dir := folder(t)
	file := filepath.Join(dir, "tandem.yaml")
	settings := "pendingWorkerRetryIntervalInSeconds: 1\ndatasets: {tasks: {adapter: '" + listener.Addr().String() + "'}}\n"
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	return g, func() *server { return start(t, filepath.Join(dir, "data"), "--config", file) }
}

const (
	milk    = `{"fn":"sync","__fh":{"cuid":"phone"},"pending":[{"action":"create","hash":"c1","uid":"c1","post":{"title":"Milk"}}]}`
	results = `{"fn":"sync","__fh":{"cuid":"phone"}}`
)

// listening tells whether the server takes new connections.
func (s *server) listening() bool {
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(s.url, "http://"), patience) //nolint:noctx // has a time-out
	if err == nil {
		conn.Close()
	}
	return err == nil
}

// SIGTERM while a request and a change are in hand: nothing new is taken, both
// are finished, and the exit code is 0.
func TestSIGTERMFinishesWhatIsInHand(t *testing.T) {
	g, again := startGated(t)
	s := again()
	s.ask("tasks", milk)
	g.wants(t, "Create")
	type reply struct {
		code int
		body string
		err  error
	}
	replied := make(chan reply, 1)
	go func() {
		code, body, err := s.post("tasks", `{"fn":"listCollisions"}`)
		replied <- reply{code, body, err}
	}()
	g.wants(t, "ListCollisions")
	s.signal(syscall.SIGTERM)
	eventually(t, "no new connections are taken", func() bool { return !s.listening() })
	select {
	case <-s.ended:
		t.Fatalf("ended with work in hand: %v", s.cmd.ProcessState)
	case r := <-replied:
		t.Fatalf("answered before the adapter did: %+v", r)
	default:
	}
	close(g.reading)
	if r := <-replied; r.err != nil || r.code != http.StatusOK || r.body != "{}" {
		t.Errorf("the request in hand: %+v", r)
	}
	select {
	case <-s.ended:
		t.Fatalf("ended with a change in hand: %v", s.cmd.ProcessState)
	case <-time.After(200 * time.Millisecond):
	}
	close(g.writing)
	if state := s.wait(); state.ExitCode() != 0 {
		t.Errorf("%v, want exit code 0", state)
	}
	if n := g.count(t); n != 1 {
		t.Errorf("the adapter has %d records, want the one in hand", n)
	}
	if log := s.log.String(); !strings.Contains(log, "stopping") || !strings.Contains(log, "stopped") || strings.Contains(log, "level=ERROR") {
		t.Errorf("log:\n%s", log)
	}
	s = again()
	if got := s.ask("tasks", results); !strings.Contains(got, `"applied":{"c1"`) {
		t.Errorf("the result was not saved before the end: %s", got)
	}
	s.stop()
}

// A second SIGTERM ends the process at once; what was in hand is done after the
// next start, once.
func TestSecondSIGTERMEndsAtOnce(t *testing.T) {
	g, again := startGated(t)
	s := again()
	s.ask("tasks", milk)
	g.wants(t, "Create")
	s.signal(syscall.SIGTERM)
	eventually(t, "the stop has begun", func() bool { return !s.listening() })
	s.signal(syscall.SIGTERM)
	if state := s.wait(); state.ExitCode() != 128+int(syscall.SIGTERM) {
		t.Errorf("%v, want the exit code of a signal", state)
	}
	close(g.writing)
	s = again()
	eventually(t, "the change is applied after all", func() bool {
		return strings.Contains(s.ask("tasks", results), `"applied":{"c1"`)
	})
	if n := g.count(t); n != 1 {
		t.Errorf("the adapter has %d records, want 1", n)
	}
	s.stop()
}

// Ctrl-C is as good as SIGTERM.
func TestInterrupt(t *testing.T) {
	s := start(t, filepath.Join(folder(t), "data"))
	s.signal(os.Interrupt)
	if state := s.wait(); state.ExitCode() != 0 {
		t.Errorf("%v, want exit code 0", state)
	}
}
