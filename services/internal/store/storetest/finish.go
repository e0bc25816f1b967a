package storetest

import (
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

var finishTests = []test{
	{"an applied update", finishUpdate},
	{"a create reports both uids", finishCreate},
	{"a failure reports its message", finishFailed},
	{"what failed or collided brings the device's copy back", finishRevision},
	{"an applied change shows with the next run", finishDirty},
	{"the revision of no other view", finishOtherView},
	{"a change through an unknown view", finishUnknownView},
	{"updates belong to one device and dataset", finishOwner},
	{"updates are listed oldest first, up to a limit", finishListed},
}

func finishUpdate(k *kit) {
	k.enqueue(update(phone, "h1", "r1", `{"v":1}`, `{"v":2}`))
	k.do("h1", applied("r1", "hash of v2"))
	equal(k, "update", k.update1(phone), record.Update{Type: record.Applied, CUID: phone, Action: record.ActionUpdate,
		Hash: "h1", UID: "r1", Timestamp: k.clock.Now().UnixMilli()})
}

func finishCreate(k *kit) {
	k.enqueue(create(phone, "made", `{"v":1}`))
	k.do("made", applied("real", "x"))
	equal(k, "update", k.update1(phone), record.Update{Type: record.Applied, CUID: phone, Action: record.ActionCreate,
		Hash: "made", UID: "real", OldUID: "made", Timestamp: k.clock.Now().UnixMilli()})
}

func finishFailed(k *kit) {
	k.enqueue(create(phone, "made", `{"v":1}`))
	k.do("made", store.Outcome{Type: record.Failed, Msg: "the backend says no"})
	equal(k, "update", k.update1(phone), record.Update{Type: record.Failed, CUID: phone, Action: record.ActionCreate,
		Hash: "made", UID: "made", Msg: "the backend says no", Timestamp: k.clock.Now().UnixMilli()})
}

func finishRevision(k *kit) {
	k.touch("tasks_all")
	k.enqueue(edit(phone, "h1", "r1"), edit(phone, "h2", "r2"))
	k.do("h1", store.Outcome{Type: record.Failed, UID: "r1"})
	d := k.client("tasks_all")
	equal(k, "revision", d.Revision, 1)
	equal(k, "collisions", d.CollisionCount, 0)
	k.do("h2", store.Outcome{Type: record.Collision, UID: "r2"})
	d = k.client("tasks_all")
	equal(k, "revision", d.Revision, 2)
	equal(k, "collisions", d.CollisionCount, 1)
}

func finishDirty(k *kit) {
	k.touch("tasks_all")
	k.run("tasks_all", "c1", recs("r1", "a"))
	before := k.client("tasks_all").Revision
	k.enqueue(edit(phone, "h1", "r1"))
	k.do("h1", applied("r1", "a"))
	equal(k, "revision at once", k.client("tasks_all").Revision, before)
	k.clock.Advance(time.Millisecond)
	k.run("tasks_all", "c1", nil)
	equal(k, "revision after the run", k.client("tasks_all").Revision, before+1)
	k.run("tasks_all", "c1", nil)
	equal(k, "revision after one more", k.client("tasks_all").Revision, before+1)
}

func finishOtherView(k *kit) {
	k.touch("tasks_all", "tasks_mine")
	k.run("tasks_mine", "c1", nil)
	before := k.client("tasks_mine")
	k.enqueue(edit(phone, "h1", "r1"), edit(phone, "h2", "r2"))
	k.do("h1", applied("r1", ""))
	k.do("h2", store.Outcome{Type: record.Collision, UID: "r2"})
	equal(k, "other view", k.client("tasks_mine"), before)
	k.run("tasks_mine", "c1", nil)
	equal(k, "its revision after a run", k.client("tasks_mine").Revision, before.Revision)
}

func finishUnknownView(k *kit) {
	k.enqueue(edit(phone, "h1", "r1"))
	k.do("h1", store.Outcome{Type: record.Collision, UID: "r1"})
	equal(k, "type", k.update1(phone).Type, record.Collision)
	_, err := k.DatasetClient(k.ctx, "tasks_all")
	k.wantErr(err, store.ErrNotFound)
}

func finishOwner(k *kit) {
	other := edit(phone, "h1", "r9")
	other.Dataset = "other"
	k.enqueue(edit(phone, "h1", "r1"), edit(tablet, "h1", "r2"), other)
	for _, c := range k.claim(3) {
		k.finish(c, applied(c.RecordUID, ""))
	}
	equal(k, "phone", k.update1(phone).UID, "r1")
	equal(k, "tablet", k.update1(tablet).UID, "r2")
	k.noUpdates("somebody else")
	updates, err := k.ListUpdates(k.ctx, "other", phone, 0)
	k.must(err)
	equal(k, "other dataset", len(updates), 1)
	equal(k, "other dataset's uid", updates[0].UID, "r9")
}

func finishListed(k *kit) {
	k.touch("tasks_all")
	k.enqueue(edit(phone, "h1", "r1"), edit(phone, "h2", "r2"), edit(phone, "h3", "r3"))
	claimed := k.claim(3)
	for _, i := range []int{2, 0, 1} {
		k.clock.Advance(1e6)
		k.finish(claimed[i], applied(claimed[i].RecordUID, ""))
	}
	order := func(updates []record.Update) (all []string) {
		for _, u := range updates {
			all = append(all, u.Hash)
		}
		return all
	}
	equal(k, "all", order(k.updates(phone)), []string{"h3", "h1", "h2"})
	two, err := k.ListUpdates(k.ctx, dataset, phone, 2)
	k.must(err)
	equal(k, "two", order(two), []string{"h3", "h1"})

	d, state, err := k.SyncState(k.ctx, "tasks_all", dataset, phone, 2)
	k.must(err)
	equal(k, "two of the sync state", order(state), []string{"h3", "h1"})
	equal(k, "client of the sync state", *d, k.client("tasks_all"))
	_, state, err = k.SyncState(k.ctx, "tasks_all", dataset, "", 0)
	k.must(err)
	equal(k, "without cuid", len(state), 0)
	d, state, err = k.SyncState(k.ctx, "tasks_unknown", dataset, phone, 0)
	k.must(err)
	equal(k, "updates with an unknown view", len(state), 3)
	if d != nil {
		k.Fatalf("unknown view: %+v", d)
	}
}
