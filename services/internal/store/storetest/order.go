package storetest

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

var orderTests = []test{
	{"changes to one record one at a time", oneAtATime},
	{"of several devices as well", severalDevices},
	{"a retry holds its record back", retryHolds},
	{"an expired claim holds its record back", expiryHolds},
	{"one uid in two datasets is two records", twoDatasets},
	{"one claim takes one change of a record", oneOfEach},
	{"32 claimers", manyClaimers},
}

func oneAtATime(k *kit) {
	k.enqueue(edit(phone, "h1", "r1"), edit(phone, "h2", "r1"), edit(phone, "h3", "r1"))
	for _, hash := range []string{"h1", "h2", "h3"} {
		c := k.claimHash(hash)
		k.claimNothing()
		k.finish(c, applied("r1", ""))
	}
	k.claimNothing()
}

func severalDevices(k *kit) {
	k.enqueue(edit(phone, "h1", "r1"))
	k.enqueue(edit(tablet, "h2", "r1"))
	c := k.claimHash("h1")
	k.claimNothing()
	k.enqueue(edit(phone, "h3", "r1"))
	k.claimNothing()
	k.finish(c, store.Outcome{Type: record.Failed, UID: "r1", Msg: "no"})
	k.do("h2", applied("r1", ""))
	k.do("h3", applied("r1", ""))
}

func retryHolds(k *kit) {
	k.enqueue(edit(phone, "h1", "r1"), edit(phone, "h2", "r1"))
	k.must(k.RetryChange(k.ctx, k.claimHash("h1").Claim, time.Minute, false))
	k.claimNothing()
	k.clock.Advance(time.Minute)
	k.do("h1", applied("r1", ""))
	k.do("h2", applied("r1", ""))
}

func expiryHolds(k *kit) {
	k.enqueue(edit(phone, "h1", "r1"), edit(phone, "h2", "r1"))
	k.claimHash("h1")
	k.clock.Advance(window)
	k.do("h1", applied("r1", ""))
	k.do("h2", applied("r1", ""))
}

func twoDatasets(k *kit) {
	other := edit(phone, "h2", "r1")
	other.Dataset = "other"
	k.enqueue(edit(phone, "h1", "r1"), other)
	equal(k, "claimed", hashes(k.claim(10)), []string{"h1", "h2"})
}

func oneOfEach(k *kit) {
	k.enqueue(edit(phone, "h1", "r1"), edit(phone, "h2", "r1"), edit(phone, "h3", "r2"), edit(phone, "h4", "r1"), edit(phone, "h5", "r2"))
	equal(k, "claimed", hashes(k.claim(10)), []string{"h1", "h3"})
}

// manyClaimers lets 32 workers race for 640 changes to 40 records: none is
// claimed twice, none overtakes another of its record.
func manyClaimers(k *kit) {
	const changes, records, workers = 640, 40, 32
	var all []record.Change
	for i := range changes {
		all = append(all, edit(phone, fmt.Sprintf("h%d", i), fmt.Sprintf("r%d", i%records)))
	}
	k.enqueue(all...)

	var mu sync.Mutex
	inWork := map[string]bool{}
	next := map[string]int{} // by record: how many of its changes are done
	var done atomic.Int64
	work := func() error {
		for done.Load() < changes {
			claimed, err := k.ClaimChanges(k.ctx, 3, window)
			if err != nil {
				return err
			}
			for _, c := range claimed {
				uid := c.RecordUID
				var r int
				if _, err := fmt.Sscanf(uid, "r%d", &r); err != nil {
					return err
				}
				mu.Lock()
				busy := inWork[uid]
				want := fmt.Sprintf("h%d", next[uid]*records+r)
				inWork[uid] = true
				mu.Unlock()
				if busy {
					return fmt.Errorf("%s was claimed while another change of %s is in work", c.Change.Hash, uid)
				}
				if c.Change.Hash != want {
					return fmt.Errorf("claimed %s of %s, want %s", c.Change.Hash, uid, want)
				}
				runtime.Gosched()
				mu.Lock()
				inWork[uid] = false
				next[uid]++
				mu.Unlock()
				if err := k.FinishChange(k.ctx, c.Claim, applied(uid, "")); err != nil {
					return err
				}
				done.Add(1)
			}
		}
		return nil
	}
	k.together(workers, func(int) error {
		err := work()
		if err != nil {
			done.Store(changes) // the others need not go on
		}
		return err
	})
	equal(k, "done", done.Load(), int64(changes))
	equal(k, "updates", len(k.updates(phone)), changes)
	k.claimNothing()
}

// together runs n goroutines and fails the test with what they return.
func (k *kit) together(n int, do func(i int) error) {
	k.Helper()
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() { errs[i] = do(i) })
	}
	wg.Wait()
	for _, err := range errs {
		k.must(err)
	}
}
