package storetest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// wishModel brings a few dataset clients into states by chance and holds each pass
// of the scheduler to DatasetClient.Due.
func wishModel(k *kit) {
	seed := uint64(time.Now().UnixNano())
	k.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	some := func() time.Duration { return time.Duration(r.IntN(3000)) * time.Millisecond }
	ids := []string{"tasks_1", "tasks_2", "tasks_3"}
	lease, runs := k.lease(), map[string]store.Run{}
	scheduled := 0
	for range 400 {
		id := ids[r.IntN(len(ids))]
		switch r.IntN(9) {
		case 0:
			c := record.SyncConfig{SyncFrequency: some(), ClientSyncTimeout: time.Hour, BackendListTimeout: some() + time.Millisecond, ChangeGap: some()}
			if r.IntN(2) == 0 {
				c.MaxScheduleWaitTime = some() + time.Millisecond
			}
			k.touchAs(dataset, c, id)
		case 1, 2:
			run, err := k.BeginRun(k.ctx, id, fmt.Sprint("job ", r.IntN(2)))
			if err == nil {
				runs[id] = run
			}
		case 3:
			_ = k.EndRun(k.ctx, runs[id], []string{"", "c"}[r.IntN(2)])
		case 4:
			_ = k.MarkRunEnded(k.ctx, id, fmt.Sprint("job ", r.IntN(2)))
		case 5, 6:
			k.want(store.SyncWish{ClientID: id, At: k.clock.Now().Add(some()), OthersAt: k.clock.Now().Add(some())})
		case 7:
			if r.IntN(4) == 0 {
				_, err := k.SetStopped(k.ctx, dataset, r.IntN(3) == 0)
				k.must(err)
			}
		}
		k.clock.Advance(time.Duration(r.IntN(750)) * time.Millisecond)
		scheduled += k.passLikeDue(lease)
	}
	if scheduled < 20 {
		k.Fatalf("only %d runs were scheduled: the test has lost its teeth", scheduled)
	}
}

// passLikeDue makes a pass and compares it with DatasetClient.Due.
func (k *kit) passLikeDue(lease store.Lease) int {
	k.Helper()
	before, err := k.ListDatasetClients(k.ctx, dataset)
	k.must(err)
	done := k.schedule(lease, 10)
	now, jobs, next := k.clock.Now(), 0, time.Time{}
	for _, d := range before {
		if !d.Active || d.Stopped {
			continue
		}
		if !d.Due().After(now) {
			jobs++
			d.SyncScheduled = now
		}
		if next.IsZero() || d.Due().Before(next) {
			next = d.Due()
		}
		if after := k.client(d.ID); !after.SyncScheduled.Equal(d.SyncScheduled) {
			k.Fatalf("at %v, due %v: %+v\nwas %+v", now, d.Due(), after, d)
		}
	}
	equal(k, "jobs", done.Jobs, jobs)
	k.wantNext(done, next)
	return jobs
}
