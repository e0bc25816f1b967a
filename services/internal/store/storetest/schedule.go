package storetest

import (
	"fmt"
	"time"

	"github.com/tandem-sync/tandem/services/internal/store"
)

var scheduleTests = []test{
	{"a new dataset client is due at once, once", dueAtOnce},
	{"due again when the frequency has passed after a run", dueAgain},
	{"not due while a run is under way", dueNotInRun},
	{"a lost job is scheduled again", dueAfterWait},
	{"at most the limit, the longest due first", dueLimit},
	{"only what is due among many", dueAmongMany},
	{"nobody accessed it: not active any more", dueDeactivated},
	{"whether or not it ever ran", dueDeactivatedNeverRan},
	{"an access makes it active and due again", dueReactivated},
	{"not while stopped, at once when started", dueStopped},
	{"a lease that passed on schedules nothing", dueStaleLease},
	{"idle ones are removed with what they alone hold", idleRemoved},
	{"at most the limit, and none that is active", idleLimit},
	{"a removed one starts over", idleStartsOver},
}

func (k *kit) schedule(lease store.Lease, limit int) store.Scheduled {
	k.Helper()
	done, err := k.ScheduleDue(k.ctx, lease, limit)
	k.must(err)
	return done
}

func (k *kit) wantNext(got store.Scheduled, want time.Time) {
	k.Helper()
	if !got.Next.Equal(want) {
		k.Fatalf("next is due at %v, want %v", got.Next, want)
	}
}

func dueAtOnce(k *kit) {
	lease := k.lease()
	nothing := k.schedule(lease, 10)
	equal(k, "nobody there", nothing, store.Scheduled{})
	k.touch("tasks_1")
	done := k.schedule(lease, 10)
	equal(k, "jobs", done.Jobs, 1)
	k.wantNext(done, k.clock.Now().Add(config.ScheduleWait()))
	if got := k.client("tasks_1").SyncScheduled; !got.Equal(k.clock.Now()) {
		k.Fatalf("scheduled %v, want %v", got, k.clock.Now())
	}
	equal(k, "jobs of a second pass", k.schedule(lease, 10).Jobs, 0)
	k.claimJob("tasks_1")
	equal(k, "no other", len(k.claimJobs(5)), 0)
}

func dueAgain(k *kit) {
	lease := k.lease()
	k.touch("tasks_1")
	k.schedule(lease, 10)
	k.clock.Advance(time.Second)
	k.run("tasks_1", "c1", nil)
	done := k.schedule(lease, 10)
	equal(k, "jobs", done.Jobs, 0)
	k.wantNext(done, k.clock.Now().Add(config.SyncFrequency))
	k.clock.Advance(config.SyncFrequency - time.Millisecond)
	equal(k, "jobs", k.schedule(lease, 10).Jobs, 0)
	k.clock.Advance(time.Millisecond)
	equal(k, "jobs", k.schedule(lease, 10).Jobs, 1)
}

func dueNotInRun(k *kit) {
	lease := k.lease()
	k.touch("tasks_1")
	k.begin("tasks_1")
	done := k.schedule(lease, 10)
	equal(k, "jobs", done.Jobs, 0)
	k.wantNext(done, k.clock.Now().Add(config.BackendListTimeout+config.SyncFrequency))
	k.clock.Advance(config.BackendListTimeout + config.SyncFrequency)
	equal(k, "jobs when the run is given up", k.schedule(lease, 10).Jobs, 1)
}

func dueAfterWait(k *kit) {
	lease := k.lease()
	k.touch("tasks_1")
	k.schedule(lease, 10)
	k.must(k.FinishJob(k.ctx, k.claimJob("tasks_1").Claim)) // done, and yet it never ran
	k.clock.Advance(config.ScheduleWait() - time.Millisecond)
	equal(k, "jobs", k.schedule(lease, 10).Jobs, 0)
	k.clock.Advance(time.Millisecond)
	equal(k, "jobs", k.schedule(lease, 10).Jobs, 1)

	short := config
	short.MaxScheduleWaitTime = time.Second
	k.must(k.TouchDatasetClients(k.ctx, []store.Touch{{ID: "tasks_1", Dataset: dataset, Config: short, At: k.clock.Now()}}))
	k.clock.Advance(time.Second)
	equal(k, "jobs with a short wait", k.schedule(lease, 10).Jobs, 1)
}

