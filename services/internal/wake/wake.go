// Package wake is the port for "look now" messages between roles.
//
// A wake carries no data and may be lost: every consumer also polls. It makes a
// change reach its worker, and other devices, at once instead of at the next poll.
// Publishing never blocks and never fails the work that it follows.
//
// Which bus: Local inside one process, nats.Embedded in `tandem all`, nats.Connect
// in a cluster with NATS, ThisProcess in a cluster without. They all pass one suite
// (wake_test.go); a role cannot tell them apart but by how soon it is woken.
package wake

import (
	"log/slog"
	"sync"
)

// Topic says who should look: letters and digits, with dots between.
type Topic string

// The topics.
const (
	Pending  Topic = "pending"  // changes were queued
	Ack      Topic = "ack"      // acknowledgements were queued
	Sync     Topic = "sync"     // sync runs were queued
	Schedule Topic = "schedule" // a dataset client became due
)

// Bus carries wakes.
type Bus interface {
	// Publish wakes the subscribers of a topic, in every process.
	Publish(Topic)
	// Subscribe returns a channel that receives when the topic was published since
	// the last receive (wakes in between are merged), and a function that ends it.
	// It may also receive when nothing was published: after a time in which wakes
	// may have been missed.
	Subscribe(Topic) (<-chan struct{}, func())
	// Close ends the bus; other calls are harmless from then on.
	Close()
}

// ThisProcess returns the bus of a process that belongs to a cluster without NATS,
// and says in the log what that means.
func ThisProcess(log *slog.Logger) *Local {
	log.Info("no NATS is configured (natsUrl): wakes reach this process only, other processes find new work by polling")
	return NewLocal()
}

// Local is a Bus within one process.
type Local struct {
	mu   sync.Mutex
	subs map[Topic]map[chan struct{}]struct{}
}

// NewLocal returns an empty bus.
func NewLocal() *Local { return &Local{subs: map[Topic]map[chan struct{}]struct{}{}} }

// Publish wakes the subscribers of a topic.
func (l *Local) Publish(t Topic) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ch := range l.subs[t] {
		Signal(ch)
	}
}

// PublishAll wakes the subscribers of every topic.
func (l *Local) PublishAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, subs := range l.subs {
		for ch := range subs {
			Signal(ch)
		}
	}
}

// Subscribe returns a channel of merged wakes, and a function that ends it.
func (l *Local) Subscribe(t Topic) (<-chan struct{}, func()) {
	ch := make(chan struct{}, 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.subs[t] == nil {
		l.subs[t] = map[chan struct{}]struct{}{}
	}
	l.subs[t][ch] = struct{}{}
	return ch, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.subs[t], ch)
		if len(l.subs[t]) == 0 {
			delete(l.subs, t)
		}
	}
}

// Close does nothing.
func (l *Local) Close() {}

// Signal puts a wake into a channel of capacity 1 unless one waits there already.
func Signal(ch chan<- struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
