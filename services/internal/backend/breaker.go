package backend

import (
	"log/slog"
	"sync"
	"time"

	"github.com/tandem-sync/tandem/services/internal/clock"
)

// verdict is what a call tells of its adapter.
type verdict int

const (
	silent verdict = iota // nothing: the caller gave up
	alive                 // it answered, be it with an error
	down                  // it is not there, or says "not now"
)

// breaker keeps callers away from an adapter that does not answer. After limit
// failures in a row it is open for a pause; then one call goes through as a
// probe, and its outcome closes the breaker or starts another pause.
type breaker struct {
	limit int
	pause time.Duration
	now   clock.Clock
	log   *slog.Logger

	mu       sync.Mutex
	failures int
	open     bool
	until    time.Time
	probing  bool
}

// rest is how long the breaker stays open; 0 when a call may try. It changes nothing.
func (b *breaker) rest() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.restLocked()
}

func (b *breaker) restLocked() time.Duration {
	if !b.open {
		return 0
	}
	rest := b.until.Sub(b.now())
	if rest <= 0 && b.probing {
		rest = time.Millisecond // until the probe is back
	}
	return max(rest, 0)
}

// enter asks to make a call. Where rest is 0 the call may go, and its verdict is
// to be handed to leave together with probe.
func (b *breaker) enter() (probe bool, rest time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if rest := b.restLocked(); rest > 0 {
		return false, rest
	}
	b.probing = b.open
	return b.open, 0
}

// leave takes the verdict of a call.
func (b *breaker) leave(probe bool, v verdict, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe {
		b.probing = false
	}
	switch {
	case v == alive:
		if b.open {
			b.log.Info("adapter answers again")
		}
		b.open, b.failures = false, 0
	case v == down && b.open:
		if probe {
			b.until = b.now().Add(b.pause)
		}
	case v == down:
		if b.failures++; b.failures < b.limit {
			return
		}
		b.open, b.until = true, b.now().Add(b.pause)
		b.log.Warn("adapter does not answer; its calls fail at once until it does",
			"failures", b.failures, "retry_every", b.pause.String(), "cause", why)
	}
}