func dueLimit(k *kit) {
	lease := k.lease()
	for _, id := range []string{"tasks_b", "tasks_c", "tasks_a"} {
		k.touch(id)
		k.run(id, "c", nil)
		k.clock.Advance(time.Second)
	}
	k.clock.Advance(time.Minute)
	equal(k, "jobs", k.schedule(lease, 2).Jobs, 2)
	k.claimJob("tasks_b")
	k.claimJob("tasks_c")
	equal(k, "jobs", k.schedule(lease, 2).Jobs, 1)
	k.claimJob("tasks_a")
}

func dueAmongMany(k *kit) {
	lease := k.lease()
	var touches []store.Touch
	for i := range k.many() {
		touches = append(touches, store.Touch{ID: fmt.Sprintf("tasks_%05d", i), Dataset: dataset, Config: config, At: k.clock.Now()})
	}
	k.must(k.TouchDatasetClients(k.ctx, touches))
	equal(k, "jobs", k.schedule(lease, 2*k.many()).Jobs, k.many())
	equal(k, "jobs", k.schedule(lease, 2*k.many()).Jobs, 0)
	for _, id := range []string{"tasks_00007", "tasks_00999"} {
		k.run(id, "c", nil)
	}
	k.clock.Advance(config.SyncFrequency)
	done := k.schedule(lease, 2*k.many())
	equal(k, "jobs", done.Jobs, 2)
	equal(k, "deactivated", done.Deactivated, 0)
}

func dueDeactivated(k *kit) {
	lease := k.lease()
	k.touch("tasks_1", "tasks_2")
	k.run("tasks_1", "c", nil)
	k.clock.Advance(config.ClientSyncTimeout - time.Millisecond)
	k.touch("tasks_2")
	equal(k, "deactivated", k.schedule(lease, 10).Deactivated, 0)
	k.clock.Advance(time.Millisecond)
	equal(k, "deactivated", k.schedule(lease, 10).Deactivated, 1)
	equal(k, "active", k.client("tasks_1").Active, false)
	equal(k, "the other one", k.client("tasks_2").Active, true)
	k.clock.Advance(config.ScheduleWait())
	done := k.schedule(lease, 10)
	equal(k, "jobs", done.Jobs, 1) // tasks_2
	equal(k, "deactivated", done.Deactivated, 0)
	if d := k.client("tasks_1"); !d.SyncScheduled.Before(k.clock.Now()) {
		k.Fatalf("an inactive one was scheduled: %+v", d)
	}
}

func dueDeactivatedNeverRan(k *kit) {
	lease := k.lease()
	k.touch("tasks_1")
	k.clock.Advance(config.ClientSyncTimeout)
	done := k.schedule(lease, 10)
	equal(k, "jobs and deactivated", [2]int{done.Jobs, done.Deactivated}, [2]int{0, 1})
	equal(k, "next", done.Next.IsZero(), true)
}

func dueReactivated(k *kit) {
	lease := k.lease()
	k.touch("tasks_1")
	k.run("tasks_1", "c", nil)
	k.clock.Advance(config.ClientSyncTimeout)
	k.schedule(lease, 10)
	equal(k, "active", k.client("tasks_1").Active, false)
	k.touch("tasks_1")
	equal(k, "active", k.client("tasks_1").Active, true)
	equal(k, "jobs", k.schedule(lease, 10).Jobs, 1)
}

func dueStopped(k *kit) {
	lease := k.lease()
	k.touch("tasks_1")
	equal(k, "jobs", k.schedule(lease, 10).Jobs, 1)
	_, err := k.SetStopped(k.ctx, dataset, true)
	k.must(err)
	k.must(k.FinishJob(k.ctx, k.claimJob("tasks_1").Claim)) // its worker saw that it is stopped
	k.clock.Advance(config.ScheduleWait() / 2)
	k.touch("tasks_1")
	done := k.schedule(lease, 10)
	equal(k, "jobs while stopped", done.Jobs, 0)
	equal(k, "next while stopped", done.Next.IsZero(), true)
	_, err = k.SetStopped(k.ctx, dataset, false)
	k.must(err)
	equal(k, "jobs when started", k.schedule(lease, 10).Jobs, 1)
	_, err = k.SetStopped(k.ctx, dataset, false)
	k.must(err)
	equal(k, "jobs when started again", k.schedule(lease, 10).Jobs, 0)

	_, err = k.SetStopped(k.ctx, dataset, true)
	k.must(err)
	k.touch("tasks_2") // new, and stopped like its dataset
	k.clock.Advance(config.ScheduleWait())
	k.touch("tasks_1")
	equal(k, "jobs while stopped, long overdue", k.schedule(lease, 10).Jobs, 0)
	_, err = k.SetStopped(k.ctx, dataset, false)
	k.must(err)
	equal(k, "jobs when started", k.schedule(lease, 10).Jobs, 2)
}

