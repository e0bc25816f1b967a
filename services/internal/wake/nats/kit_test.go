package nats_test

import (
	"bytes"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/tandem-sync/tandem/services/internal/wake"
	"github.com/tandem-sync/tandem/services/internal/wake/nats"
)

const deadline = 30 * time.Second

// waitFor polls until something holds.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	end := time.After(deadline)
	for !holds() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("not within %s: %s", deadline, what)
		}
	}
}

// logbook keeps a log with all levels.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logbook) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// lines are those with a text, of debug level or above it.
func (l *logbook) lines(text string, debug bool) (found []string) {
	for line := range strings.SplitSeq(l.String(), "\n") {
		if strings.Contains(line, text) && strings.Contains(line, "level=DEBUG") == debug {
			found = append(found, line)
		}
	}
	return found
}

func (l *logbook) wait(t *testing.T, text string) string {
	t.Helper()
	waitFor(t, "log line with "+text, func() bool { return len(l.lines(text, false)) > 0 })
	return l.lines(text, false)[0]
}

// once fails unless a text was logged once, however often it was tried.
func (l *logbook) once(t *testing.T, text string) {
	t.Helper()
	if n := len(l.lines(text, false)); n != 1 {
		t.Errorf("%q was logged %d times, want once:\n%s", text, n, l)
	}
}

// freePort is a port of 127.0.0.1 on which nothing listens. It is below those that
// systems hand out by themselves, so that nothing takes it until the test does.
func freePort(t *testing.T) int {
	t.Helper()
	for {
		port := 15_000 + rand.IntN(17_000)
		if l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			_ = l.Close()
			return port
		}
	}
}

func urlOf(port int) string { return "nats://127.0.0.1:" + strconv.Itoa(port) }

// serve runs a NATS server; stop ends it early.
func serve(t *testing.T, port int, change func(*server.Options)) (stop func()) {
	t.Helper()
	o := &server.Options{ServerName: "test-server", Host: "127.0.0.1", Port: port, NoSigs: true, NoLog: true}
	if change != nil {
		change(o)
	}
	srv, err := server.NewServer(o)
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	stop = sync.OnceFunc(func() {
		srv.Shutdown()
		srv.WaitForShutdown()
	})
	t.Cleanup(stop)
	if !srv.ReadyForConnections(deadline) {
		t.Fatal("the NATS server is not ready")
	}
	return stop
}

// connect opens a bus, as a process of its own would.
func connect(t *testing.T, o nats.Options) (*nats.Bus, *logbook) {
	t.Helper()
	log := &logbook{}
	o.Log = log.logger()
	bus, err := nats.Connect(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(bus.Close)
	return bus, log
}

func isWoken(t *testing.T, ch <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(deadline):
		t.Fatalf("no wake: %s", what)
	}
}

// reach returns when a wake goes from one bus to the other.
func reach(t *testing.T, from, to wake.Bus) {
	t.Helper()
	ch, end := to.Subscribe("reach")
	defer end()
	waitFor(t, "a wake from the other process", func() bool {
		from.Publish("reach")
		select {
		case <-ch:
			return true
		default:
			return false
		}
	})
}

// forward makes a server reachable under a second port.
func forward(t *testing.T, from, to int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(from))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(to))
			if err != nil {
				_ = in.Close()
				continue
			}
			pipe := func(a, b net.Conn) {
				_, _ = io.Copy(a, b)
				_ = a.Close()
				_ = b.Close()
			}
			go pipe(in, out)
			go pipe(out, in)
		}
	}()
}
