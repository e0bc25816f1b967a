package backend

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
)

// conn is one adapter, by its address: what protects it, and the way to it. It
// outlives connections: one that is made anew, with other certificates or after the
// adapter was not configured for a while, is known for what it was before.
type conn struct {
	slots   chan struct{} // one per call under way
	breaker *breaker
	about   description
}

// link is a way to an adapter.
type link struct {
	*conn
	// connect gives a connection, and how to give it back when a call has ended.
	connect func() (cc grpc.ClientConnInterface, release func(), err error)
}

// call is one call under way. It ends with end, exactly once.
type call struct {
	conn    *conn
	client  adapterv1.AdapterServiceClient
	release func()
	probe   bool
	done    bool // the verdict is given
}

// begin waits for a free slot and asks the breaker. Its errors are gRPC statuses.
func (l link) begin(ctx context.Context) (*call, error) {
	call, err := l.conn.begin(ctx)
	if err != nil {
		return nil, err
	}
	cc, release, err := l.connect()
	if err != nil {
		call.judge(silent, "")
		<-l.slots
		return nil, status.Error(codes.Unavailable, err.Error())
	}
	call.client, call.release = adapterv1.NewAdapterServiceClient(cc), release
	return call, nil
}

func (c *conn) begin(ctx context.Context) (*call, error) {
	if rest := c.breaker.rest(); rest > 0 {
		return nil, resting(rest) // not worth waiting for a slot
	}
	select {
	case c.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, status.Error(status.FromContextError(ctx.Err()).Code(),
			fmt.Sprintf("waited for one of the adapter's %d slots: %v", cap(c.slots), ctx.Err()))
	}
	probe, rest := c.breaker.enter()
	if rest > 0 {
		<-c.slots
		return nil, resting(rest)
	}
	return &call{conn: c, probe: probe}, nil
}

// answered tells that the adapter is there, before the call is over.
func (c *call) answered() { c.judge(alive, "") }

// end frees the slot. err is what the adapter answered, nil for success; caller
// is the context that the call was asked with.
func (c *call) end(caller context.Context, err error) {
	switch {
	case err == nil:
		c.judge(alive, "")
	case caller.Err() == context.Canceled:
		c.judge(silent, "")
	case kinds[status.Code(err)] == NotNow:
		c.judge(down, status.Convert(err).Message())
	default:
		c.judge(alive, "")
	}
	c.release()
	<-c.conn.slots
}

func (c *call) judge(v verdict, why string) {
	if !c.done {
		c.done = true
		c.conn.breaker.leave(c.probe, v, why)
	}
}

func resting(rest time.Duration) error {
	return status.Errorf(codes.Unavailable, "the adapter does not answer; next try in %s", rest.Round(time.Millisecond))
}

// unary makes one call with one answer.
func unary[Req, Resp any](
	ctx context.Context, b *Backend, method string,
	rpc func(adapterv1.AdapterServiceClient, context.Context, *Req, ...grpc.CallOption) (*Resp, error), req *Req,
) (*Resp, error) {
	limited, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	call, err := b.conn.begin(limited)
	if err != nil {
		return nil, translate(ctx, b.dataset, method, err)
	}
	resp, err := rpc(call.client, limited, req)
	call.end(ctx, err)
	if err != nil {
		return nil, translate(ctx, b.dataset, method, err)
	}
	return resp, nil
}
