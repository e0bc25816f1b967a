package intercept

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"

	interceptorv1 "github.com/tandem-sync/tandem/proto/interceptor/v1"
	"github.com/tandem-sync/tandem/services/internal/backend"
	"github.com/tandem-sync/tandem/services/internal/datasets"
	"github.com/tandem-sync/tandem/services/internal/endpoint"
	"github.com/tandem-sync/tandem/services/internal/wire"
)

// Options is what a Client is made of.
type Options struct {
	// For gives the interceptors of a dataset, in the order in which they are asked. It is
	// asked at each request.
	For func(dataset string) []datasets.Interceptor
	Log *slog.Logger // default slog.Default
	// Dial makes a connection; default backend.DialEndpoint, which is plain text for
	// endpoints that say nothing else.
	Dial func(e endpoint.Endpoint) (*grpc.ClientConn, error)
}

// Client asks interceptors. It is for concurrent use.
type Client struct {
	opts   Options
	pool   *endpoint.Pool
	health health
}

// New makes a client. It opens no connection: the first request does.
func New(o Options) *Client {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Dial == nil {
		o.Dial = func(e endpoint.Endpoint) (*grpc.ClientConn, error) { return backend.DialEndpoint(e) }
	}
	return &Client{opts: o, pool: endpoint.NewPool(o.Dial), health: health{log: o.Log, down: map[string]bool{}}}
}

// Retain names the interceptors that are in use from now on. Connections to others
// close when the calls over them have ended.
func (c *Client) Retain(used []endpoint.Endpoint) { c.pool.Retain(used) }

// Close closes all connections.
func (c *Client) Close() error { return c.pool.Close() }

// Request asks the interceptors whether a request may go on, and makes their changes
// to its QueryParams and MetaData. Errors: a *wire.Error for a refusal, an
// *AwayError where one gave no answer, that of ctx.
func (c *Client) Request(ctx context.Context, dataset string, req *wire.Request) error {
	return c.each(ctx, dataset, func(ctx context.Context, service interceptorv1.InterceptorServiceClient) error {
		resp, err := service.InterceptRequest(ctx, &interceptorv1.InterceptRequestRequest{Call: call(dataset, req)})
		if err != nil {
			return err
		}
		if resp.GetRefusal() != nil {
			return refused(resp.GetRefusal())
		}
		query, err := replaced("query_params", req.QueryParams, resp.GetQueryParams())
		if err != nil {
			return err
		}
		meta, err := replaced("meta_data", req.MetaData, resp.GetMetaData())
		if err != nil {
			return err
		}
		req.QueryParams, req.MetaData = query, meta
		return nil
	})
}

// Response asks the interceptors whether an answer may be sent. Errors as Request.
func (c *Client) Response(ctx context.Context, dataset string, req *wire.Request, answer wire.Summary) error {
	return c.each(ctx, dataset, func(ctx context.Context, service interceptorv1.InterceptorServiceClient) error {
		resp, err := service.InterceptResponse(ctx, &interceptorv1.InterceptResponseRequest{
			Call: call(dataset, req), Summary: summary(answer),
		})
		if err == nil && resp.GetRefusal() != nil {
			return refused(resp.GetRefusal())
		}
		return err
	})
}

// each asks one interceptor of a dataset after the other, until one refuses.
func (c *Client) each(ctx context.Context, dataset string, ask func(context.Context, interceptorv1.InterceptorServiceClient) error) error {
	for _, i := range c.opts.For(dataset) {
		err := c.ask(ctx, i, ask)
		var no *wire.Error
		if err == nil || errors.As(err, &no) {
			c.health.answers(i.Endpoint.Address)
			if err != nil {
				return err
			}
			continue
		}
		if ctx.Err() != nil {
			return fmt.Errorf("interceptor %s of dataset %s: %w", i.Endpoint.Address, dataset, ctx.Err())
		}
		c.health.fails(i, err)
		if !i.AllowOnFailure {
			return &AwayError{Dataset: dataset, Address: i.Endpoint.Address, Err: err}
		}
	}
	return nil
}

func (c *Client) ask(ctx context.Context, i datasets.Interceptor, ask func(context.Context, interceptorv1.InterceptorServiceClient) error) error {
	cc, release, err := c.pool.Acquire(i.Endpoint)
	if err != nil {
		return err
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, i.Timeout)
	defer cancel()
	return ask(ctx, interceptorv1.NewInterceptorServiceClient(cc))
}

// AwayError is an interceptor that gave no answer, or none that makes sense.
type AwayError struct {
	Dataset, Address string
	Err              error
}

// Error is for the log.
func (e *AwayError) Error() string {
	return fmt.Sprintf("interceptor %s of dataset %s gave no answer: %v", e.Address, e.Dataset, e.Err)
}

// Unwrap gives the gRPC status, or what was wrong with the answer.
func (e *AwayError) Unwrap() error { return e.Err }

// Unavailable is for the device: it does not tell where the interceptor is.
func (e *AwayError) Unavailable() string {
	return fmt.Sprintf("the interceptor of dataset %s gave no answer; try again later", e.Dataset)
}

func refused(r *interceptorv1.Refusal) error {
	code := int(r.GetStatus())
	if code < 400 || code > 499 {
		code = http.StatusForbidden
	}
	msg := r.GetMessage()
	if msg == "" {
		msg = "refused by the interceptor"
	}
	return &wire.Error{Status: code, Msg: msg}
}

// reason is a failure in words, without gRPC's prefix.
func reason(err error) string {
	if s, ok := status.FromError(err); ok {
		return s.Code().String() + ": " + s.Message()
	}
	return err.Error()
}
