package storetest

import (
	"time"

	"github.com/tandem-sync/tandem/services/internal/store"
)

var jobsTests = []test{
	{"a job comes back as it went in", jobComesBack},
	{"a claim hides the job until its window ends", jobHides},
	{"extending keeps the claim", jobExtends},
	{"a claim that passed on is stale", jobStale},
	{"one asked for while another is in work is queued", jobWhileInWork},
	{"an unknown dataset client", jobUnknown},
}

func (k *kit) claimJobs(n int) []store.Job {
	k.Helper()
	jobs, err := k.ClaimJobs(k.ctx, n, window)
	k.must(err)
	return jobs
}

func (k *kit) claimJob(clientID string) store.Job {
	k.Helper()
	jobs := k.claimJobs(1)
	if len(jobs) != 1 || jobs[0].ClientID != clientID {
		k.Fatalf("claimed %+v, want one of %s", jobs, clientID)
	}
	return jobs[0]
}

func jobComesBack(k *kit) {
	k.touch("tasks_all", "tasks_mine")
	k.must(k.EnqueueJob(k.ctx, "tasks_mine"))
	asked := k.clock.Now()
	k.clock.Advance(time.Second)
	k.must(k.EnqueueJob(k.ctx, "tasks_all"))
	equal(k, "waiting", k.queued(store.QueueSync), 2)
	job := k.claimJob("tasks_mine")
	equal(k, "dataset", job.Dataset, dataset)
	equal(k, "tries", job.Tries, 1)
	if !job.Enqueued.Equal(asked) || !job.Until.Equal(k.clock.Now().Add(window)) {
		k.Fatalf("enqueued %v, until %v", job.Enqueued, job.Until)
	}
	k.must(k.FinishJob(k.ctx, job.Claim))
	k.must(k.FinishJob(k.ctx, k.claimJob("tasks_all").Claim))
	equal(k, "left", len(k.claimJobs(5)), 0)
	equal(k, "waiting", k.queued(store.QueueSync), 0)
}

func jobHides(k *kit) {
	k.touch("tasks_all")
	k.must(k.EnqueueJob(k.ctx, "tasks_all"))
	first := k.claimJob("tasks_all")
	equal(k, "hidden", len(k.claimJobs(5)), 0)
	k.clock.Advance(window)
	second := k.claimJob("tasks_all")
	equal(k, "tries", second.Tries, 2)
	equal(k, "id", second.ID, first.ID)
}

func jobExtends(k *kit) {
	k.touch("tasks_all")
	k.must(k.EnqueueJob(k.ctx, "tasks_all"))
	job := k.claimJob("tasks_all")
	k.clock.Advance(window - time.Millisecond)
	extended, err := k.ExtendJob(k.ctx, job.Claim, window)
	k.must(err)
	k.clock.Advance(window - time.Millisecond)
	equal(k, "hidden", len(k.claimJobs(5)), 0)
	k.must(k.FinishJob(k.ctx, extended))
}

func jobStale(k *kit) {
	k.touch("tasks_all")
	k.must(k.EnqueueJob(k.ctx, "tasks_all"))
	old := k.claimJob("tasks_all")
	k.clock.Advance(window)
	now := k.claimJob("tasks_all")
	k.wantErr(k.FinishJob(k.ctx, old.Claim), store.ErrStale)
	_, err := k.ExtendJob(k.ctx, old.Claim, time.Hour)
	k.wantErr(err, store.ErrStale)
	equal(k, "in work", k.queued(store.QueueSync), 1)
	k.must(k.FinishJob(k.ctx, now.Claim))
	k.wantErr(k.FinishJob(k.ctx, now.Claim), store.ErrStale)
}

// jobWhileInWork: the run in work may have listed the backend before what is
// asked for now had happened.
func jobWhileInWork(k *kit) {
	k.touch("tasks_all")
	k.must(k.EnqueueJob(k.ctx, "tasks_all"))
	first := k.claimJob("tasks_all")
	k.must(k.EnqueueJob(k.ctx, "tasks_all"))
	second := k.claimJob("tasks_all")
	if first.ID == second.ID {
		k.Fatal("one message is claimed twice")
	}
}

func jobUnknown(k *kit) {
	k.wantErr(k.EnqueueJob(k.ctx, "nobody"), store.ErrNotFound)
	equal(k, "waiting", k.queued(store.QueueSync), 0)
}
