package crash

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/test/device"
)

var (
	roundsFlag = flag.Int("crash.rounds", 20, "how often the server is killed")
	seedFlag   = flag.Uint64("crash.seed", 1, "decides what users do and when the server is killed")
)

const fleetSize = 20

// TestKill kills the server under load, lets all devices come to rest and then
// checks what every one of them was told against what is on disk.
func TestKill(t *testing.T) {
	s := build(t)
	s.start()
	f := newFleet(fleetSize, *seedFlag, func() string { return s.url.Load().(string) })
	defer f.stop()
	chance := rand.New(rand.NewPCG(*seedFlag, 0))
	start := time.Now()
	for range *roundsFlag {
		f.await(t, 100+chance.IntN(400))
		<-time.After(time.Duration(chance.IntN(20_000)) * time.Microsecond)
		s.kill()
		s.start()
	}
	t.Logf("killed %d times in %v", *roundsFlag, time.Since(start).Round(time.Millisecond))
	f.settle(t, s)
	f.stop()
	s.stop()
	t.Logf("at rest after %v", time.Since(start).Round(time.Millisecond))
	check(t, s.data, f)
}

// await lets the load run until the server has acknowledged n changes.
func (f *fleet) await(t *testing.T, n int) {
	t.Helper()
	for len(f.acked) > 0 {
		<-f.acked // of the round before
	}
	deadline := time.After(30 * time.Second)
	for i := range n {
		select {
		case <-f.acked:
		case <-deadline:
			t.Fatalf("the server acknowledged %d changes in 30 s", i)
		}
	}
}

// settle lets the users rest and waits until nothing moves: no change is pending,
// and a record made after all that has reached every device, so that each view was
// listed after everything else; then the server's queues are empty.
func (f *fleet) settle(t *testing.T, s *server) {
	t.Helper()
	f.silent.Store(true)
	wait(t, "changes are pending", func() bool {
		for _, w := range f.devices {
			if st := w.look(); st.pending > 0 || st.acks > 0 {
				return false
			}
		}
		return true
	})
	for i := range datasets {
		for _, list := range []string{"a", "b"} {
			f.mark(f.devices[i], list)
		}
	}
	wait(t, "the marks have not reached every device", func() bool {
		for _, w := range f.devices {
			if st := w.look(); st.pending > 0 || st.acks > 0 || w.marks(st) < w.wantMarks() {
				return false
			}
		}
		return true
	})
	wait(t, "messages are queued", func() bool {
		n, err := s.queued()
		if err != nil {
			t.Error(err)
		}
		return err != nil || n == 0
	})
}

// mark makes a record by which a sync run is known.
func (f *fleet) mark(w *worker, list string) {
	done := make(chan device.Pending)
	w.orders <- func() {
		done <- w.must(w.Create(content{Log: []string{w.nextToken(), markToken}, List: list}.raw()))
	}
	<-done
}

const markToken = "mark"

func (w *worker) marks(s snapshot) int {
	n := 0
	for uid, r := range s.records {
		// Under its made-up uid it is nobody's but the maker's.
		if token(r.Data) == markToken && len(uid) == backendUID {
			n++
		}
	}
	return n
}

// backendUID is the length of the embedded backend's uids; a made-up one is longer.
const backendUID = 24

func (w *worker) wantMarks() int {
	if w.query == `{}` {
		return 2
	}
	return 1
}

// wait looks now and then until ok is true.
func wait(t *testing.T, otherwise string, ok func() bool) {
	t.Helper()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	deadline := time.After(60 * time.Second)
	for !ok() {
		select {
		case <-look.C:
		case <-deadline:
			t.Fatal(otherwise + " after a minute")
		}
	}
}
