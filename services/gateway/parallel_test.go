package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandem-sync/tandem/services/internal/store"
)

// Two devices and 200 requests at once, over a network: no change is lost, none
// is queued twice, and each device gets its own results.
func TestParallelRequests(t *testing.T) {
	b := newBench(t, nil)
	server := httptest.NewServer(b.gateway)
	defer server.Close()
	flushing, stop := context.WithCancel(t.Context())
	var flusher, devices sync.WaitGroup
	flusher.Go(func() {
		for flushing.Err() == nil {
			if err := b.gateway.Flush(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	for i := range 200 {
		devices.Go(func() {
			cuid := []string{"phone", "tablet"}[i%2]
			change := create(fmt.Sprint("c", i/4), milk) // each is sent twice
			body := request("sync", cuid, pending(change), fmt.Sprintf(`"query_params":{"view":%d}`, i%3))
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/sync/tasks", strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				t.Error(resp.Status)
			}
		})
	}
	devices.Wait()
	stop()
	flusher.Wait()
	if n := b.queue(store.QueuePending); n != 100 {
		t.Errorf("%d changes queued, want 100", n)
	}
	if n := len(b.clients()); n != 3 {
		t.Errorf("%d dataset clients, want 3", n)
	}
	b.work()
	for _, cuid := range []string{"phone", "tablet"} {
		a := b.sync(cuid)
		if len(a.Updates["applied"]) != 50 {
			t.Errorf("%s has %d results, want 50", cuid, len(a.Updates["applied"]))
		}
		for _, u := range a.Updates["applied"] {
			if u.CUID != cuid {
				t.Errorf("%s got the result of %s", cuid, u.CUID)
			}
		}
	}
}

// Accesses are written within seconds, again after a failure, and at the end.
func TestRunWritesTouches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, nil)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { b.gateway.Run(ctx); close(done) }()
		touch := func() time.Time {
			b.pass(time.Minute)
			b.sync("phone")
			return b.clock()
		}
		wait := func(d time.Duration, want time.Time, what string) {
			t.Helper()
			<-time.After(d)
			synctest.Wait()
			if got := b.clients()[0].LastAccessed; !got.Equal(want) {
				t.Errorf("%s: accessed at %v, want %v", what, got, want)
			}
		}
		first := touch()
		second := touch()
		wait(time.Millisecond, first, "at once")
		wait(4*time.Second, second, "after 4 s")
		b.fail("TouchDatasetClients", errors.New("away"))
		third := touch()
		wait(10*time.Second, second, "the store is away")
		b.inject(nil)
		wait(4*time.Second, third, "the store is back")
		last := touch()
		stop()
		<-done
		wait(0, last, "at the end")
	})
}
