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

// conn is one adapter: its connection and what protects it.
type conn struct {
	client  adapterv1.AdapterServiceClient
	close   func() error
	slots   chan struct{} // one per call under way
	breaker *breaker
	about   description
}

// call is one call under way. It ends with end, exactly once.
type call struct {
	conn  *conn
	probe bool
	done  bool // the verdict is given
}

// begin waits for a free slot and asks the breaker. Its errors are gRPC statuses.
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
	rpc func(context.Context, *Req, ...grpc.CallOption) (*Resp, error), req *Req,
) (*Resp, error) {
	limited, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	call, err := b.conn.begin(limited)
	if err != nil {
		return nil, translate(ctx, b.dataset, method, err)
	}
	resp, err := rpc(limited, req)
	call.end(ctx, err)
	if err != nil {
		return nil, translate(ctx, b.dataset, method, err)
	}
	return resp, nil
}
