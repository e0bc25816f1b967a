package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/gateway"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/wake"
)

const milk = `{"title":"Milk"}`

func TestChangeResultAcknowledgement(t *testing.T) {
	b := newBench(t, nil)
	pendingWake, end := b.bus.Subscribe(wake.Pending)
	defer end()
	ackWake, end := b.bus.Subscribe(wake.Ack)
	defer end()

	a := b.sync("phone", pending(create("c1", milk)))
	if a.Hash != "" || a.Updates["hashes"] == nil || len(a.Updates) != 1 {
		t.Errorf("first answer %+v, want updates.hashes alone", a)
	}
	if !woken(pendingWake) || woken(ackWake) {
		t.Error("want a wake for pending alone")
	}
	b.work()
	a = b.sync("phone")
	u := a.Updates["applied"]["c1"]
	if u != a.Updates["hashes"]["c1"] || u.UID != "real-c1" || u.OldUID != "c1" || u.Action != "create" || u.CUID != "phone" {
		t.Errorf("answer %+v", a)
	}
	if other := b.sync("tablet"); len(other.Updates["hashes"]) != 0 {
		t.Errorf("another device got %+v", other)
	}
	// The acknowledged update is not reported in the answer, nor later.
	if a = b.sync("phone", acks(ack("c1", u.Timestamp))); len(a.Updates["hashes"]) != 0 {
		t.Errorf("acknowledged and still reported: %+v", a)
	}
	if !woken(ackWake) {
		t.Error("no wake for the acknowledgement")
	}
	b.workAcks()
	if a = b.sync("phone"); len(a.Updates["hashes"]) != 0 {
		t.Errorf("removed and still reported: %+v", a)
	}
}

func TestBothPathsAreOne(t *testing.T) {
	b := newBench(t, nil)
	for i, path := range []string{"/sync/tasks", "/mbaas/sync/tasks"} {
		w := b.do(http.MethodPost, path, request("sync", "phone", pending(create(fmt.Sprint("c", i), milk))))
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
	b.work()
	if a := b.sync("phone"); len(a.Updates["applied"]) != 2 {
		t.Errorf("answer %+v, want the results of both", a)
	}
}

// Trap 2: an acknowledgement removes the results that there were, never a later one.
func TestAcknowledgements(t *testing.T) {
	const hour = int64(time.Hour / time.Millisecond)
	for name, tc := range map[string]struct {
		ack  func(seen int64) string
		gone bool
	}{
		"of the result seen":   {func(seen int64) string { return ack("c1", seen) }, true},
		"from the future":      {func(seen int64) string { return ack("c1", seen+hour) }, true},
		"of an earlier result": {func(seen int64) string { return ack("c1", seen-1) }, false},
		"without a time":       {func(int64) string { return `{"hash":"c1"}` }, true},
		"with an odd time":     {func(int64) string { return `{"hash":"c1","timestamp":{}}` }, true},
		"of something else":    {func(seen int64) string { return ack("c2", seen) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.sync("phone", pending(create("c1", milk)))
			b.work()
			seen := b.sync("phone").Updates["hashes"]["c1"].Timestamp
			a := b.sync("phone", acks(tc.ack(seen)))
			if _, reported := a.Updates["hashes"]["c1"]; reported == tc.gone {
				t.Errorf("reported in the same answer: %t", reported)
			}
			b.workAcks()
			if _, reported := b.sync("phone").Updates["hashes"]["c1"]; reported == tc.gone {
				t.Errorf("reported after the acknowledgement: %t", reported)
			}
		})
	}
}

// However an acknowledgement is timed, it does not touch a result that comes
// after it: of the same change sent again, or of one not done yet.
func TestAcknowledgementSparesLaterResults(t *testing.T) {
	const forged = 1 << 52
	for name, timestamp := range map[string]int64{"forged": forged, "missing": 0} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			b.sync("phone", acks(ack("c1", timestamp)), pending(create("c1", milk)))
			b.work()
			b.workAcks()
			if a := b.sync("phone"); a.Updates["applied"]["c1"].UID != "real-c1" {
				t.Fatalf("the result is gone: %+v", a)
			}
			// Acknowledged and sent again in one request: it is reported again, at once.
			if a := b.sync("phone", acks(ack("c1", timestamp)), pending(create("c1", milk))); a.Updates["applied"]["c1"].UID == "" {
				t.Errorf("the result sent for again is not in the answer: %+v", a)
			}
			b.workAcks()
			if a := b.sync("phone"); a.Updates["applied"]["c1"].UID == "" {
				t.Errorf("the result sent for again is gone: %+v", a)
			}
		})
	}
}

