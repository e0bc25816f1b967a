package backend

import (
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"

	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/internal/endpoint"
)

// Options configure a Router. A zero value of a number or time means its default.
type Options struct {
	// Default serves the datasets that Endpoints does not name. Without it they are refused.
	// The Router does not close it.
	Default grpc.ClientConnInterface
	// DefaultAddress is used where Default is nil; host:port or a gRPC target.
	DefaultAddress string
	// Endpoints gives where a dataset's adapter is; without Address it is the default.
	// It is asked at each For and may change its mind. nil: all have the default.
	Endpoints func(dataset string) endpoint.Endpoint
	// Dial makes the connection to an address, once; default Dial (plain text).
	Dial func(address string) (*grpc.ClientConn, error)
	// DialEndpoint makes the connection to an endpoint with security of its own, once;
	// default DialEndpoint.
	DialEndpoint func(e endpoint.Endpoint) (*grpc.ClientConn, error)

	CallTimeout   time.Duration // of every call but List; default 30 s
	ListTimeout   time.Duration // of a List whose context has no deadline; default 5 min
	MaxConcurrent int           // calls at once per adapter, the others wait; default 64
	BreakAfter    int           // failures in a row after which an adapter is left alone; default 5
	BreakPause    time.Duration // how long, before one call may try; default 5 s

	Logger *slog.Logger // default slog.Default
	Now    clock.Clock  // default clock.System
}

// Router knows the adapter of each dataset. It is for concurrent use.
type Router struct {
	o Options

	pool *endpoint.Pool

	mu       sync.Mutex
	closed   bool
	adapters map[string]*conn // by address, for good; "" is Options.Default
}

// New makes a router. It opens no connection: the first call to an adapter does.
func New(o Options) *Router {
	orDefault(&o.CallTimeout, 30*time.Second)
	orDefault(&o.ListTimeout, 5*time.Minute)
	orDefault(&o.MaxConcurrent, 64)
	orDefault(&o.BreakAfter, 5)
	orDefault(&o.BreakPause, 5*time.Second)
	if o.Dial == nil {
		o.Dial = func(address string) (*grpc.ClientConn, error) { return Dial(address) }
	}
	if o.DialEndpoint == nil {
		o.DialEndpoint = func(e endpoint.Endpoint) (*grpc.ClientConn, error) { return DialEndpoint(e) }
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = clock.System
	}
	pool := endpoint.NewPool(func(e endpoint.Endpoint) (*grpc.ClientConn, error) {
		if e.Security == nil {
			return o.Dial(e.Address)
		}
		return o.DialEndpoint(e)
	})
	return &Router{o: o, pool: pool, adapters: map[string]*conn{}}
}

// For returns the backend of a dataset. Where there is none the error is of the
// kind Refused.
func (r *Router) For(dataset string) (*Backend, error) {
	c, err := r.conn(dataset)
	if err != nil {
		return nil, &Error{Kind: Refused, Dataset: dataset, Method: "route", Msg: err.Error(), cause: []error{err}}
	}
	return &Backend{dataset: dataset, conn: c, timeout: r.o.CallTimeout, listTimeout: r.o.ListTimeout}, nil
}

// conn finds the way to a dataset's adapter, and makes sure that it is one.
func (r *Router) conn(dataset string) (link, error) {
	e := r.endpoint(dataset)
	if e.Address == "" && r.o.Default == nil {
		return link{}, fmt.Errorf("no backend is configured for dataset %s", dataset)
	}
	c, err := r.adapter(e.Address)
	if err != nil {
		return link{}, err
	}
	if e.Address == "" {
		return link{c, func() (grpc.ClientConnInterface, func(), error) { return r.o.Default, func() {}, nil }}, nil
	}
	connect := func() (grpc.ClientConnInterface, func(), error) {
		cc, release, err := r.pool.Acquire(e)
		return cc, release, err
	}
	_, release, err := connect()
	if err != nil {
		return link{}, fmt.Errorf("backend of dataset %s: address %q: %w", dataset, e.Address, err)
	}
	release()
	return link{c, connect}, nil
}

func (r *Router) endpoint(dataset string) endpoint.Endpoint {
	var e endpoint.Endpoint
	if r.o.Endpoints != nil {
		e = r.o.Endpoints(dataset)
	}
	if e.Address == "" && r.o.Default == nil {
		e = endpoint.Endpoint{Address: r.o.DefaultAddress}
	}
	return e
}

// adapter is what is known of the adapter at an address.
func (r *Router) adapter(address string) (*conn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, endpoint.ErrClosed
	}
	c, ok := r.adapters[address]
	if !ok {
		c = r.newConn(address)
		r.adapters[address] = c
	}
	return c, nil
}

func (r *Router) newConn(address string) *conn {
	name := address
	if name == "" {
		name = "default"
	}
	return &conn{
		slots: make(chan struct{}, r.o.MaxConcurrent),
		breaker: &breaker{
			limit: r.o.BreakAfter, pause: r.o.BreakPause,
			now: r.o.Now, log: r.o.Logger.With("adapter", name),
		},
	}
}

// Retain names the adapters that datasets have from now on, beside the default one.
// Connections to others close when the calls over them have ended.
func (r *Router) Retain(used []endpoint.Endpoint) {
	if r.o.Default == nil && r.o.DefaultAddress != "" {
		used = append(slices.Clone(used), endpoint.Endpoint{Address: r.o.DefaultAddress})
	}
	r.pool.Retain(used)
}

// Close closes the connections that the Router made. Calls under way end with
// the kind NotNow.
func (r *Router) Close() error {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	return r.pool.Close()
}

func orDefault[T comparable](p *T, value T) {
	var zero T
	if *p == zero {
		*p = value
	}
}
