package nats

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	dialTimeout  = 2 * time.Second  // for the connection, and again for the login
	writeTimeout = 5 * time.Second  // until a peer that takes nothing is given up
	pingInterval = 10 * time.Second // two pings without an answer end a connection
)

// dialer makes one connection at a time, to one server after the other. The client's
// own reconnecting is off: it tells of some failures only, and it holds the
// connection's lock while it dials, so that publishing and closing would wait.
type dialer struct {
	servers []string
	options func() ([]nats.Option, error)
	next    int
	why     error // what the network said to the last attempt
}

// link is one connection from login to loss.
type link struct {
	*nats.Conn
	server string        // for the log
	lost   chan struct{} // closed when it is no more
}

// dial tries the next server; the name is for the log.
func (d *dialer) dial(ctx context.Context, onError func(error)) (*link, string, error) {
	url := d.servers[d.next%len(d.servers)]
	d.next++
	server := hostOf(url)
	more, err := d.options()
	if err != nil {
		return nil, server, &settingError{err}
	}
	l := &link{server: server, lost: make(chan struct{})}
	options := nats.GetDefaultOptions()
	options.Servers = []string{url}
	options.AllowReconnect = false
	options.IgnoreDiscoveredServers = true
	options.NoEcho = true // this process has woken itself
	options.SkipHostLookup = true
	options.Timeout = dialTimeout
	options.FlusherTimeout = writeTimeout
	options.PingInterval = pingInterval
	options.MaxPingsOut = 2
	options.CustomDialer = attempt{ctx, d}
	options.ClosedCB = func(*nats.Conn) { close(l.lost) }
	options.AsyncErrorCB = func(_ *nats.Conn, _ *nats.Subscription, err error) { onError(err) }
	for _, option := range more {
		if err := option(&options); err != nil {
			return nil, server, &settingError{err}
		}
	}
	l.Conn, err = options.Connect()
	if errors.Is(err, nats.ErrNoServers) && d.why != nil {
		err = d.why // the client does not tell
	}
	return l, server, err
}

// attempt is a dialer that ctx ends.
type attempt struct {
	ctx context.Context
	*dialer
}

// Dial implements nats.CustomDialer.
func (a attempt) Dial(network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: dialTimeout}).DialContext(a.ctx, network, address)
	a.why = err
	return conn, err
}

// settingError is a file that was readable at the start and is no more.
type settingError struct{ error }

func (e *settingError) Unwrap() error { return e.error }
