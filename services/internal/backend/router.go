package backend

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/grpc"

	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
	"github.com/tandem-sync/tandem/services/internal/clock"
)

// Options configure a Router. A zero value of a number or time means its default.
type Options struct {
	// Default serves the datasets that Routes does not name. Without it they are refused.
	// The Router does not close it.
	Default grpc.ClientConnInterface
	// DefaultAddress is used where Default is nil; host:port or a gRPC target.
	DefaultAddress string
	// Routes gives the address of a dataset's adapter, "" for the default. It is
	// asked at each For and may change its mind.
	Routes func(dataset string) (address string)
	// Dial makes the connection to an address, once; default Dial (plain text).
	Dial func(address string) (*grpc.ClientConn, error)

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

	mu     sync.Mutex
	closed bool
	conns  map[string]*conn // by address; "" is Options.Default
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
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Now == nil {
		o.Now = clock.System
	}
	return &Router{o: o, conns: map[string]*conn{}}
}

// RouteMap makes Options.Routes of a map from dataset to address.
func RouteMap(m map[string]string) func(string) string {
	return func(dataset string) string { return m[dataset] }
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

func (r *Router) conn(dataset string) (*conn, error) {
	address := ""
	if r.o.Routes != nil {
		address = r.o.Routes(dataset)
	}
	if address == "" && r.o.Default == nil {
		address = r.o.DefaultAddress
		if address == "" {
			return nil, fmt.Errorf("no backend is configured for dataset %s", dataset)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, errors.New("closing")
	}
	if c, ok := r.conns[address]; ok {
		return c, nil
	}
	c := r.newConn(address)
	if address == "" {
		c.client = adapterv1.NewAdapterServiceClient(r.o.Default)
	} else {
		cc, err := r.o.Dial(address)
		if err != nil {
			return nil, fmt.Errorf("backend of dataset %s: address %q: %w", dataset, address, err)
		}
		c.client, c.close = adapterv1.NewAdapterServiceClient(cc), cc.Close
	}
	r.conns[address] = c
	return c, nil
}

func (r *Router) newConn(address string) *conn {
	name := address
	if name == "" {
		name = "default"
	}
	return &conn{
		close: func() error { return nil },
		slots: make(chan struct{}, r.o.MaxConcurrent),
		breaker: &breaker{
			limit: r.o.BreakAfter, pause: r.o.BreakPause,
			now: r.o.Now, log: r.o.Logger.With("adapter", name),
		},
	}
}

// Close closes the connections that the Router made. Calls under way end with
// the kind NotNow.
func (r *Router) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	var errs []error
	for _, c := range r.conns {
		errs = append(errs, c.close())
	}
	clear(r.conns)
	return errors.Join(errs...)
}

func orDefault[T comparable](p *T, value T) {
	var zero T
	if *p == zero {
		*p = value
	}
}
