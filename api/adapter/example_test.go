package adapter_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/memadapter"
	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
)

// priceList is an adapter of one's own: what it does not say is done by another one.
type priceList struct{ *memadapter.Adapter }

func (p priceList) Create(ctx context.Context, req adapter.CreateRequest) (string, error) {
	var item struct{ Price float64 }
	if err := json.Unmarshal(req.Data, &item); err != nil || item.Price < 0 {
		return "", adapter.Refuse("a price can't be negative") // the device's user reads this
	}
	return p.Adapter.Create(ctx, req)
}

// An adapter is served until its context ends; Tandem, or anybody with a gRPC
// client, calls it.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	served := make(chan error)
	go func() {
		// Outside of examples the address is all: adapter.Serve(ctx, ":8080", a)
		served <- adapter.Serve(ctx, "", priceList{memadapter.New()},
			adapter.WithListener(listener), adapter.WithLogger(slog.New(slog.DiscardHandler)))
	}()

	cc, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		panic(err)
	}
	client := adapterv1.NewAdapterServiceClient(cc)
	shop := &adapterv1.Context{Dataset: "shop"}

	_, err = client.Create(ctx, &adapterv1.CreateRequest{Context: shop, Data: []byte(`{"price":-1}`), IdempotencyKey: "1"})
	fmt.Println(err)
	created, err := client.Create(ctx, &adapterv1.CreateRequest{Context: shop, Data: []byte(`{"price":3}`), IdempotencyKey: "2"})
	if err != nil {
		panic(err)
	}
	read, err := client.Read(ctx, &adapterv1.ReadRequest{Context: shop, Uid: created.GetUid()})
	fmt.Println(string(read.GetData()), err)

	_ = cc.Close()
	stop()
	fmt.Println(<-served)
	// Output:
	// rpc error: code = InvalidArgument desc = a price can't be negative
	// {"price":3} <nil>
	// <nil>
}
