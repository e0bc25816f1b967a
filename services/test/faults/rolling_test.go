package faults

import (
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/test/cluster"
)

// drainTime is what a process that is to stop is given to finish with what was sent to
// it before nothing new was, as Kubernetes' preStop hook gives it.
const drainTime = 200 * time.Millisecond

// TestRollingUpdate replaces every process of a cluster under load, one at a time,
// by one of the next version, whose data take a migration more, and then by this version
// again. Old and new work side by side, no request fails, and nothing is lost.
func TestRollingUpdate(t *testing.T) {
	w := start(t, *seedFlag, nil)
	next := cluster.NextBinary(t)
	for _, version := range []struct{ name, binary string }{{"the next version", next}, {"this version again", w.c.Binary}} {
		before, _ := w.f.Failed()
		for _, p := range w.c.All() {
			w.c.Drain(p)
			w.rest(drainTime)
			p.Stop()
			p.Use(version.binary)
			p.Restart()
		}
		took := w.recover()
		failed, last := w.f.Failed()
		w.say("every process runs %s; results after %v", version.name, took.Round(10*time.Millisecond))
		if failed != before {
			t.Errorf("%d requests failed on the way to %s, the last: %v", failed-before, version.name, last)
		}
	}
	w.finish()
}
