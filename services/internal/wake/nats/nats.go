// Package nats carries wakes over NATS: an embedded server inside `tandem all`
// (Embedded), or the cluster's (Connect). It imports nothing of the roles and keeps
// nothing.
//
// A publisher wakes its own process directly and the others through NATS. Publish
// and Subscribe only note what is wanted; one goroutine (run.go) owns the connection
// and does it, so that no caller ever waits for the network. What is noted is a set
// of topics: a burst, or hours without NATS, cost no more memory than one wake each.
//
// NATS may be away at any time. The bus says so once, goes on within its process,
// and once NATS is back sends what waits and wakes every subscriber, since it may
// have missed something.
package nats

import (
	"context"
	"slices"
	"sync"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/tandem-sync/tandem/services/internal/wake"
)

// waiting bounds the topics that wait to be sent. Wakes beyond it are lost, which
// they may be; it is far above the number of topics that there are.
const waiting = 1024

// Bus is a wake.Bus over NATS.
type Bus struct {
	local  *wake.Local
	prefix string
	dialer *dialer
	report *report
	server *server.Server // nil unless embedded

	mu     sync.Mutex
	wanted map[wake.Topic]int // subscribers in this process
	out    []wake.Topic       // to be sent, each topic once, in order

	kick chan struct{} // something of the above has changed
	end  context.CancelFunc
	done chan struct{} // closed when the connection's goroutine has ended
}

func start(d *dialer, r *report, prefix string) *Bus {
	ctx, end := context.WithCancel(context.Background())
	b := &Bus{
		local: wake.NewLocal(), prefix: prefix, dialer: d, report: r,
		wanted: map[wake.Topic]int{}, kick: make(chan struct{}, 1), end: end, done: make(chan struct{}),
	}
	go b.run(ctx)
	return b
}

// subject of a topic. The prefix keeps installations apart that share a server.
func (b *Bus) subject(t wake.Topic) string { return b.prefix + "." + string(t) }

// Publish wakes the subscribers of a topic: those of this process at once, the
// others when NATS has it. While NATS is away one wake of each topic waits.
func (b *Bus) Publish(t wake.Topic) {
	b.local.Publish(t)
	b.mu.Lock()
	if len(b.out) < waiting && !slices.Contains(b.out, t) {
		b.out = append(b.out, t)
	}
	b.mu.Unlock()
	wake.Signal(b.kick)
}

// Subscribe returns a channel of merged wakes, and a function that ends it. It also
// wakes after a time without NATS.
func (b *Bus) Subscribe(t wake.Topic) (<-chan struct{}, func()) {
	ch, end := b.local.Subscribe(t)
	b.want(t, 1)
	return ch, sync.OnceFunc(func() {
		end()
		b.want(t, -1)
	})
}

func (b *Bus) want(t wake.Topic, change int) {
	b.mu.Lock()
	b.wanted[t] += change
	if b.wanted[t] == 0 {
		delete(b.wanted, t)
	}
	b.mu.Unlock()
	wake.Signal(b.kick)
}

// take tells which topics to subscribe to and to leave, and hands out what waits.
func take[S any](b *Bus, subs map[wake.Topic]S) (added, ended, out []wake.Topic) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for t := range b.wanted {
		if _, ok := subs[t]; !ok {
			added = append(added, t)
		}
	}
	for t := range subs {
		if b.wanted[t] == 0 {
			ended = append(ended, t)
		}
	}
	out, b.out = b.out, nil
	return added, ended, out
}

// Close sends what waits if NATS is there, and ends the connection and the embedded
// server. A server that does not answer costs two seconds at most.
func (b *Bus) Close() {
	b.end()
	<-b.done
	if b.server != nil {
		b.server.Shutdown()
		b.server.WaitForShutdown()
	}
}