func TestAckLimit(t *testing.T) {
	b := newBench(t, func(o *gateway.Options) { o.Config.SyncReqAckLimit = 2 })
	b.sync("phone", pending(create("c1", milk), create("c2", milk), create("c3", milk)))
	b.work()
	first := b.sync("phone").Updates["hashes"]
	if len(first) != 2 {
		t.Fatalf("%d updates in an answer, want 2", len(first))
	}
	var list []string
	for hash, u := range first {
		list = append(list, ack(hash, u.Timestamp))
	}
	b.sync("phone", acks(append(list, ack("c3", 1), ack("c4", 1))...))
	if n := b.queue(store.QueueAck); n != 2 {
		t.Errorf("%d acknowledgements taken, want 2", n)
	}
	b.workAcks()
	if rest := b.sync("phone").Updates["hashes"]; len(rest) != 1 || rest["c3"].Hash != "c3" {
		t.Errorf("left: %+v, want c3", rest)
	}
}

func TestWaitsForAcksUnlessToldOtherwise(t *testing.T) {
	for _, wait := range []bool{true, false} {
		b := newBench(t, func(o *gateway.Options) { o.Config.SyncReqWaitForAck = wait })
		ackWake, end := b.bus.Subscribe(wake.Ack)
		defer end()
		b.sync("phone")
		entered, release := make(chan struct{}), make(chan struct{})
		b.inject(func(_ context.Context, op string, before bool) error {
			if op == "EnqueueAcks" && before {
				close(entered)
				<-release
			}
			return nil
		})
		answered := make(chan struct{})
		go func() {
			b.post(request("sync", "phone", acks(ack("c1", 1))))
			close(answered)
		}()
		<-entered
		if wait {
			select {
			case <-answered:
				t.Error("answered before the acknowledgement was stored")
			default:
			}
			close(release)
			<-answered
		} else {
			select {
			case <-answered:
			case <-time.After(10 * time.Second):
				t.Error("waited for the acknowledgement")
			}
			close(release)
		}
		<-ackWake
		if n := b.queue(store.QueueAck); n != 1 {
			t.Errorf("wait=%t: %d acknowledgements stored", wait, n)
		}
	}
}

