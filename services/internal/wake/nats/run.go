package nats

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/tandem-sync/tandem/services/internal/wake"
)

const (
	firstWait   = 100 * time.Millisecond // between two rounds over all servers, at first
	longestWait = 3 * time.Second        // and when NATS stays away; up to half is taken off by chance
	steady      = 10 * time.Second       // a connection that lived for less counts as one more failure
	lastWords   = 500 * time.Millisecond // for the wakes that wait when the bus is closed

	// received bounds the messages of a topic that wait in the client. More are
	// dropped, which merges them: one that waits wakes for all.
	received = 16
)

// run keeps a connection until ctx ends. All calls to the client are made here.
func (b *Bus) run(ctx context.Context) {
	defer close(b.done)
	for round := 0; ctx.Err() == nil; round++ {
		if round > 0 && !pause(ctx, round) {
			return
		}
		l := b.connect(ctx)
		if l == nil {
			continue
		}
		began := time.Now()
		b.serve(ctx, l)
		if time.Since(began) > steady {
			round = 0
		}
	}
}

// pause waits before a round; false when ctx ended.
func pause(ctx context.Context, round int) bool {
	wait := min(firstWait<<min(round-1, 10), longestWait)
	timer := time.NewTimer(wait - rand.N(wait/2))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// connect tries each server once; nil when none takes the process.
func (b *Bus) connect(ctx context.Context) *link {
	type failure struct {
		server string
		err    error
	}
	var failures []failure
	for range b.dialer.servers {
		l, server, err := b.dialer.dial(ctx, b.report.during)
		if err == nil {
			return l
		}
		if ctx.Err() != nil {
			return nil
		}
		failures = append(failures, failure{server, err})
	}
	for _, f := range failures {
		b.report.failed(f.server, f.err)
	}
	return nil
}

// serve carries wakes until the connection is lost or ctx ends.
func (b *Bus) serve(ctx context.Context, l *link) {
	defer l.Close()
	subs := map[wake.Topic]*nats.Subscription{}
	b.exchange(l, subs)
	// A round trip: from here on the server sends what others publish.
	if flush(ctx, l, writeTimeout) == nil && b.report.connected(l) {
		b.local.PublishAll()
	}
	for {
		select {
		case <-b.kick:
			b.exchange(l, subs)
		case <-l.lost:
			b.report.lost(l)
			return
		case <-ctx.Done():
			b.exchange(l, subs)
			_ = flush(context.WithoutCancel(ctx), l, lastWords)
			return
		}
	}
}

// flush waits until the server has taken all that was sent.
func flush(ctx context.Context, l *link, longest time.Duration) error {
	ctx, end := context.WithTimeout(ctx, longest)
	defer end()
	return l.FlushWithContext(ctx)
}

// exchange brings the subscriptions up to date and sends what waits.
func (b *Bus) exchange(l *link, subs map[wake.Topic]*nats.Subscription) {
	added, ended, out := take(b, subs)
	for _, t := range added {
		sub, err := l.Subscribe(b.subject(t), func(*nats.Msg) { b.local.Publish(t) })
		if err != nil {
			b.report.during(err)
			continue
		}
		_ = sub.SetPendingLimits(received, -1) // fails on a closed connection only
		subs[t] = sub
	}
	for _, t := range ended {
		_ = subs[t].Unsubscribe()
		delete(subs, t)
	}
	for _, t := range out {
		if err := l.Publish(b.subject(t), nil); err != nil {
			b.report.during(err)
		}
	}
}
