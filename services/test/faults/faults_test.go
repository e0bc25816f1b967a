package faults

import (
	"flag"
	"testing"
	"time"
)

var (
	roundsFlag  = flag.Int("faults.rounds", 0, "0: the short test; else how many long rounds: the first is each fault in turn, the others mix them")
	devicesFlag = flag.Int("faults.devices", 15, "how many devices work")
	seedFlag    = flag.Uint64("faults.seed", 1, "decides what users do and which faults come when")
)

// TestFaults does harm, lets all devices come to rest and checks what every one of
// them was told against what is there.
func TestFaults(t *testing.T) {
	if *roundsFlag == 0 {
		w := start(t, *seedFlag, wrongClocks)
		w.short()
		w.finish()
		return
	}
	for round := range *roundsFlag {
		seed := *seedFlag + uint64(round)
		if round == 0 {
			t.Logf("round 1 of %d, seed %d: each fault in turn", *roundsFlag, seed)
			w := start(t, seed, nil)
			w.inTurn()
			w.finish()
			continue
		}
		t.Logf("round %d of %d, seed %d: faults mixed at random", round+1, *roundsFlag, seed)
		w := start(t, seed, wrongClocks)
		w.mixed(12)
		w.finish()
	}
}

// short is each kind of fault once. An ack-worker, whose claims are long, is paused at
// the beginning and goes on behind all that follows.
func (w *world) short() {
	began := time.Now()
	acks := pause("ack-worker", 0)
	end := acks.begin(w)
	w.say("%s, until further notice", acks.name)
	for _, f := range faults(700 * time.Millisecond) {
		w.do(f)
	}
	w.rest(claimWindow + 2*time.Second - time.Since(began))
	end()
	w.say("the paused ack-worker goes on after %v", time.Since(began).Round(time.Second))
	w.recover()
}

// inTurn is each fault by itself, for longer than what it is about.
func (w *world) inTurn() {
	for _, f := range append(faults(3*time.Second),
		pause("sync-worker", claimWindow+3*time.Second), pause("ack-worker", claimWindow+3*time.Second), clocks()) {
		w.do(f)
	}
}

// mixed is n times two or three faults at once.
func (w *world) mixed(n int) {
	all := faults(3 * time.Second)
	for range n {
		var now []fault
		for range 2 + w.rand.IntN(2) {
			now = append(now, all[w.rand.IntN(len(all))])
		}
		w.do(now...)
	}
}
