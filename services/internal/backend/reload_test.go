package backend

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/memadapter"
	"github.com/tandem-sync/tandem/services/internal/endpoint"
	"github.com/tandem-sync/tandem/services/internal/endpoint/certtest"
)

// site is two scripted adapters under the addresses "old" and "new", and a router to
// them whose datasets are where at says.
type site struct {
	*Router
	at       atomic.Pointer[endpoint.Endpoint]
	old, new *scripted
	dialled  []*grpc.ClientConn
}

func newSite(t *testing.T, o Options) *site {
	t.Helper()
	s := &site{old: &scripted{Adapter: memadapter.New()}, new: &scripted{Adapter: memadapter.New()}}
	listeners := map[string]*bufconn.Listener{}
	for name, a := range map[string]*scripted{"old": s.old, "new": s.new} {
		listener := bufconn.Listen(256 << 10)
		listeners[name] = listener
		server := grpc.NewServer(grpc.WaitForHandlers(true))
		adapter.Register(server, a, adapter.WithLogger(slog.New(slog.DiscardHandler)))
		go func() { _ = server.Serve(listener) }() // ends with Stop
		t.Cleanup(server.Stop)
	}
	dial := func(e endpoint.Endpoint) (*grpc.ClientConn, error) {
		cc, err := Dial("passthrough:///"+e.Address, grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listeners[e.Address].DialContext(ctx) }))
		s.dialled = append(s.dialled, cc)
		return cc, err
	}
	o.DialEndpoint = dial
	o.Dial = func(address string) (*grpc.ClientConn, error) { return dial(endpoint.Endpoint{Address: address}) }
	o.Endpoints = func(string) endpoint.Endpoint { return *s.at.Load() }
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s.Router = New(o)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// move puts the datasets elsewhere, as a reload does.
func (s *site) move(e endpoint.Endpoint) {
	s.at.Store(&e)
	s.Retain([]endpoint.Endpoint{e})
}

func (s *site) backend(t *testing.T) *Backend {
	t.Helper()
	b, err := s.For("d")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A dataset that moves: calls under way end where they began, the next ones go to
// the new address, and the old connection closes behind the last of them.
func TestMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Options{})
		s.move(endpoint.Endpoint{Address: "old"})
		before := s.backend(t)
		uid := create(t, before, one, "k")
		release := make(chan struct{})
		s.old.read.set(func(context.Context) error { <-release; return nil })
		inFlight := make(chan error)
		go func() {
			_, found, err := before.Read(t.Context(), ReadRequest{UID: uid})
			if err == nil && !found {
				err = errors.New("not found")
			}
			inFlight <- err
		}()
		synctest.Wait()

		s.move(endpoint.Endpoint{Address: "new"})
		if _, found, err := s.backend(t).Read(t.Context(), ReadRequest{UID: uid}); found || err != nil {
			t.Error("the next call went to the old address:", found, err)
		}
		if s.dialled[0].GetState() == connectivity.Shutdown {
			t.Error("the old connection closed under a call")
		}
		close(release)
		if err := <-inFlight; err != nil {
			t.Error("the call under way:", err)
		}
		if s.dialled[0].GetState() != connectivity.Shutdown {
			t.Error("the old connection is open after its last call")
		}
		// A change that is half done goes on where it began.
		if _, found, err := before.Read(t.Context(), ReadRequest{UID: uid}); !found || err != nil {
			t.Error("a backend that was kept:", found, err)
		}
		if last := s.dialled[len(s.dialled)-1]; len(s.dialled) != 3 || last.GetState() != connectivity.Shutdown {
			t.Error("the connection of a late call is open")
		}
	})
}

// What is known of an address outlives its connection.
func TestBreakerOutlivesConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, Options{BreakAfter: 1, BreakPause: time.Minute, Now: time.Now})
		reached := 0
		s.old.read.set(func(context.Context) error { reached++; return adapter.RetryLater(nil) })
		s.move(endpoint.Endpoint{Address: "old"})
		_, _, _ = s.backend(t).Read(t.Context(), ReadRequest{UID: "u"})
		s.move(endpoint.Endpoint{Address: "new"})
		if _, _, err := s.backend(t).Read(t.Context(), ReadRequest{UID: "u"}); err != nil {
			t.Error("the new address:", err)
		}
		s.move(endpoint.Endpoint{Address: "old", Security: endpoint.Plain()}) // and another way to it
		if _, _, err := s.backend(t).Read(t.Context(), ReadRequest{UID: "u"}); !IsNotNow(err) || reached != 1 {
			t.Errorf("back at the address that does not answer: %v, reached %d times", err, reached)
		}
	})
}

// TestTLSPerDataset calls two adapters, each with its own security.
func TestTLSPerDataset(t *testing.T) {
	authority, stranger := certtest.New(t), certtest.New(t)
	dir, other := t.TempDir(), t.TempDir()
	authority.Write(dir, "tandem")
	stranger.Write(other, "tandem")
	secure := serveTLS(t, adapter.WithTLS(authority.Server("orders.test", true)))
	plain, stop := serve(t, "127.0.0.1:0")
	defer stop()

	files := func(dir string) endpoint.TLS {
		return endpoint.TLS{CAFile: filepath.Join(dir, "ca.pem"), CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem"), ServerName: "orders.test"}
	}
	good := files(dir)
	wrongName, noCert, unchecked := good, good, good
	wrongName.ServerName = "127.0.0.1"
	noCert.CertFile, noCert.KeyFile = "", ""
	unchecked.CAFile, unchecked.ServerName, unchecked.Insecure = "", "", true
	load := func(f endpoint.TLS) *endpoint.Security {
		t.Helper()
		security, err := endpoint.Load(f)
		if err != nil {
			t.Fatal(err)
		}
		return security
	}
	at := map[string]endpoint.Endpoint{
		"good": {Address: secure, Security: load(good)}, "unchecked": {Address: secure, Security: load(unchecked)},
		"plain": {Address: plain, Security: endpoint.Plain()}, "not said": {Address: plain},
		"wrong name": {Address: secure, Security: load(wrongName)}, "stranger": {Address: secure, Security: load(files(other))},
		"no certificate": {Address: secure, Security: load(noCert)}, "plain to TLS": {Address: secure},
		"TLS to plain": {Address: plain, Security: load(good)},
	}
	router := New(Options{BreakAfter: 1000, Logger: slog.New(slog.DiscardHandler), Endpoints: func(dataset string) endpoint.Endpoint { return at[dataset] }})
	defer router.Close()
	for dataset := range at {
		b, err := router.For(dataset)
		if err != nil {
			t.Fatal(err)
		}
		about, err := b.Describe(t.Context())
		b.conn.about.until = time.Time{} // per address; the next is to ask for itself
		if works := dataset == "good" || dataset == "unchecked" || dataset == "plain" || dataset == "not said"; works {
			if err != nil || about.Name != "memory" {
				t.Errorf("%s: %v", dataset, err)
			}
		} else if !IsNotNow(err) {
			t.Errorf("%s: %+v, %v; want an error", dataset, about, err)
		} else if dataset == "wrong name" && !strings.Contains(err.Error(), "certificate") {
			t.Errorf("%s: the error does not name the certificate: %v", dataset, err)
		}
	}
}

// serveTLS serves a memory adapter over TCP until the test ends.
func serveTLS(t *testing.T, opts ...adapter.Option) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	opts = append(opts, adapter.WithListener(listener), adapter.WithLogger(slog.New(slog.DiscardHandler)))
	go func() { served <- adapter.Serve(ctx, "", memadapter.New(), opts...) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}
