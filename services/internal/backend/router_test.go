package backend

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/memadapter"
	"github.com/tandem-sync/tandem/services/internal/endpoint"
)

// serve serves an adapter over TCP until stop.
func serve(t *testing.T, address string) (addr string, stop func()) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- adapter.Serve(ctx, "", memadapter.New(), adapter.WithListener(listener),
			adapter.WithLogger(slog.New(slog.DiscardHandler)))
	}()
	return listener.Addr().String(), func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
}

func TestRoutes(t *testing.T) {
	first, stopFirst := serve(t, "127.0.0.1:0")
	defer stopFirst()
	second, stopSecond := serve(t, "127.0.0.1:0")
	defer stopSecond()
	dialled := map[string]int{}
	router := New(Options{
		DefaultAddress: first,
		Endpoints: func(dataset string) endpoint.Endpoint {
			return endpoint.Endpoint{Address: map[string]string{"b": second, "b2": second, "bad": "unix://%%"}[dataset]}
		},
		Dial: func(address string) (*grpc.ClientConn, error) {
			dialled[address]++
			return Dial(address)
		},
	})
	defer router.Close()
	for _, dataset := range []string{"a", "a2", "b", "b2"} {
		b, err := router.For(dataset)
		if err != nil {
			t.Fatal(err)
		}
		if about, err := b.Describe(t.Context()); err != nil || about.Name != "memory" {
			t.Error(dataset, about, err)
		}
	}
	if len(dialled) != 2 || dialled[first] != 1 || dialled[second] != 1 {
		t.Errorf("connections made: %v", dialled)
	}
	if _, err := router.For("bad"); !IsRefused(err) {
		t.Error("an address that is none:", err)
	}
	if err := router.Close(); err != nil {
		t.Error(err)
	}
	if _, err := router.For("a"); err == nil {
		t.Error("a closed router gave a backend")
	}
}

func TestNoRoute(t *testing.T) {
	_, err := New(Options{}).For("shop")
	if !IsRefused(err) || Message(err) != "no backend is configured for dataset shop" {
		t.Error(err)
	}
}

// An address that swallows packets is given up after seconds.
func TestBlackHole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		router := New(Options{DefaultAddress: "passthrough:///nowhere", Logger: slog.New(slog.DiscardHandler),
			Dial: func(address string) (*grpc.ClientConn, error) {
				return Dial(address, grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
					<-ctx.Done()
					return nil, ctx.Err()
				}))
			}})
		b, err := router.For("d")
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, _, err = b.Read(t.Context(), ReadRequest{UID: "u"})
		if took := time.Since(start); !IsNotNow(err) || took > connectWithin {
			t.Errorf("after %s: %v", took, err)
		}
		if err := router.Close(); err != nil {
			t.Error(err)
		}
	})
}

// An adapter that goes away is "not now" at once, and is used again when it is
// back, without a new router.
func TestLostAndFound(t *testing.T) {
	address, stop := serve(t, "127.0.0.1:0")
	router := New(Options{DefaultAddress: address, BreakAfter: 1000, Logger: slog.New(slog.DiscardHandler)})
	defer router.Close()
	b, err := router.For("d")
	if err != nil {
		t.Fatal(err)
	}
	create(t, b, one, "before")
	stop()
	start := time.Now()
	_, err = b.Create(t.Context(), CreateRequest{Data: json.RawMessage(one), Key: "lost"})
	if took := time.Since(start); !IsNotNow(err) || took > 2*connectWithin {
		t.Errorf("after %s: %v", took, err)
	}
	_, stop = serve(t, address)
	defer stop()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for ; ; <-again.C { // gRPC's own pause between attempts to connect has to pass
		_, err := b.Create(ctx, CreateRequest{Data: json.RawMessage(one), Key: "found"})
		if err == nil {
			return
		}
		if !IsNotNow(err) || ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}
