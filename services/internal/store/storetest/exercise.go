package storetest

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// Options are what the tests ask of a store that they open.
type Options struct {
	Clock    clock.Clock
	QueueTTL time.Duration // how long done messages are kept
	AliasTTL time.Duration // how long uid mappings are kept
}

// Harness is a fresh store for one test.
type Harness struct {
	Store store.Store
	// Reopen closes the store and opens the same data again. nil when the engine
	// keeps nothing beyond Close; tests of restarts are skipped then.
	Reopen func(t *testing.T) store.Store
	// Expire brings about what the engine's database does by itself when things
	// outlive their time. nil: Store.Purge does it.
	Expire func(t *testing.T)
	// Many, if positive, is how much the tests of large batches take where the engine's
	// database is slow for a reason that has nothing to do with the engine.
	Many int
	// Except names tests ("Changes/resend of a done change") that the engine can't
	// pass, with the reason.
	Except map[string]string
}

// Clock is a clock that only moves when told.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock starts at an arbitrary moment in whole milliseconds.
func NewClock() *Clock {
	return &Clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
}

// Now tells the time; it is a clock.Clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the hands.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

const (
	queueTTL = 24 * time.Hour
	aliasTTL = 30 * 24 * time.Hour
)

// test is one promise of the store.
type test struct {
	name string
	run  func(k *kit)
}

// Exercise runs the whole suite. open gives a fresh, empty store to each test and
// closes it in t.Cleanup.
func Exercise(t *testing.T, open func(t *testing.T, opts Options) Harness) {
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"Changes", changesTests},
		{"Order", orderTests},
		{"Finish", finishTests},
		{"Resend", resendTests},
		{"UIDs", uidTests},
		{"Acks", acksTests},
		{"Jobs", jobsTests},
		{"Clients", clientsTests},
		{"Schedule", scheduleTests},
		{"Wish", wishTests},
		{"Runs", runsTests},
		{"Records", recordsTests},
		{"Leases", leasesTests},
		{"ChangeLog", changeLogTests},
		{"Odd", oddTests},
		{"Life", lifeTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, one := range group.tests {
				t.Run(one.name, func(t *testing.T) {
					t.Parallel()
					hands := NewClock()
					h := open(t, Options{Clock: hands.Now, QueueTTL: queueTTL, AliasTTL: aliasTTL})
					for name, reason := range h.Except {
						if strings.HasSuffix(t.Name(), "/"+strings.ReplaceAll(name, " ", "_")) {
							t.Skip("exception of the engine: " + reason)
						}
					}
					one.run(&kit{T: t, Store: h.Store, ctx: t.Context(), clock: hands, harness: h})
				})
			}
		})
	}
}
