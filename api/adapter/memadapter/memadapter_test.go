package memadapter_test

import (
	"context"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/adaptertest"
	"github.com/tandem-sync/tandem/api/adapter/memadapter"
	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
)

// TestConformance is what the test of any adapter looks like.
func TestConformance(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error)
	go func() { served <- adapter.Serve(ctx, "", memadapter.New(), adapter.WithListener(listener)) }()
	defer func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	cc, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer cc.Close()
	adaptertest.Exercise(t, adapterv1.NewAdapterServiceClient(cc), adaptertest.Options{})
}
