package storetest

import (
	"fmt"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

var changeLogTests = []test{
	{"a change from its arrival to its acknowledgement", storyApplied},
	{"a failed one and a collision", storyNotApplied},
	{"tries that came to nothing", storyRetried},
	{"a change behind others of its record", storyBehind},
	{"behind one that began before it joined", storyBehindInWork},
	{"a newer version under the same hash", storyVersions},
	{"sent again after it was acknowledged", storyResent},
	{"known by the made-up uid and the real one", storyUIDs},
	{"of a record that was made after it failed", storyMadeLater},
	{"without uid", storyWithoutUID},
	{"when the log forgot and the result waits", storyForgotten},
	{"found by hash, device, record and dataset", storyQueries},
	{"the newest first, as many as asked for", storyOrder},
	{"where a record stands", recordViews},
}

func (k *kit) stories(q store.ChangeQuery) []store.ChangeStory {
	k.Helper()
	found, err := k.FindChanges(k.ctx, q)
	k.must(err)
	for i, s := range found {
		if !s.Done.IsZero() {
			found[i].Visible, found[i].Claimed = time.Time{}, false // mean nothing any more
		}
	}
	return found
}

// story is that of the only change that a device sent under a hash.
func (k *kit) story(cuid, hash string) store.ChangeStory {
	k.Helper()
	found := k.stories(store.ChangeQuery{Dataset: dataset, CUID: cuid, Hash: hash})
	if len(found) != 1 {
		k.Fatalf("%d stories of %s, want one: %+v", len(found), hash, found)
	}
	return found[0]
}

// told is a change as stories tell it: without record data.
func told(c record.Change) record.Change {
	c.Pre, c.Post, c.MetaData = nil, nil, nil
	return c
}

func storyApplied(k *kit) {
	sent := create(phone, "made", `{"v":1}`)
	sent.Timestamp, sent.MetaData = 77, []byte(`{"token":"secret"}`)
	start := k.clock.Now()
	k.enqueue(sent)
	want := store.ChangeStory{Change: told(sent), RecordUID: "made", Enqueued: start, Visible: start}
	equal(k, "queued", k.story(phone, "made"), want)

	k.clock.Advance(time.Second)
	c := k.claimHash("made")
	want.Tries, want.Claimed, want.Visible = 1, true, c.Until
	equal(k, "claimed", k.story(phone, "made"), want)
	k.clock.Advance(window)
	want.Claimed = false
	equal(k, "when the claim has ended", k.story(phone, "made"), want)

	outcome := applied("real", "x")
	k.finish(c, outcome)
	waiting := k.update1(phone)
	want.RecordUID, want.Visible, want.Done, want.Outcome = "real", time.Time{}, k.clock.Now(), &outcome
	want.Reported, want.Waiting = time.UnixMilli(waiting.Timestamp).UTC(), &waiting
	equal(k, "done", k.story(phone, "made"), want)

	k.clock.Advance(time.Second)
	k.sendAck(phone, waiting)
	equal(k, "until the acknowledgement is worked off", k.story(phone, "made"), want)
	k.clock.Advance(time.Second)
	k.ack(phone)
	want.Waiting, want.Acknowledged = nil, k.clock.Now()
	equal(k, "acknowledged", k.story(phone, "made"), want)
	k.clock.Advance(time.Second)
	k.ack(tablet, waiting)
	k.ack(phone, record.Update{Hash: "made", Timestamp: waiting.Timestamp - 1})
	equal(k, "acknowledgements of others", k.story(phone, "made"), want)
}

func storyNotApplied(k *kit) {
	bad := edit(phone, "h2", "r2")
	bad.Invalid = "post is no object"
	k.enqueue(edit(phone, "h1", "r1"), bad)
	for hash, o := range map[string]store.Outcome{
		"h1": {Type: record.Collision, UID: "r1"},
		"h2": {Type: record.Failed, UID: "r2", Msg: "post is no object"},
	} {
		for _, c := range k.claim(10) {
			if c.Change.Hash == hash {
				k.finish(c, o)
			} else {
				k.must(k.RetryChange(k.ctx, c.Claim, 0, true))
			}
		}
		s := k.story(phone, hash)
		equal(k, "outcome of "+hash, s.Outcome, &o)
		equal(k, "message that waits", s.Waiting.Msg, o.Msg)
	}
	equal(k, "why it is invalid", k.story(phone, "h2").Change.Invalid, bad.Invalid)
}

func storyRetried(k *kit) {
	k.enqueue(edit(phone, "h1", "r1"))
	k.must(k.RetryChange(k.ctx, k.claimHash("h1").Claim, time.Minute, false))
	s := k.story(phone, "h1")
	equal(k, "tries", s.Tries, 1)
	equal(k, "claimed", s.Claimed, false)
	equal(k, "visible", s.Visible, k.clock.Now().Add(time.Minute))
	k.clock.Advance(time.Minute)
	k.must(k.RetryChange(k.ctx, k.claimHash("h1").Claim, time.Minute, true))
	s = k.story(phone, "h1")
	equal(k, "tries after one that was free", s.Tries, 1)
	equal(k, "visible", s.Visible, k.clock.Now().Add(time.Minute))
	equal(k, "behind", s.Behind, "")
	if s.Outcome != nil || s.Waiting != nil || !s.Done.IsZero() || !s.Reported.IsZero() {
		k.Fatalf("not done and yet %+v", s)
	}
}

func storyBehind(k *kit) {
	k.enqueue(edit(phone, "h1", "r1"), edit(tablet, "h2", "r1"), edit(phone, "h3", "r1"), edit(phone, "h4", "r2"))
	behind := func(cuid, hash, want string) {
		k.Helper()
		equal(k, hash+" is behind", k.story(cuid, hash).Behind, want)
	}
	behind(phone, "h1", "")
	behind(tablet, "h2", "h1")
	behind(phone, "h3", "h1")
	behind(phone, "h4", "")
	for _, c := range k.claim(10) {
		k.finish(c, applied(c.RecordUID, ""))
	}
	behind(phone, "h1", "")
	behind(tablet, "h2", "")
	behind(phone, "h3", "h2")
}

func storyBehindInWork(k *kit) {
	k.enqueue(create(phone, "made", `{"v":1}`), edit(phone, "h2", "made"))
	equal(k, "behind its create", k.story(phone, "h2").Behind, "made")
	c := k.claimHash("made")
	k.enqueue(edit(tablet, "t1", "real"))
	k.claimHash("t1")
	k.finish(c, applied("real", "x"))
	s := k.story(phone, "h2")
	equal(k, "behind the one in work", s.Behind, "t1")
	equal(k, "record", s.RecordUID, "real")
	equal(k, "the one in work", k.story(tablet, "t1").Behind, "")
}

func storyVersions(k *kit) {
	k.enqueue(versionA)
	k.do("h1", applied("r1", "hash A"))
	k.clock.Advance(time.Second)
	k.enqueue(versionB)
	versions := func() (newer, older store.ChangeStory) {
		k.Helper()
		found := k.stories(store.ChangeQuery{Hash: "h1"})
		equal(k, "versions", len(found), 2)
		return found[0], found[1]
	}
	newer, older := versions()
	equal(k, "newer is done", newer.Done.IsZero(), true)
	equal(k, "result of the older", older.Outcome, &store.Outcome{Type: record.Applied, UID: "r1", Wrote: "hash A"})
	if older.Waiting != nil || older.Reported.IsZero() {
		k.Fatalf("older: %+v, want its result hidden, once reported", older)
	}
	k.do("h1", store.Outcome{Type: record.Failed, UID: "r1", Msg: "B"})
	u := k.update1(phone)
	newer, older = versions()
	equal(k, "waiting", newer.Waiting, &u)
	if older.Waiting != nil || older.Reported.Equal(newer.Reported) {
		k.Fatalf("older: %+v, has the result of the newer", older)
	}
	k.clock.Advance(time.Second)
	k.ack(phone, u)
	newer, older = versions()
	equal(k, "acknowledged", newer.Acknowledged, k.clock.Now())
	equal(k, "the older is not", older.Acknowledged, time.Time{})

	k.enqueue(versionC, versionA)
	k.do("h1", applied("r1", "hash C"))
	equal(k, "versions", len(k.stories(store.ChangeQuery{Hash: "h1"})), 3)

	// While the older one waits, its result is never reported.
	d, e := edit(tablet, "h2", "r2"), update(tablet, "h2", "r2", `{"v":1}`, `{"v":3}`)
	k.enqueue(d, e)
	k.do("h2", applied("r2", ""))
	found := k.stories(store.ChangeQuery{CUID: tablet})
	equal(k, "newer behind", found[0].Behind, "")
	equal(k, "older reported", found[1].Reported, time.Time{})
	equal(k, "older done", found[1].Done, k.clock.Now())
}

func storyResent(k *kit) {
	k.enqueue(versionA)
	k.do("h1", applied("r1", "x"))
	k.ack(phone, k.update1(phone))
	before := k.story(phone, "h1")
	equal(k, "acknowledged", before.Acknowledged, k.clock.Now())
	k.clock.Advance(time.Second)
	k.enqueue(versionA)
	again := k.update1(phone)
	want := before
	want.Reported, want.Waiting, want.Acknowledged = time.UnixMilli(again.Timestamp).UTC(), &again, time.Time{}
	equal(k, "reported again", k.story(phone, "h1"), want)
	k.ack(phone, again)
	want.Waiting, want.Acknowledged = nil, k.clock.Now()
	equal(k, "acknowledged again", k.story(phone, "h1"), want)
}

func storyUIDs(k *kit) {
	k.enqueue(create(phone, "made", `{"v":1}`), edit(phone, "h2", "made"), edit(phone, "h3", "made"))
	k.do("made", applied("real", "x"))
	k.do("h2", applied("real", "y"))
	k.enqueue(edit(tablet, "t1", "real"), edit(phone, "h4", "made"), edit(tablet, "other", "made"))
	about := func(uid string) (all []string) {
		for _, s := range k.stories(store.ChangeQuery{Dataset: dataset, UID: uid}) {
			all = append(all, s.Change.Hash)
		}
		return all
	}
	equal(k, "by the real uid", about("real"), []string{"h4", "t1", "h3", "h2", "made"})
	equal(k, "by the made-up uid", about("made"), []string{"other", "h4", "h3", "h2", "made"})
	for hash, want := range map[string]string{"made": "real", "h2": "real", "h3": "real", "h4": "real"} {
		s := k.story(phone, hash)
		equal(k, "record of "+hash, s.RecordUID, want)
		equal(k, "uid of "+hash, s.Change.UID, "made")
	}
	equal(k, "record of another device's", k.story(tablet, "other").RecordUID, "made")
	both := k.stories(store.ChangeQuery{CUID: tablet, UID: "real"})
	equal(k, "of one device", len(both), 1)
	equal(k, "of one device", both[0].Change.Hash, "t1")
}

// storyMadeLater: the record is told as it is known now, also where a change was
// done before that.
func storyMadeLater(k *kit) {
	k.enqueue(create(phone, "made", `{"v":1}`), edit(phone, "h2", "made"))
	k.do("made", store.Outcome{Type: record.Failed, UID: "made"})
	k.do("h2", store.Outcome{Type: record.Failed, UID: "made"})
	equal(k, "record", k.story(phone, "h2").RecordUID, "made")
	k.enqueue(create(phone, "made", `{"v":2}`))
	k.do("made", applied("real", "x"))
	equal(k, "record", k.story(phone, "h2").RecordUID, "real")
}

func storyWithoutUID(k *kit) {
	k.enqueue(edit(phone, "h1", ""))
	equal(k, "record", k.story(phone, "h1").RecordUID, "")
	k.do("h1", store.Outcome{Type: record.Failed, Msg: "the change has no uid"})
	equal(k, "record", k.story(phone, "h1").RecordUID, "")
}

func storyForgotten(k *kit) {
	k.enqueue(edit(tablet, "old", "real"))
	k.must(k.RetryChange(k.ctx, k.claimHash("old").Claim, 2*queueTTL, true))
	k.clock.Advance(time.Second)
	k.enqueue(create(phone, "made", `{"v":1}`), edit(phone, "h2", "r2"), edit(phone, "h3", "r3"))
	for _, c := range k.claim(3) {
		uid := c.RecordUID
		if uid == "made" {
			uid = "real"
		}
		k.finish(c, applied(uid, "wrote"))
	}
	all := k.updates(phone)
	k.ack(phone, all[1])
	k.clock.Advance(queueTTL)
	k.expire()
	equal(k, "acknowledged and forgotten", len(k.stories(store.ChangeQuery{Hash: all[1].Hash})), 0)
	var u record.Update
	for _, one := range all {
		if one.Hash == "made" {
			u = one
		}
	}
	at := time.UnixMilli(u.Timestamp).UTC()
	want := store.ChangeStory{
		Change:    record.Change{Dataset: dataset, CUID: phone, Hash: "made", Action: record.ActionCreate, UID: "made"},
		RecordUID: "real", Done: at, Reported: at, Waiting: &u, Outcome: &store.Outcome{Type: record.Applied, UID: "real", Wrote: "wrote"},
	}
	equal(k, "by hash", k.story(phone, "made"), want)
	for _, q := range []store.ChangeQuery{{Hash: "made"}, {UID: "made"}, {CUID: phone, UID: "real"}, {Dataset: dataset, CUID: phone, UID: "made"}} {
		equal(k, fmt.Sprintf("by %+v", q), k.stories(q), []store.ChangeStory{want})
	}
	equal(k, "of the device", len(k.stories(store.ChangeQuery{CUID: phone})), 2)
	equal(k, "of another", len(k.stories(store.ChangeQuery{CUID: tablet, Hash: "made"})), 0)

	// A change counts by when it came, one that is forgotten by its result.
	k.enqueue(edit(phone, "h4", "real"))
	var order []string
	for _, s := range k.stories(store.ChangeQuery{UID: "real"}) {
		order = append(order, s.Change.Hash)
	}
	equal(k, "stories of the record", order, []string{"h4", "made", "old"})
}

func storyQueries(k *kit) {
	other := edit(phone, "h1", "r1")
	other.Dataset, other.ClientID = "notes", "notes_all"
	k.enqueue(edit(phone, "h1", "r1"), edit(tablet, "h1", "r1"), edit(phone, "h2", "r2"), other)
	for _, tc := range []struct {
		q    store.ChangeQuery
		want int
	}{
		{store.ChangeQuery{Hash: "h1"}, 3},
		{store.ChangeQuery{Hash: "h1", Dataset: dataset}, 2},
		{store.ChangeQuery{Hash: "h1", Dataset: "notes"}, 1},
		{store.ChangeQuery{Hash: "h1", CUID: phone}, 2},
		{store.ChangeQuery{Hash: "h1", CUID: phone, Dataset: dataset, UID: "r1"}, 1},
		{store.ChangeQuery{Hash: "h1", UID: "r2"}, 0},
		{store.ChangeQuery{CUID: phone}, 3},
		{store.ChangeQuery{CUID: phone, Dataset: dataset}, 2},
		{store.ChangeQuery{CUID: phone, UID: "r1"}, 2},
		{store.ChangeQuery{UID: "r1"}, 3},
		{store.ChangeQuery{UID: "r1", Dataset: "notes"}, 1},
		{store.ChangeQuery{UID: "r9"}, 0},
		{store.ChangeQuery{Hash: "h9"}, 0},
		{store.ChangeQuery{CUID: "nobody"}, 0},
		{store.ChangeQuery{Hash: "h1", Dataset: "nothing"}, 0},
	} {
		found := k.stories(tc.q)
		if len(found) != tc.want {
			k.Errorf("%+v: %d stories, want %d: %+v", tc.q, len(found), tc.want, found)
		}
	}
	equal(k, "of the other dataset", k.stories(store.ChangeQuery{Dataset: "notes", Hash: "h1"})[0].Change, told(other))
}

func storyOrder(k *kit) {
	for i := range 120 {
		c := edit(phone, fmt.Sprintf("h%03d", i), "r1")
		if i%2 == 1 {
			c.Dataset, c.ClientID = "notes", "notes_all"
		}
		k.enqueue(c)
		k.clock.Advance(time.Millisecond)
	}
	first := func(q store.ChangeQuery, count int, want ...string) {
		k.Helper()
		found := k.stories(q)
		var got []string
		for _, s := range found[:min(len(want), len(found))] {
			got = append(got, s.Change.Hash)
		}
		equal(k, fmt.Sprintf("first of %+v", q), got, want)
		equal(k, fmt.Sprintf("number of %+v", q), len(found), count)
	}
	first(store.ChangeQuery{CUID: phone, Limit: 3}, 3, "h119", "h118", "h117")
	first(store.ChangeQuery{UID: "r1", Limit: 3}, 3, "h119", "h118", "h117")
	first(store.ChangeQuery{Dataset: dataset, UID: "r1", Limit: 2}, 2, "h118", "h116")
	first(store.ChangeQuery{CUID: phone}, 100, "h119", "h118")
	first(store.ChangeQuery{CUID: phone, Limit: 1000}, 120, "h119")
}

func recordViews(k *kit) {
	where := func(dataset, uid, wantHash string, want ...string) {
		k.Helper()
		hash, clients, err := k.RecordViews(k.ctx, dataset, uid)
		k.must(err)
		equal(k, "hash of "+uid, hash, wantHash)
		equal(k, "holders of "+uid, append([]string{}, clients...), append([]string{}, want...))
	}
	k.touch("tasks_2", "tasks_1")
	where(dataset, "r1", "")
	k.run("tasks_2", "c", recs("r1", "a", "r2", "b"))
	where(dataset, "r1", "a", "tasks_2")
	k.run("tasks_1", "c", recs("r1", "a2"))
	where(dataset, "r1", "a2", "tasks_1", "tasks_2")
	where(dataset, "r2", "b", "tasks_2")
	where("notes", "r1", "")
	k.run("tasks_2", "c", nil, "r1", "r2")
	where(dataset, "r1", "a2", "tasks_1")
	where(dataset, "r2", "")
}
