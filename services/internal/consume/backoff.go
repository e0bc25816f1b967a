package consume

import (
	"fmt"
	"time"
)

// Strategy is how the pause between empty polls grows.
type Strategy string

// The documented strategies (protocol section 7).
const (
	Exponential Strategy = "exp"
	Fibonacci   Strategy = "fib"
	None        Strategy = "none"
)

// Backoff is the pause between polls that find nothing: it starts at Min and
// grows to Max. With None it stays at Min.
type Backoff struct {
	Strategy Strategy
	Min, Max time.Duration

	cur, prev time.Duration
}

// Validate names what is wrong with the settings, nil when nothing is.
func (b Backoff) Validate() error {
	switch b.Strategy {
	case Exponential, Fibonacci, None:
		return nil
	}
	return fmt.Errorf("backoff strategy %q: must be exp, fib or none", b.Strategy)
}

// Next returns the pause before the next poll.
func (b *Backoff) Next() time.Duration {
	if b.cur == 0 {
		b.prev, b.cur = 0, max(b.Min, time.Microsecond)
		return min(b.cur, b.limit())
	}
	switch b.Strategy {
	case Exponential:
		b.prev, b.cur = b.cur, b.cur*2
	case Fibonacci:
		b.prev, b.cur = b.cur, b.cur+max(b.prev, b.Min)
	case None:
	}
	b.cur = min(b.cur, b.limit())
	return b.cur
}

// Reset makes the next pause the shortest again: a message was found.
func (b *Backoff) Reset() { b.cur, b.prev = 0, 0 }

func (b *Backoff) limit() time.Duration { return max(b.Max, b.Min, time.Microsecond) }
