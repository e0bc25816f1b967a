package scheduler_test

import (
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/wake"
)

// hourly makes dataset clients that ran just now and run again in an hour.
func (b *bench) hourly(ids ...string) {
	b.Helper()
	config := record.DefaultSyncConfig()
	config.SyncFrequency = time.Hour
	for _, id := range ids {
		b.must(b.store.TouchDatasetClients(b.Context(), []store.Touch{{ID: id, Dataset: "tasks", Config: config, At: time.Now()}}))
	}
	b.bus.Publish(wake.Schedule)
	pass(time.Millisecond)
	if n := b.work(); n != len(ids) {
		b.Fatalf("%d sync runs, want %d", n, len(ids))
	}
	pass(time.Minute)
}

func (b *bench) want(wish store.SyncWish) {
	b.Helper()
	wish.Dataset = "tasks"
	b.must(b.store.WantSync(b.Context(), wish))
	b.bus.Publish(wake.Schedule)
}

func (b *bench) wantJobs(want int64, when string) {
	b.Helper()
	if n := b.jobs(); n != want {
		b.Errorf("%s: %d jobs, want %d", when, n, want)
	}
}

// A change's wish is scheduled when it is due, not at the next interval: at once
// with its wake, and by a look at the right moment when it lies ahead.
func TestWishIsScheduledWhenDue(t *testing.T) {
	bubble(t, func(b *bench) {
		c := b.candidate("a")
		c.start()
		b.hourly("tasks_1", "tasks_2")
		pass(10 * time.Millisecond) // off the beat of the interval
		jobs, end := b.bus.Subscribe(wake.Sync)
		defer end()
		b.want(store.SyncWish{ClientID: "tasks_1", At: time.Now(), OthersAt: time.Now().Add(120 * time.Millisecond)})
		pass(time.Millisecond)
		b.wantJobs(1, "at once")
		select {
		case <-jobs:
		default:
			b.Error("the sync-workers are not woken")
		}
		pass(118 * time.Millisecond)
		b.wantJobs(1, "before the others are due")
		pass(time.Millisecond)
		b.wantJobs(2, "when the others are due")
		pass(time.Second)
		b.work()
		c.counted("ScheduleDue")
		pass(time.Minute)
		if n := c.counted("ScheduleDue"); n > 125 {
			b.Errorf("%d passes in a minute in which nothing is due", n)
		}
	})
}

// The sync run that must wait for the gap is scheduled when the gap has passed.
func TestWishWaitsForTheGap(t *testing.T) {
	bubble(t, func(b *bench) {
		c := b.candidate("a")
		c.start()
		b.hourly("tasks_1")
		pass(10 * time.Millisecond)
		b.want(store.SyncWish{ClientID: "tasks_1", At: time.Now()})
		pass(time.Millisecond)
		b.wantJobs(1, "at once")
		b.work()
		b.want(store.SyncWish{ClientID: "tasks_1", At: time.Now()})
		pass(999 * time.Millisecond)
		b.wantJobs(0, "in the gap")
		pass(time.Millisecond)
		b.wantJobs(1, "after the gap")
	})
}

// A store whose clock is behind says "not yet" when this process thinks that it is
// time: the scheduler looks again soon, and does not spin.
func TestStoreClockBehind(t *testing.T) {
	bubble(t, func(b *bench) {
		c := b.candidateAt("a", func() time.Time { return time.Now().Add(time.Minute) })
		c.start()
		b.hourly("tasks_1")
		b.want(store.SyncWish{ClientID: "tasks_1", At: time.Now().Add(10 * time.Second)})
		pass(time.Millisecond)
		c.counted("ScheduleDue")
		pass(10*time.Second + 50*time.Millisecond)
		b.wantJobs(1, "when it is due by the store's clock")
		if n := c.counted("ScheduleDue"); n > 230 {
			b.Errorf("%d passes in 10 s", n)
		}
	})
}
