package storetest

import (
	"errors"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

var runsTests = []test{
	{"a run marks its begin and its end", runMarks},
	{"runs never overlap", runBusy},
	{"of racing runs one begins", runRace},
	{"a run past its time is replaced, and stale", runReplaced},
	{"an ended run is stale", runEnded},
	{"a failed run leaves all else as it was", runFailed},
	{"an unknown dataset client", runUnknown},
	{"the revision grows with the content hash", revisionContent},
	{"the revision grows when records changed there and back", revisionRecords},
	{"not for what did not change", revisionNothing},
	{"a change applied during a run counts for the next", revisionDuring},
	{"a change applied in the millisecond in which a run begins counts for the next too", revisionSameMillisecond},
	{"a failed run gives back what it consumed", revisionFailedRun},
	{"a replaced run gives back what it consumed", revisionReplacedRun},
	{"what a failed run wrote shows with the next", revisionFailedWrote},
	{"those who share a changed record get a new revision", revisionShared},
	{"a job delivered twice completes the mark", markEnded},
	{"and ends its own run, no other", markEndedOwn},
}

func runMarks(k *kit) {
	k.touch("tasks_1")
	k.schedule(k.lease(), 10)
	before := k.client("tasks_1")
	k.clock.Advance(time.Second)
	start := k.clock.Now()
	run, err := k.BeginRun(k.ctx, "tasks_1", "job")
	k.must(err)
	equal(k, "client id", run.Client.ID, "tasks_1")
	equal(k, "query params", run.Client.QueryParams, before.QueryParams)
	equal(k, "config", run.Client.Config, before.Config)
	d := k.client("tasks_1")
	if !d.SyncLoopStart.Equal(start) || !d.SyncLoopEnd.Equal(start.Add(config.BackendListTimeout)) || d.SyncCompleted {
		k.Fatalf("at the beginning: %+v", d)
	}
	k.clock.Advance(time.Second)
	k.must(k.EndRun(k.ctx, run, "content"))
	d = k.client("tasks_1")
	if !d.SyncLoopStart.Equal(start) || !d.SyncLoopEnd.Equal(start.Add(time.Second)) || !d.SyncCompleted ||
		!d.SyncScheduled.IsZero() || d.ContentHash != "content" || !d.CompletedRunStart.Equal(start) {
		k.Fatalf("at the end: %+v", d)
	}
}

func runBusy(k *kit) {
	k.touch("tasks_1", "tasks_2")
	run := k.begin("tasks_1")
	_, err := k.BeginRun(k.ctx, "tasks_1", "other job")
	k.wantErr(err, store.ErrBusy)
	k.clock.Advance(config.BackendListTimeout - time.Millisecond)
	_, err = k.BeginRun(k.ctx, "tasks_1", "other job")
	k.wantErr(err, store.ErrBusy)
	k.begin("tasks_2")
	k.must(k.EndRun(k.ctx, run, "c"))
	k.begin("tasks_1")
}

func runRace(k *kit) {
	k.touch("tasks_1")
	began := make([]bool, 16)
	k.together(len(began), func(i int) error {
		_, err := k.BeginRun(k.ctx, "tasks_1", "job")
		began[i] = err == nil
		if errors.Is(err, store.ErrBusy) {
			return nil
		}
		return err
	})
	n := 0
	for _, b := range began {
		if b {
			n++
		}
	}
	equal(k, "runs", n, 1)
}

func runReplaced(k *kit) {
	k.touch("tasks_1")
	k.run("tasks_1", "c0", recs("r0", "a"))
	old := k.begin("tasks_1")
	k.clock.Advance(config.BackendListTimeout)
	now := k.begin("tasks_1")
	before := k.client("tasks_1")
	k.wantErr(k.WriteRecords(k.ctx, old, recs("r1", "old"), []string{"r0"}), store.ErrStale)
	k.wantErr(k.EndRun(k.ctx, old, "old"), store.ErrStale)
	k.wantErr(k.EndRun(k.ctx, old, ""), store.ErrStale)
	equal(k, "client", k.client("tasks_1"), before)
	equal(k, "view", k.view("tasks_1"), map[string]string{"r0": "a"})
	k.must(k.WriteRecords(k.ctx, now, recs("r1", "new"), nil))
	k.must(k.EndRun(k.ctx, now, "new"))
	equal(k, "view", k.view("tasks_1"), map[string]string{"r0": "a", "r1": "new"})
}

func runEnded(k *kit) {
	k.touch("tasks_1")
	run := k.begin("tasks_1")
	k.must(k.EndRun(k.ctx, run, "c"))
	before := k.client("tasks_1")
	k.wantErr(k.EndRun(k.ctx, run, "other"), store.ErrStale)
	k.wantErr(k.WriteRecords(k.ctx, run, recs("r1", "a"), nil), store.ErrStale)
	k.wantErr(k.WriteRecords(k.ctx, store.Run{Client: run.Client}, recs("r1", "a"), nil), store.ErrStale)
	k.wantErr(k.EndRun(k.ctx, store.Run{Client: run.Client}, "other"), store.ErrStale)
	equal(k, "client", k.client("tasks_1"), before)
	equal(k, "view", len(k.view("tasks_1")), 0)
}

func runFailed(k *kit) {
	k.touch("tasks_1")
	k.run("tasks_1", "c1", recs("r1", "a"))
	before := k.client("tasks_1")
	k.clock.Advance(time.Minute)
	k.schedule(k.lease(), 10)
	run := k.begin("tasks_1")
	k.clock.Advance(time.Second)
	k.must(k.EndRun(k.ctx, run, ""))
	got := k.client("tasks_1")
	if !got.SyncLoopEnd.Equal(k.clock.Now()) || !got.SyncScheduled.IsZero() {
		k.Fatalf("after a failed run: %+v", got)
	}
	before.SyncLoopStart, before.SyncLoopEnd = got.SyncLoopStart, got.SyncLoopEnd
	equal(k, "client", got, before)
	equal(k, "view", k.view("tasks_1"), map[string]string{"r1": "a"})
}

func runUnknown(k *kit) {
	_, err := k.BeginRun(k.ctx, "nobody", "job")
	k.wantErr(err, store.ErrNotFound)
	k.wantErr(k.MarkRunEnded(k.ctx, "nobody", "job"), store.ErrNotFound)
	run := store.Run{Client: record.DatasetClient{ID: "nobody", Dataset: dataset}, Token: 1}
	k.wantErr(k.WriteRecords(k.ctx, run, recs("r1", "a"), nil), store.ErrStale)
	k.wantErr(k.EndRun(k.ctx, run, "c"), store.ErrStale)
}

func (k *kit) wantRevision(id string, want int64) {
	k.Helper()
	equal(k, "revision of "+id, k.client(id).Revision, want)
}

func revisionContent(k *kit) {
	k.touch("tasks_1")
	k.run("tasks_1", "c1", recs("r1", "a"))
	k.wantRevision("tasks_1", 1)
	k.run("tasks_1", "c2", recs("r1", "b"))
	k.wantRevision("tasks_1", 2)
	k.run("tasks_1", "c3", nil)
	k.wantRevision("tasks_1", 3)
}

func revisionRecords(k *kit) {
	k.touch("tasks_1")
	k.run("tasks_1", "c1", recs("r1", "a"))
	run := k.begin("tasks_1")
	k.must(k.WriteRecords(k.ctx, run, recs("r1", "b"), nil))
	k.must(k.WriteRecords(k.ctx, run, recs("r1", "a"), nil))
	k.must(k.EndRun(k.ctx, run, "c1"))
	k.wantRevision("tasks_1", 2)
}

func revisionNothing(k *kit) {
	k.touch("tasks_1")
	k.run("tasks_1", "c1", recs("r1", "a"))
	k.run("tasks_1", "c1", nil)
	k.run("tasks_1", "c1", recs("r1", "a"), "r-unknown")
	k.wantRevision("tasks_1", 1)
}

func revisionDuring(k *kit) {
	k.touch("tasks_all")
	k.run("tasks_all", "c1", nil)
	run := k.begin("tasks_all")
	k.enqueue(edit(phone, "h1", "r1"))
	k.do("h1", applied("r1", ""))
	k.must(k.EndRun(k.ctx, run, "c1"))
	k.wantRevision("tasks_all", 1)
	k.clock.Advance(time.Millisecond)
	k.run("tasks_all", "c1", nil)
	k.wantRevision("tasks_all", 2)
	k.run("tasks_all", "c1", nil)
	k.wantRevision("tasks_all", 2)
}

// revisionSameMillisecond: of a change that is finished in the millisecond in which
// a run begins nobody can say which came first. ChangedUIDs takes it for later, so
// that the device keeps its version over this run; the next run must bring the
// device to look again.
func revisionSameMillisecond(k *kit) {
	k.touch("tasks_all")
	k.run("tasks_all", "c1", nil)
	k.enqueue(edit(phone, "h1", "r1"))
	k.do("h1", applied("r1", ""))
	k.run("tasks_all", "c1", nil)
	k.wantRevision("tasks_all", 2)
	k.clock.Advance(time.Millisecond)
	k.run("tasks_all", "c1", nil)
	k.wantRevision("tasks_all", 3)
	k.run("tasks_all", "c1", nil)
	k.wantRevision("tasks_all", 3)
}

func revisionFailedRun(k *kit) {
	k.touch("tasks_all")
	k.run("tasks_all", "c1", nil)
	k.enqueue(edit(phone, "h1", "r1"))
	k.do("h1", applied("r1", ""))
	k.clock.Advance(time.Millisecond)
	for range 2 {
		k.must(k.EndRun(k.ctx, k.begin("tasks_all"), ""))
		k.wantRevision("tasks_all", 1)
	}
	k.run("tasks_all", "c1", nil)
	k.wantRevision("tasks_all", 2)
	k.run("tasks_all", "c1", nil)
	k.wantRevision("tasks_all", 2)
}

func revisionReplacedRun(k *kit) {
	k.touch("tasks_all")
	k.run("tasks_all", "c1", nil)
	k.enqueue(edit(phone, "h1", "r1"))
	k.do("h1", applied("r1", ""))
	k.begin("tasks_all") // and its worker dies
	k.clock.Advance(config.BackendListTimeout)
	k.run("tasks_all", "c1", nil)
	k.wantRevision("tasks_all", 2)
}

func revisionFailedWrote(k *kit) {
	k.touch("tasks_1")
	k.run("tasks_1", "c1", recs("r1", "a"))
	run := k.begin("tasks_1")
	k.must(k.WriteRecords(k.ctx, run, recs("r1", "b"), nil))
	k.must(k.EndRun(k.ctx, run, ""))
	k.run("tasks_1", "c1", recs("r1", "a"))
	k.wantRevision("tasks_1", 2)
	k.run("tasks_1", "c1", nil)
	k.wantRevision("tasks_1", 2)
}

func revisionShared(k *kit) {
	k.touch("tasks_1", "tasks_2", "tasks_3")
	k.run("tasks_1", "c", recs("r1", "a", "r2", "a"))
	k.run("tasks_2", "c", recs("r1", "a", "r2", "a"))
	k.run("tasks_3", "c", recs("r3", "a"))
	k.wantRevision("tasks_1", 1)

	run := k.begin("tasks_2")
	k.must(k.WriteRecords(k.ctx, run, recs("r1", "b", "r2", "b"), nil))
	if d := k.client("tasks_1"); d.Revision <= 1 {
		k.Fatalf("revision of a view with a changed record: %d", d.Revision)
	}
	k.must(k.EndRun(k.ctx, run, "c2"))
	k.wantRevision("tasks_3", 1)
	k.wantRevision("tasks_2", 2)

	// That a record enters or leaves one view does not concern the others.
	before := k.client("tasks_1")
	k.run("tasks_2", "c3", recs("r3", "a"), "r1")
	equal(k, "client", k.client("tasks_1"), before)
	k.wantRevision("tasks_3", 1)
}

func markEnded(k *kit) {
	k.touch("tasks_1")
	lease := k.lease()
	k.schedule(lease, 10)
	k.run("tasks_1", "c1", recs("r1", "a"))
	k.clock.Advance(time.Minute)
	k.schedule(lease, 10)
	before := k.client("tasks_1")
	k.clock.Advance(time.Second)
	k.must(k.MarkRunEnded(k.ctx, "tasks_1", "job of tasks_1"))
	got := k.client("tasks_1")
	if !got.SyncLoopEnd.Equal(k.clock.Now()) || !got.SyncScheduled.IsZero() {
		k.Fatalf("after the mark: %+v", got)
	}
	before.SyncLoopEnd, before.SyncScheduled = got.SyncLoopEnd, got.SyncScheduled
	equal(k, "client", got, before)
}

func markEndedOwn(k *kit) {
	k.touch("tasks_1")
	run := k.begin("tasks_1")
	before := k.client("tasks_1")
	k.clock.Advance(time.Second)
	k.must(k.MarkRunEnded(k.ctx, "tasks_1", "other job"))
	equal(k, "client", k.client("tasks_1"), before)
	k.must(k.WriteRecords(k.ctx, run, recs("r1", "a"), nil))

	k.must(k.MarkRunEnded(k.ctx, "tasks_1", "job of tasks_1"))
	if got := k.client("tasks_1").SyncLoopEnd; !got.Equal(k.clock.Now()) {
		k.Fatalf("loop end %v, want %v", got, k.clock.Now())
	}
	k.wantErr(k.WriteRecords(k.ctx, run, recs("r2", "a"), nil), store.ErrStale)
	k.wantErr(k.EndRun(k.ctx, run, "c"), store.ErrStale)
	equal(k, "completed", k.client("tasks_1").SyncCompleted, false)
	k.run("tasks_1", "c", recs("r1", "a"))
	equal(k, "view", k.view("tasks_1"), map[string]string{"r1": "a"})
}
