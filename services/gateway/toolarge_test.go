package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/tandem-sync/tandem/services/gateway"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// small is a store whose documents hold 1 kB, as others hold 16 MB.
type small struct{ gateway.Store }

func (s small) EnqueueChanges(ctx context.Context, changes []record.Change) (store.EnqueueResult, error) {
	for _, c := range changes {
		if len(c.Pre)+len(c.Post) > 1000 {
			return store.EnqueueResult{}, fmt.Errorf("store: %w", store.ErrTooLarge)
		}
	}
	return s.Store.EnqueueChanges(ctx, changes)
}

// One change that the store can't hold gets a failed result; the others in the request
// go on (protocol section 4, trap 4).
func TestOneChangeTooLargeForTheStore(t *testing.T) {
	b := newBench(t, func(o *gateway.Options) { o.Store = small{o.Store} })
	large := create("c2", `{"text":"`+strings.Repeat("x", 2000)+`"}`)
	for range 2 { // the device, which has no answer yet, sends all of them again
		b.sync("phone", pending(create("c1", milk), large, create("c3", milk)))
	}
	b.work()
	got := b.sync("phone").Updates["hashes"]
	for hash, want := range map[string]string{"c1": "applied", "c2": "failed", "c3": "applied"} {
		if u := got[hash]; u.Type != want || (u.Type == "failed") != strings.Contains(u.Msg, "too large to store (1 kB)") {
			t.Errorf("%s: %+v, want %s", hash, u, want)
		}
	}
	if n := b.queue(store.QueuePending); n != 0 {
		t.Errorf("%d changes are left", n)
	}
}
