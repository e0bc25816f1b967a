package endpoint_test

import (
	"errors"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/tandem-sync/tandem/services/internal/endpoint"
)

// dialled makes a pool that counts what it dials.
func dialled(counts map[string]int) *endpoint.Pool {
	return endpoint.NewPool(func(e endpoint.Endpoint) (*grpc.ClientConn, error) {
		counts[e.Address]++
		return grpc.NewClient("passthrough:///"+e.Address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	})
}

func closed(cc *grpc.ClientConn) bool { return cc.GetState() == connectivity.Shutdown }

func TestPool(t *testing.T) {
	counts := map[string]int{}
	pool := dialled(counts)
	a, b := endpoint.Endpoint{Address: "a"}, endpoint.Endpoint{Address: "b"}
	acquire := func(e endpoint.Endpoint) (*grpc.ClientConn, func()) {
		t.Helper()
		cc, release, err := pool.Acquire(e)
		if err != nil {
			t.Fatal(err)
		}
		return cc, release
	}
	first, releaseFirst := acquire(a)
	second, releaseSecond := acquire(a)
	if first != second || counts["a"] != 1 {
		t.Error("one endpoint has two connections")
	}
	idle, release := acquire(b)
	release()
	if closed(idle) {
		t.Error("a connection closed that was not retired")
	}

	pool.Retain([]endpoint.Endpoint{{Address: "c"}})
	if !closed(idle) {
		t.Error("an idle connection that nobody wants is open")
	}
	releaseFirst()
	if closed(first) {
		t.Error("a connection closed with a call under way")
	}
	releaseSecond()
	if !closed(first) {
		t.Error("a retired connection is open after its last call")
	}

	// Who still holds on to the old endpoint is served, and leaves nothing behind.
	late, release := acquire(a)
	if late == first || closed(late) {
		t.Error("a late call got a closed connection")
	}
	release()
	if !closed(late) {
		t.Error("the connection of a late call is open")
	}

	// Wanted again while it is in use: it stays.
	back, release := acquire(a)
	pool.Retain([]endpoint.Endpoint{a})
	release()
	if closed(back) {
		t.Error("a connection closed that is wanted again")
	}

	_, release = acquire(a)
	if err := pool.Close(); err != nil {
		t.Error(err)
	}
	release()
	if !closed(back) {
		t.Error("open after Close")
	}
	if _, _, err := pool.Acquire(a); !errors.Is(err, endpoint.ErrClosed) {
		t.Error(err)
	}
}
