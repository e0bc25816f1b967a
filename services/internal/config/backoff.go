package config

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// The backoff strategies: how a wait grows from the worker's interval to Max.
const (
	BackoffExp  = "exp"  // doubles
	BackoffFib  = "fib"  // Fibonacci numbers
	BackoffNone = "none" // stays at the interval
)

// Backoff is how the wait of a worker grows while its queue stays empty. A job
// that is found, or a wake, takes it back to the interval.
type Backoff struct {
	Strategy string        // BackoffExp, BackoffFib or BackoffNone
	Max      time.Duration // the longest wait; has no meaning with BackoffNone
}

// String is the form that flags and the environment take: "exp:60s".
func (b Backoff) String() string {
	if b.Strategy == BackoffNone {
		return b.Strategy
	}
	return b.Strategy + ":" + formatDuration(b.Max)
}

const wantBackoff = "{strategy: exp|fib|none, max: milliseconds} or a text such as exp:60000, exp:60s, none"

func (b Backoff) check() error {
	switch {
	case b.Strategy == BackoffNone:
		return nil
	case b.Strategy != BackoffExp && b.Strategy != BackoffFib:
		return fmt.Errorf("%q is no backoff strategy", b.Strategy)
	case b.Max <= 0:
		return errors.New("max must be above 0")
	}
	return nil
}

// parseBackoff reads "strategy" or "strategy:max"; what is left out stays as in b.
func parseBackoff(b Backoff, text string) (Backoff, error) {
	strategy, longest, found := strings.Cut(text, ":")
	b.Strategy = strings.ToLower(strings.TrimSpace(strategy))
	if found {
		d, err := parseDuration(longest, time.Millisecond)
		if err != nil {
			return b, err
		}
		b.Max = d
	}
	return b, b.check()
}
