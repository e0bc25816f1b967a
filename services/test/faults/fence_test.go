package faults

import (
	"slices"
	"sync"
	"time"

	"github.com/tandem-sync/tandem/services/test/fleet"
)

// trap holds a call to the team's adapter, and the next one that repeats it.
type trap struct {
	methods []string
	fails   bool // the first call answers that it failed, and has done nothing

	first, second    chan struct{} // closed when the call has come
	release, through chan struct{} // to be closed to let it go on

	mu    sync.Mutex
	key   string
	calls int
}

func newTrap(fails bool, methods ...string) *trap {
	return &trap{methods: methods, fails: fails, first: make(chan struct{}), second: make(chan struct{}),
		release: make(chan struct{}), through: make(chan struct{})}
}

// meet does a call that is caught.
func (p *trap) meet(method, key string, do func() error) (err error, caught bool) { //nolint:revive,staticcheck // as in a map look-up
	p.mu.Lock()
	caught = slices.Contains(p.methods, method) && p.calls < 2 && (p.calls == 0 || key == p.key)
	if caught {
		p.key = key
		p.calls++
	}
	call := p.calls
	p.mu.Unlock()
	switch {
	case !caught:
		return nil, false
	case call == 1:
		close(p.first)
		expire(p.release)
		if p.fails {
			return errBadDay, true
		}
	default:
		close(p.second)
		expire(p.through)
	}
	return do(), true
}

// expire waits for c, but not for ever.
func expire(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	case <-time.After(patience):
		return false
	}
}

// fence lets a worker call the team's adapter, pauses it before it gets the answer,
// and has it go on while another one does the same work again. What it has to say
// then must be refused. fails: the answer is that the call failed, which would be
// wrong once the other worker has succeeded.
func fence(role string, fails bool, methods ...string) fault {
	return fault{name: role + " goes on after another took over", begin: func(w *world) func() {
		all := w.c.Role(role)
		if w.mixing || w.busy[all[0]] || w.busy[all[1]] {
			return nil
		}
		paused, other := all[0], all[1]
		other.Kill()
		w.rest(500 * time.Millisecond) // what it had sent has arrived, and is not taken for the other's
		before := paused.Said(lostClaim)
		t := newTrap(fails, methods...)
		w.team.set(well)
		w.team.catch(t)
		if !expire(t.first) {
			w.Fatalf("%s makes no call", paused.Name)
		}
		paused.Pause()
		close(t.release)
		other.Restart()
		if !expire(t.second) {
			w.Fatalf("%s is paused, and %s does not take over", paused.Name, other.Name)
		}
		paused.Resume()
		fleet.Wait(w, patience, paused.Name+" does not notice that it lost its claim", func() bool { return paused.Said(lostClaim) > before })
		close(t.through)
		w.team.catch(nil)
		return func() {}
	}}
}

// lostClaim is what a worker says whose claim or sync run was refused.
const lostClaim = "lost the claim"

// catch sets a trap; nil: none.
func (a *teamAdapter) catch(t *trap) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.trap = t
}
