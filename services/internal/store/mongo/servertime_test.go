package mongo

import (
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/test/mongotest"
)

func TestOffset(t *testing.T) {
	for _, tc := range []struct{ ahead, took, want time.Duration }{
		{0, 0, 0},
		{3 * time.Millisecond, 5 * time.Millisecond, 0},                     // the answer was on its way
		{400 * time.Millisecond, 900 * time.Millisecond, 0},                 // slow, and nothing speaks against our clock
		{-time.Millisecond, 0, 0},                                           // cut to milliseconds
		{5 * time.Minute, 10 * time.Millisecond, 299990 * time.Millisecond}, // we are late
		{-5 * time.Minute, 10 * time.Millisecond, -299999 * time.Millisecond},
	} {
		if got := (sample{tc.ahead, tc.took}).offset(); got != tc.want {
			t.Errorf("%v ahead, took %v: %v, want %v", tc.ahead, tc.took, got, tc.want)
		}
	}
}

// Processes whose machines disagree about the time agree about that of the cluster.
func TestNowIsTheServers(t *testing.T) {
	uri, name := mongotest.Database(t)
	var times []time.Time
	for _, off := range []time.Duration{0, 5 * time.Minute, -5 * time.Minute} {
		s := open(t, Options{URI: uri, Database: name, Local: func() time.Time { return clock.System().Add(off) }})
		times = append(times, s.Now())
	}
	for _, at := range times[1:] {
		if d := at.Sub(times[0]).Abs(); d > time.Minute {
			t.Errorf("two processes are %v apart: %v", d, times)
		}
	}
}
