package faults

import (
	"strings"
	"time"

	"github.com/tandem-sync/tandem/services/test/cluster"
)

// kill is `kill -9` of one process of a role, and its restart after a while.
func kill(role string, lasts time.Duration) fault {
	return fault{name: "kill -9 " + role, lasts: lasts, begin: func(w *world) func() {
		p := w.free(role)
		if p == nil {
			return nil
		}
		return w.kill(p)
	}}
}

func (w *world) kill(p *cluster.Process) (end func()) {
	w.busy[p] = true
	p.Kill()
	return func() {
		ready := p.Launch()
		w.later = append(w.later, func() { p.Await(ready) }) // what it needs may still be away
		delete(w.busy, p)
	}
}

// pause is SIGSTOP of one process of a role, and SIGCONT after a while: it goes on
// in the middle of what it did, and does not know that others have taken over. The
// team's adapter is slow meanwhile, so that workers have something in hand.
func pause(role string, lasts time.Duration) fault {
	return fault{name: "SIGSTOP " + role, lasts: lasts, begin: func(w *world) func() {
		p := w.free(role)
		if role == "scheduler" {
			p = w.holder()
		}
		if p == nil || w.busy[p] {
			return nil
		}
		w.busy[p] = true
		busy := w.team.be(slow)
		w.rest(500 * time.Millisecond)
		p.Pause()
		busy()
		return func() {
			p.Resume()
			delete(w.busy, p)
		}
	}}
}

// skew is how far a clock is wrong.
const skew = 5 * time.Minute

// wrongClocks are five minutes fast or slow, every second one.
func wrongClocks(process string) []string {
	sign := "-"
	if strings.HasSuffix(process, "1") {
		sign = ""
	}
	return []string{"TANDEM_TEST_CLOCK_OFFSET=" + sign + skew.String()}
}

// clocks restarts every process, in order, with a clock that is wrong.
func clocks() fault {
	return fault{name: "clocks five minutes fast and slow", lasts: 5 * time.Second, begin: func(w *world) func() {
		for _, p := range w.c.All() {
			p.Stop()
			name, value, _ := strings.Cut(wrongClocks(p.Name)[0], "=")
			p.Env(name, value)
			p.Restart()
		}
		return func() {} // and so they stay
	}}
}
