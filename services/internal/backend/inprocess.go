package backend

import (
	"context"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"

	"github.com/tandem-sync/tandem/api/adapter"
)

// InProcess serves an adapter to this process alone, over memory instead of a
// network but otherwise like any other. stop ends it: calls under way are
// cancelled, and their handlers have returned when stop does.
func InProcess(a adapter.Adapter, opts ...adapter.Option) (cc *grpc.ClientConn, stop func()) {
	return inProcess(func(s *grpc.Server) { adapter.Register(s, a, opts...) })
}

func inProcess(register func(*grpc.Server)) (cc *grpc.ClientConn, stop func()) {
	listener := bufconn.Listen(256 << 10)
	server := grpc.NewServer(append(adapter.ServerOptions(), grpc.WaitForHandlers(true))...)
	register(server)
	go func() { _ = server.Serve(listener) }() // ends with Stop
	cc, err := Dial("passthrough:///in-process", grpc.WithContextDialer(
		func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		panic(err) // the target is ours and well-formed
	}
	return cc, func() {
		_ = cc.Close()
		server.Stop()
	}
}