func dueStaleLease(k *kit) {
	old, _, err := k.AcquireLease(k.ctx, "scheduler", "old", time.Second)
	k.must(err)
	k.touch("tasks_1", "tasks_2")
	before := k.client("tasks_1")
	refused := func(lease store.Lease) {
		k.Helper()
		_, err := k.ScheduleDue(k.ctx, lease, 10)
		k.wantErr(err, store.ErrStale)
		_, err = k.RemoveIdle(k.ctx, lease, 0, 10)
		k.wantErr(err, store.ErrStale)
		equal(k, "jobs", k.queued(store.QueueSync), 0)
		equal(k, "client", k.client("tasks_1"), before)
	}
	k.clock.Advance(time.Second)
	refused(old) // expired
	now, ok, err := k.AcquireLease(k.ctx, "scheduler", "new", time.Hour)
	k.must(err)
	equal(k, "acquired", ok, true)
	refused(old) // taken over
	refused(store.Lease{Name: "scheduler"})
	refused(store.Lease{Name: "nobody's", Token: now.Token})
	equal(k, "jobs", k.schedule(now, 10).Jobs, 2)
}

func idleRemoved(k *kit) {
	lease := k.lease()
	k.touch("tasks_1", "tasks_2")
	k.run("tasks_1", "c", recs("mine", "a", "shared", "b"))
	k.run("tasks_2", "c", recs("shared", "b", "theirs", "c"))
	k.clock.Advance(config.ClientSyncTimeout)
	k.touch("tasks_2")
	k.schedule(lease, 10)
	const retention = 24 * time.Hour
	k.clock.Advance(retention - time.Millisecond)
	n, err := k.RemoveIdle(k.ctx, lease, retention, 10)
	k.must(err)
	equal(k, "removed too early", n, 0)
	k.clock.Advance(time.Millisecond)
	n, err = k.RemoveIdle(k.ctx, lease, retention, 10)
	k.must(err)
	equal(k, "removed", n, 1)
	_, err = k.DatasetClient(k.ctx, "tasks_1")
	k.wantErr(err, store.ErrNotFound)
	equal(k, "its view", len(k.view("tasks_1")), 0)
	equal(k, "records left", len(k.records("mine", "shared", "theirs")), 2)
	equal(k, "the other view", k.view("tasks_2"), map[string]string{"shared": "b", "theirs": "c"})
	k.wantErr(k.EnqueueJob(k.ctx, "tasks_1"), store.ErrNotFound)
}

func idleLimit(k *kit) {
	lease := k.lease()
	k.touch("tasks_1", "tasks_2", "tasks_3")
	k.clock.Advance(config.ClientSyncTimeout)
	n, err := k.RemoveIdle(k.ctx, lease, 0, 10)
	k.must(err)
	equal(k, "removed while active", n, 0)
	k.schedule(lease, 10)
	for _, want := range []int{2, 1, 0} {
		n, err = k.RemoveIdle(k.ctx, lease, 0, 2)
		k.must(err)
		equal(k, "removed", n, want)
	}
}

// idleStartsOver: the run that was under way when its dataset client was removed
// must not write into the one that came after it.
func idleStartsOver(k *kit) {
	lease := k.lease()
	k.touch("tasks_1")
	old := k.begin("tasks_1")
	k.clock.Advance(config.ClientSyncTimeout)
	k.schedule(lease, 10)
	_, err := k.RemoveIdle(k.ctx, lease, 0, 10)
	k.must(err)
	refused := func() {
		k.Helper()
		k.wantErr(k.WriteRecords(k.ctx, old, recs("r1", "a"), nil), store.ErrStale)
		k.wantErr(k.EndRun(k.ctx, old, "c"), store.ErrStale)
		equal(k, "records", len(k.records("r1")), 0)
	}
	refused()
	k.touch("tasks_1")
	refused()
	now := k.begin("tasks_1")
	refused()
	equal(k, "as new", now.Client.ContentHash, "")
	k.must(k.EndRun(k.ctx, now, "c"))
	equal(k, "content", k.client("tasks_1").ContentHash, "c")
}