func TestAckNotStoredIsAnError(t *testing.T) {
	b := newBench(t, nil)
	b.sync("phone")
	b.fail("EnqueueAcks", store.ErrUnavailable)
	if w := b.post(request("sync", "phone", acks(ack("c1", 1)))); w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestStoppedDataset(t *testing.T) {
	b := newBench(t, nil)
	b.sync("phone")
	b.list()
	stop := func(stopped bool) {
		t.Helper()
		_, err := b.store.SetStopped(t.Context(), "tasks", stopped)
		b.must(err)
	}
	stop(true)
	for _, body := range []string{
		request("sync", "phone", pending(create("c1", milk)), acks(ack("c0", 1))),
		request("syncRecords", "phone"),
		request("sync", "phone", `"query_params":{"new":"view"}`, pending(create("c2", milk))),
	} {
		w := b.post(body)
		if msg := b.text(w); w.Code != http.StatusInternalServerError || !strings.Contains(msg, "sync stopped for dataset tasks") {
			t.Errorf("%s\n→ %d %s", body, w.Code, msg)
		}
	}
	if n := b.queue(store.QueuePending) + b.queue(store.QueueAck); n != 0 {
		t.Errorf("a stopped dataset took %d messages", n)
	}
	stop(false)
	b.sync("phone", pending(create("c1", milk)))
	b.sync("phone", `"query_params":{"new":"view"}`)
}

// What each request costs, in store operations (the budgets of the design).
func TestCosts(t *testing.T) {
	b := newBench(t, nil)
	check := func(what string, want map[string]int) {
		t.Helper()
		if got := b.counted(); !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	b.sync("phone")
	b.list("r1", `{"v":1}`)
	b.counted()
	b.sync("phone")
	check("sync with nothing new", map[string]int{"SyncState": 1})
	b.sync("phone", pending(create("c1", milk), create("c2", milk)), acks(ack("a", 1), ack("b", 1)))
	check("sync with changes and acks", map[string]int{"SyncState": 1, "EnqueueChanges": 1, "EnqueueAcks": 1})
	b.sync("phone", pending(create("c3", milk)))
	check("sync with a change", map[string]int{"SyncState": 1, "EnqueueChanges": 1})
	b.must(b.gateway.Flush(t.Context()))
	check("flush", map[string]int{"TouchDatasetClients": 1})
	b.must(b.gateway.Flush(t.Context()))
	check("flush of nothing", map[string]int{})
	have := b.syncRecords("tablet").Create["r1"].Hash
	reads := b.counted()
	if total(reads) > 5 || reads["ReadRecords"] != 1 {
		t.Errorf("syncRecords with a difference: %v, want one read of records and little else", reads)
	}
	b.syncRecords("tablet", fmt.Sprintf(`"clientRecs":{"r1":%q}`, have))
	reads = b.counted()
	if total(reads) > 3 || reads["ReadRecords"] != 0 {
		t.Errorf("syncRecords of a device that is up to date: %v, want no read of records", reads)
	}
	for range 3 {
		b.do(http.MethodGet, "/healthz", "")
		b.do(http.MethodGet, "/sys/info/ping", "")
		b.do(http.MethodGet, "/mbaas/sync/stats", "")
	}
	check("looking", map[string]int{})
}

func total(ops map[string]int) (n int) {
	for _, count := range ops {
		n += count
	}
	return n
}

func TestTouchesAreMerged(t *testing.T) {
	b := newBench(t, nil)
	scheduled, end := b.bus.Subscribe(wake.Schedule)
	defer end()
	b.sync("phone")
	if got := b.counted(); got["TouchDatasetClients"] != 1 || !woken(scheduled) {
		t.Fatalf("a new dataset client: %v, want it written and the scheduler woken at once", got)
	}
	for range 1000 {
		b.pass(time.Millisecond)
		b.sync("phone")
	}
	if got := b.counted(); !maps.Equal(got, map[string]int{"SyncState": 1000}) || woken(scheduled) {
		t.Errorf("1,000 requests: %v, woken", got)
	}
	last := b.clock()
	b.must(b.gateway.Flush(t.Context()))
	if got := b.counted(); got["TouchDatasetClients"] != 1 {
		t.Errorf("flush: %v", got)
	}
	if list := b.clients(); len(list) != 1 || !list[0].LastAccessed.Equal(last) {
		t.Errorf("dataset clients %+v, want one accessed at %v", list, last)
	}
}

func TestSleepingDatasetClientIsWokenAtOnce(t *testing.T) {
	b := newBench(t, nil)
	b.sync("phone")
	b.pass(2 * time.Hour)
	lease, _, err := b.store.AcquireLease(t.Context(), "l", "h", time.Minute)
	b.must(err)
	_, err = b.store.ScheduleDue(t.Context(), lease, 10)
	b.must(err)
	if b.clients()[0].Active {
		t.Fatal("still active")
	}
	scheduled, end := b.bus.Subscribe(wake.Schedule)
	defer end()
	b.sync("phone")
	if !b.clients()[0].Active || !woken(scheduled) {
		t.Error("the dataset client sleeps on")
	}
}

func TestTouchIsNotLostWithAFailedFlush(t *testing.T) {
	b := newBench(t, nil)
	b.sync("phone")
	b.pass(time.Second)
	b.sync("phone")
	at := b.clock()
	b.fail("TouchDatasetClients", store.ErrUnavailable)
	if err := b.gateway.Flush(t.Context()); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("flush: %v", err)
	}
	b.inject(nil)
	b.must(b.gateway.Flush(t.Context()))
	if got := b.clients()[0].LastAccessed; !got.Equal(at) {
		t.Errorf("accessed at %v, want %v", got, at)
	}
}
