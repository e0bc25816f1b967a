package storetest

import (
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

var wishTests = []test{
	{"a wish brings a run forward, once", wishForward},
	{"the first wish sets the time, an earlier one brings it forward", wishCoalesced},
	{"runs begin a gap apart", wishGap},
	{"the backend rests for as long as a run took", wishRest},
	{"never later than the schedule", wishNotLater},
	{"a wish during a run survives it", wishDuringRun},
	{"a run that begins fulfils it, one that can't does not", wishFulfilled},
	{"while a run is queued there is no other", wishWhileQueued},
	{"the dataset's others come later, other datasets not at all", wishOthers},
	{"all alike when no view is named", wishAll},
	{"inactive ones have none", wishInactive},
	{"stopped ones keep theirs and are not due", wishStopped},
	{"unknown ones do no harm", wishUnknown},
	{"a restart keeps it", wishRestart},
	{"the schedule follows DatasetClient.Due", wishModel},
}

// hourly is a dataset that runs by the schedule once in an hour.
var hourly = record.SyncConfig{SyncFrequency: time.Hour, ClientSyncTimeout: 24 * time.Hour, BackendListTimeout: 5 * time.Minute,
	ChangeGap: time.Second}

func (k *kit) touchAs(of string, c record.SyncConfig, ids ...string) {
	k.Helper()
	for _, id := range ids {
		k.must(k.TouchDatasetClients(k.ctx, []store.Touch{{ID: id, Dataset: of, QueryParams: []byte(`{}`), Config: c, At: k.clock.Now()}}))
	}
}

// hourlies are dataset clients that have run just now, in no time, long enough ago
// for the gap.
func (k *kit) hourlies(ids ...string) store.Lease {
	k.Helper()
	lease := k.lease()
	k.touchAs(dataset, hourly, ids...)
	k.schedule(lease, 10)
	for _, id := range ids {
		k.takeJob(id)
		k.run(id, "c", nil)
	}
	k.clock.Advance(time.Minute)
	k.idle(lease)
	return lease
}

// takeJob works off one job, which must be of this dataset client.
func (k *kit) takeJob(id string) {
	k.Helper()
	k.must(k.FinishJob(k.ctx, k.claimJob(id).Claim))
}

func (k *kit) want(wish store.SyncWish) {
	k.Helper()
	wish.Dataset = dataset
	k.must(k.WantSync(k.ctx, wish))
}

// wantNow is the wish of a change that came through this view alone.
func (k *kit) wantNow(id string) {
	k.Helper()
	k.want(store.SyncWish{ClientID: id, At: k.clock.Now()})
}

// idle is a pass that finds nothing due.
func (k *kit) idle(lease store.Lease) store.Scheduled {
	k.Helper()
	done := k.schedule(lease, 10)
	equal(k, "jobs", done.Jobs, 0)
	return done
}

// due checks that one dataset client is due at this moment and not a millisecond
// before, and works off its job.
func (k *kit) due(lease store.Lease, id string, at time.Time) {
	k.Helper()
	if wait := at.Sub(k.clock.Now()); wait > 0 {
		k.clock.Advance(wait - time.Millisecond)
		k.wantNext(k.idle(lease), at)
		k.clock.Advance(time.Millisecond)
	}
	equal(k, "jobs", k.schedule(lease, 10).Jobs, 1)
	k.takeJob(id)
}

func wishForward(k *kit) {
	lease := k.hourlies("tasks_1")
	at := k.clock.Now()
	k.wantNow("tasks_1")
	equal(k, "wanted", k.client("tasks_1").Wanted, at)
	k.due(lease, "tasks_1", at)
	k.run("tasks_1", "c", nil)
	equal(k, "wanted after the run", k.client("tasks_1").Wanted.IsZero(), true)
	k.wantNext(k.idle(lease), k.clock.Now().Add(hourly.SyncFrequency))
}

func wishCoalesced(k *kit) {
	lease := k.hourlies("tasks_1")
	first := k.clock.Now().Add(2 * time.Second)
	k.want(store.SyncWish{ClientID: "tasks_1", At: first})
	for range 3 {
		k.clock.Advance(100 * time.Millisecond)
		k.want(store.SyncWish{ClientID: "tasks_1", At: k.clock.Now().Add(2 * time.Second)})
		k.want(store.SyncWish{ClientID: "tasks_2", OthersAt: k.clock.Now().Add(2 * time.Second)})
	}
	equal(k, "the first stays", k.client("tasks_1").Wanted, first)
	k.wantNext(k.idle(lease), first)
	earlier := k.clock.Now().Add(time.Second)
	k.want(store.SyncWish{ClientID: "tasks_2", OthersAt: earlier})
	equal(k, "an earlier one, as one of the others", k.client("tasks_1").Wanted, earlier)
	earlier = earlier.Add(-time.Millisecond)
	k.want(store.SyncWish{ClientID: "tasks_1", At: earlier})
	k.due(lease, "tasks_1", earlier)
	equal(k, "a scheduled run keeps it", k.client("tasks_1").Wanted, earlier)
}

func wishGap(k *kit) {
	lease := k.hourlies("tasks_1")
	k.wantNow("tasks_1")
	k.due(lease, "tasks_1", k.clock.Now())
	for range 3 {
		begun := k.clock.Now()
		run := k.begin("tasks_1")
		k.clock.Advance(100 * time.Millisecond)
		k.must(k.EndRun(k.ctx, run, "c"))
		k.wantNow("tasks_1")
		k.due(lease, "tasks_1", begun.Add(hourly.ChangeGap))
	}
	begun := k.clock.Now()
	k.run("tasks_1", "c", nil)
	wide := hourly
	wide.ChangeGap = time.Minute
	k.touchAs(dataset, wide, "tasks_1")
	equal(k, "config", k.client("tasks_1").Config, wide)
	k.wantNow("tasks_1")
	k.due(lease, "tasks_1", begun.Add(time.Minute))
}

func wishRest(k *kit) {
	lease := k.hourlies("tasks_1")
	for _, contentHash := range []string{"c", ""} { // "": a run that failed has worn the backend out as well
		run := k.begin("tasks_1")
		k.clock.Advance(30 * time.Second)
		k.must(k.EndRun(k.ctx, run, contentHash))
		k.wantNow("tasks_1")
		k.due(lease, "tasks_1", k.clock.Now().Add(30*time.Second))
	}
}

func wishNotLater(k *kit) {
	lease := k.lease()
	often := hourly
	often.SyncFrequency = 5 * time.Second
	k.touchAs(dataset, often, "tasks_1")
	run := k.begin("tasks_1")
	k.clock.Advance(30 * time.Second)
	k.must(k.EndRun(k.ctx, run, "c"))
	k.wantNow("tasks_1")
	k.due(lease, "tasks_1", k.clock.Now().Add(5*time.Second)) // the rest would be longer
	k.run("tasks_1", "c", nil)
	k.want(store.SyncWish{ClientID: "tasks_1", At: k.clock.Now().Add(time.Hour)})
	k.due(lease, "tasks_1", k.clock.Now().Add(5*time.Second))
}

func wishDuringRun(k *kit) {
	lease := k.hourlies("tasks_1")
	run := k.begin("tasks_1")
	begun := k.clock.Now()
	k.clock.Advance(time.Millisecond)
	k.wantNow("tasks_1")
	asked := k.clock.Now()
	k.idle(lease)
	k.must(k.WriteRecords(k.ctx, run, recs("r1", "a"), nil))
	k.must(k.EndRun(k.ctx, run, "c2"))
	equal(k, "wanted after the run", k.client("tasks_1").Wanted, asked)
	k.due(lease, "tasks_1", begun.Add(hourly.ChangeGap))

	run = k.begin("tasks_1")
	k.wantNow("tasks_1")
	k.must(k.MarkRunEnded(k.ctx, "tasks_1", "job of tasks_1"))
	k.wantErr(k.EndRun(k.ctx, run, "c3"), store.ErrStale)
	equal(k, "wanted after a run that vanished", k.client("tasks_1").Wanted, k.clock.Now())
}

func wishFulfilled(k *kit) {
	lease := k.hourlies("tasks_1")
	k.want(store.SyncWish{ClientID: "tasks_1", At: k.clock.Now().Add(time.Second)})
	run := k.begin("tasks_1") // whatever began it, it sees what was applied before
	equal(k, "wanted before it", run.Client.Wanted, k.clock.Now().Add(time.Second))
	equal(k, "wanted", k.client("tasks_1").Wanted.IsZero(), true)
	k.wantNow("tasks_1")
	_, err := k.BeginRun(k.ctx, "tasks_1", "another job")
	k.wantErr(err, store.ErrBusy)
	equal(k, "wanted after a refusal", k.client("tasks_1").Wanted, k.clock.Now())
	k.must(k.EndRun(k.ctx, run, "c"))
	k.due(lease, "tasks_1", k.clock.Now().Add(hourly.ChangeGap))
}

func wishWhileQueued(k *kit) {
	lease := k.hourlies("tasks_1")
	k.wantNow("tasks_1")
	equal(k, "jobs", k.schedule(lease, 10).Jobs, 1)
	k.clock.Advance(time.Minute)
	k.wantNow("tasks_1")
	k.idle(lease)
	k.takeJob("tasks_1") // and its worker dies
	k.due(lease, "tasks_1", k.client("tasks_1").SyncScheduled.Add(hourly.ScheduleWait()))
}

func wishOthers(k *kit) {
	lease := k.hourlies("tasks_1", "tasks_2", "tasks_3")
	k.touchAs("notes", hourly, "notes_1")
	k.run("notes_1", "c", nil)
	k.clock.Advance(time.Minute)
	note := k.client("notes_1")
	at, others := k.clock.Now(), k.clock.Now().Add(time.Second)
	k.want(store.SyncWish{ClientID: "tasks_2", At: at, OthersAt: others})
	k.due(lease, "tasks_2", at)
	k.run("tasks_2", "c", nil)
	k.clock.Advance(time.Second - time.Millisecond)
	k.wantNext(k.idle(lease), others)
	k.clock.Advance(time.Millisecond)
	equal(k, "jobs", k.schedule(lease, 10).Jobs, 2)
	equal(k, "another dataset", k.client("notes_1"), note)

	k.want(store.SyncWish{ClientID: "notes_1", At: k.clock.Now()})
	equal(k, "another dataset, named as this one's", k.client("notes_1"), note)
}

func wishAll(k *kit) {
	k.hourlies("tasks_1", "tasks_2")
	at := k.clock.Now().Add(time.Second)
	k.want(store.SyncWish{At: at})
	for _, id := range []string{"tasks_1", "tasks_2"} {
		equal(k, id, k.client(id).Wanted, at)
	}
}

func wishInactive(k *kit) {
	lease := k.hourlies("tasks_1", "tasks_2")
	k.clock.Advance(hourly.ClientSyncTimeout)
	equal(k, "deactivated", k.schedule(lease, 10).Deactivated, 2)
	before := k.client("tasks_1")
	k.want(store.SyncWish{ClientID: "tasks_1", At: k.clock.Now(), OthersAt: k.clock.Now()})
	k.want(store.SyncWish{ClientID: "tasks_2", At: k.clock.Now(), OthersAt: k.clock.Now()})
	equal(k, "an inactive one", k.client("tasks_1"), before)
	equal(k, "next", k.idle(lease).Next.IsZero(), true)
}

func wishStopped(k *kit) {
	lease := k.hourlies("tasks_1")
	k.wantNow("tasks_1")
	_, err := k.SetStopped(k.ctx, dataset, true)
	k.must(err)
	equal(k, "next while stopped", k.idle(lease).Next.IsZero(), true)
	_, err = k.SetStopped(k.ctx, dataset, false)
	k.must(err)
	k.due(lease, "tasks_1", k.clock.Now())
}

func wishUnknown(k *kit) {
	k.want(store.SyncWish{ClientID: "tasks_nobody", At: k.clock.Now(), OthersAt: k.clock.Now()})
	all, err := k.ListDatasetClients(k.ctx, "")
	k.must(err)
	equal(k, "dataset clients", len(all), 0)
}

func wishRestart(k *kit) {
	lease := k.hourlies("tasks_1")
	at := k.clock.Now().Add(time.Second)
	k.want(store.SyncWish{ClientID: "tasks_1", At: at})
	k.reopen()
	k.due(lease, "tasks_1", at)
}
