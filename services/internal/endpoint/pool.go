package endpoint

import (
	"errors"
	"sync"

	"google.golang.org/grpc"
)

// Pool shares connections. It is for concurrent use. Make it with NewPool.
type Pool struct {
	dial func(Endpoint) (*grpc.ClientConn, error)

	mu     sync.Mutex
	conns  map[string]*pooled
	wanted map[string]bool // nil: all
	closed bool
}

type pooled struct {
	cc   *grpc.ClientConn
	uses int
}

// ErrClosed is what a pool that was closed answers.
var ErrClosed = errors.New("closing")

// NewPool makes an empty pool. dial makes a connection; it need not connect yet.
func NewPool(dial func(Endpoint) (*grpc.ClientConn, error)) *Pool {
	return &Pool{dial: dial, conns: map[string]*pooled{}}
}

// Acquire gives the connection to an endpoint, made where there is none. release
// is to be called once, when the call over it has ended. Errors: ErrClosed, and
// those of dial.
func (p *Pool) Acquire(e Endpoint) (cc *grpc.ClientConn, release func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, nil, ErrClosed
	}
	key := e.Key()
	c, ok := p.conns[key]
	if !ok {
		cc, err := p.dial(e)
		if err != nil {
			return nil, nil, err
		}
		c = &pooled{cc: cc}
		p.conns[key] = c
	}
	c.uses++
	return c.cc, func() { p.release(key, c) }, nil
}

func (p *Pool) release(key string, c *pooled) {
	p.mu.Lock()
	c.uses--
	idle := c.uses == 0 && p.wanted != nil && !p.wanted[key] && !p.closed
	if idle {
		delete(p.conns, key)
	}
	p.mu.Unlock()
	if idle {
		_ = c.cc.Close() // fails only where it is closed already
	}
}

// Retain names the endpoints that are in use from now on. Connections to others
// close when the calls over them have ended. One who still holds on to another
// endpoint can call it all the same, over a connection for that call.
func (p *Pool) Retain(used []Endpoint) {
	wanted := make(map[string]bool, len(used))
	for _, e := range used {
		wanted[e.Key()] = true
	}
	p.mu.Lock()
	p.wanted = wanted
	var idle []*pooled
	for key, c := range p.conns {
		if c.uses == 0 && !wanted[key] {
			delete(p.conns, key)
			idle = append(idle, c)
		}
	}
	p.mu.Unlock()
	for _, c := range idle {
		_ = c.cc.Close() // as in release
	}
}

// Close closes all connections; calls under way end with an error.
func (p *Pool) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	var errs []error
	for _, c := range p.conns {
		errs = append(errs, c.cc.Close())
	}
	clear(p.conns)
	return errors.Join(errs...)
}
