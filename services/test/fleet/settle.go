package fleet

import (
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/test/device"
)

// Settle lets the users rest and waits until nothing moves: no change is pending,
// and a record made after all that has reached every device, so that each view was
// listed after everything else; then queued, the messages in the server's queues, is
// 0. Each of these has patience.
func (f *Fleet) Settle(t testing.TB, patience time.Duration, queued func() (int, error)) {
	t.Helper()
	f.silent.Store(true)
	Wait(t, patience, "changes are pending", func() bool { return f.all(func(w *worker, s snapshot) bool { return s.pending == 0 && s.acks == 0 }) })
	for i := range f.config.Datasets {
		for _, list := range lists {
			f.mark(f.devices[i], list)
		}
	}
	Wait(t, patience, "the marks have not reached every device", func() bool {
		return f.all(func(w *worker, s snapshot) bool { return s.pending == 0 && s.acks == 0 && marks(s) >= w.wantMarks() })
	})
	Wait(t, patience, "messages are queued", func() bool {
		n, err := queued()
		if err != nil {
			t.Error(err)
		}
		return err != nil || n == 0
	})
}

func (f *Fleet) all(ok func(*worker, snapshot) bool) bool {
	for _, w := range f.devices {
		if !ok(w, w.look()) {
			return false
		}
	}
	return true
}

// mark makes a record by which a sync run is known.
func (f *Fleet) mark(w *worker, list string) {
	done := make(chan device.Pending)
	w.orders <- func() {
		done <- w.must(w.Create(content{Log: []string{w.nextToken(), markToken}, List: list}.raw()))
	}
	<-done
}

func marks(s snapshot) int {
	n := 0
	for uid, r := range s.records {
		// Under its made-up uid it is nobody's but the maker's.
		if Token(r.Data) == markToken && len(uid) != madeUpUID {
			n++
		}
	}
	return n
}

func (w *worker) wantMarks() int {
	if w.query == `{}` {
		return len(lists)
	}
	return 1
}

// Wait looks now and then until ok is true, and fails the test after patience.
func Wait(t testing.TB, patience time.Duration, otherwise string, ok func() bool) {
	t.Helper()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-look.C:
		case <-deadline:
			t.Fatalf("%s after %v", otherwise, patience)
		}
	}
}
