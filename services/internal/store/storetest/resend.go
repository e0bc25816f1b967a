package storetest

import (
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

var (
	isNew    = store.EnqueueResult{Queued: 1}
	isKnown  = store.EnqueueResult{Repeated: 1}
	versionA = update(phone, "h1", "r1", `{"v":0}`, `{"v":"A"}`)
	versionB = update(phone, "h1", "r1", `{"v":0}`, `{"v":"B"}`)
	versionC = update(phone, "h1", "r1", `{"v":0}`, `{"v":"C"}`)
)

var resendTests = []test{
	{"of a change that waits", resendWaiting},
	{"of a change in work", resendInWork},
	{"of a done change reports it again", resendDone},
	{"of a done change makes its device look again", resendLooksAgain},
	{"of an acknowledged change reports it again", resendAcked},
	{"with its acknowledgement, in either order", resendWithAck},
	{"after the log forgot, while its update waits", resendForgotten},
	{"twice in one request", resendTwiceInOne},
	{"in another spelling", resendSpelling},
	{"from another device is another change", resendOtherDevice},
	{"by many requests at once", resendRace},
	{"a newer version is queued and follows", newerVersion},
	{"a newer version hides the older one's waiting result", newerHides},
	{"a newer version while the older waits: only the newer reports", newerWhileOlderWaits},
	{"a newer version while the older is in work: only the newer reports", newerWhileInWork},
	{"three versions, the applied one is the base", threeVersions},
	{"the earlier outcome outlives the log", earlierForgotten},
	{"A, B, A again: A is known", backToA},
	{"A again while B waits: B reports", backToAWhileBWaits},
	{"timestamps strictly grow", timestampsGrow},
}

func resendWaiting(k *kit) {
	equal(k, "first", k.enqueue(versionA), isNew)
	equal(k, "again", k.enqueue(versionA), isKnown)
	k.do("h1", applied("r1", ""))
	k.claimNothing()
	k.update1(phone)
}

func resendInWork(k *kit) {
	k.enqueue(versionA)
	c := k.claimHash("h1")
	equal(k, "again", k.enqueue(versionA), isKnown)
	k.claimNothing()
	k.noUpdates(phone)
	k.finish(c, applied("r1", ""))
	k.update1(phone)
	k.claimNothing()
}

// A device that sends a change again had it pending until now, and clients pass
// over what they are told of records with pending changes.
func resendLooksAgain(k *kit) {
	k.touch("tasks_all")
	k.enqueue(edit(phone, "h1", "r1"))
	k.enqueue(edit(phone, "h1", "r1"))
	equal(k, "revision while it waits", k.client("tasks_all").Revision, 0)
	k.do("h1", applied("r1", ""))
	k.enqueue(edit(phone, "h1", "r1"))
	equal(k, "revision once it is done", k.client("tasks_all").Revision, 1)
}

func resendDone(k *kit) {
	k.enqueue(create(phone, "made", `{"v":1}`))
	k.do("made", applied("real", "x"))
	first := k.update1(phone)
	equal(k, "again", k.enqueue(create(phone, "made", `{"v":1}`)), isKnown)
	k.claimNothing()
	again := k.update1(phone)
	if again.Timestamp <= first.Timestamp {
		k.Fatalf("timestamp %d after %d", again.Timestamp, first.Timestamp)
	}
	again.Timestamp = first.Timestamp
	equal(k, "update", again, first)
}

func resendAcked(k *kit) {
	k.enqueue(versionA)
	k.do("h1", store.Outcome{Type: record.Failed, UID: "r1", Msg: "no"})
	first := k.update1(phone)
	k.ack(phone, first)
	k.noUpdates(phone)
	equal(k, "again", k.enqueue(versionA), isKnown)
	k.claimNothing()
	again := k.update1(phone)
	if again.Timestamp <= first.Timestamp {
		k.Fatalf("timestamp %d after %d: the old acknowledgement would remove it", again.Timestamp, first.Timestamp)
	}
	equal(k, "message", again.Msg, "no")
}

// resendWithAck: a request may acknowledge a change and resend it (protocol
// section 4, trap 2). The acknowledgement is worked off before or after.
func resendWithAck(k *kit) {
	k.enqueue(versionA)
	k.do("h1", applied("r1", ""))
	first := k.update1(phone)

	k.sendAck(phone, first)
	k.enqueue(versionA)
	k.ack(phone) // works off the one that waits
	second := k.update1(phone)
	if second.Timestamp <= first.Timestamp {
		k.Fatalf("timestamp %d after %d", second.Timestamp, first.Timestamp)
	}

	k.ack(phone, second)
	k.noUpdates(phone)
	k.enqueue(versionA)
	k.ack(phone, first, second) // late duplicates
	k.update1(phone)
	k.claimNothing()
}

// resendForgotten: devices resend after exactly the time for which done messages
// are kept.
func resendForgotten(k *kit) {
	k.enqueue(versionA)
	k.do("h1", applied("r1", "A"))
	first := k.update1(phone)
	k.clock.Advance(queueTTL)
	k.expire()
	equal(k, "first resend", k.enqueue(versionA), isKnown)
	k.claimNothing()
	again := k.update1(phone)
	if again.Timestamp <= first.Timestamp {
		k.Fatalf("timestamp %d after %d", again.Timestamp, first.Timestamp)
	}
	equal(k, "second resend", k.enqueue(versionA), isKnown)
	k.claimNothing()
}

func resendTwiceInOne(k *kit) {
	equal(k, "result", k.enqueue(versionA, versionA, versionB, versionA, versionB), store.EnqueueResult{Queued: 2, Repeated: 3})
	k.do("h1", applied("r1", "A"))
	k.do("h1", applied("r1", "B"))
	k.claimNothing()
}

func resendSpelling(k *kit) {
	k.enqueue(update(phone, "h1", "r1", `{"a":1,"b":2}`, `{"a":1}`))
	equal(k, "again", k.enqueue(update(phone, "h1", "r1", ` { "b" : 2, "a" : 1 } `, `{"a":1}`)), isKnown)
	equal(k, "other content", k.enqueue(update(phone, "h1", "r1", `{"a":1,"b":3}`, `{"a":1}`)), isNew)
}

func resendOtherDevice(k *kit) {
	k.enqueue(edit(phone, "h1", "r1"))
	equal(k, "other device", k.enqueue(edit(tablet, "h1", "r1")), isNew)
	other := edit(phone, "h1", "r1")
	other.Dataset = "other"
	equal(k, "other dataset", k.enqueue(other), isNew)
}

func resendRace(k *kit) {
	results := make([]store.EnqueueResult, 16)
	k.together(len(results), func(i int) (err error) {
		results[i], err = k.EnqueueChanges(k.ctx, []record.Change{versionA, edit(phone, "h2", "r2")})
		return err
	})
	queued := 0
	for _, r := range results {
		queued += r.Queued
	}
	equal(k, "queued", queued, 2)
	equal(k, "claimable", len(k.claim(10)), 2)
}

func newerVersion(k *kit) {
	k.enqueue(versionA)
	k.do("h1", applied("r1", "hash A"))
	equal(k, "newer", k.enqueue(versionB), isNew)
	c := k.claimHash("h1")
	equal(k, "content", string(c.Change.Post), `{"v":"B"}`)
	equal(k, "earlier", c.Earlier, &store.Outcome{Type: record.Applied, UID: "r1", Wrote: "hash A"})
	k.finish(c, applied("r1", "hash B"))
	k.update1(phone)
}

func newerHides(k *kit) {
	k.enqueue(versionA)
	k.do("h1", applied("r1", "hash A"))
	old := k.update1(phone)
	k.enqueue(versionB)
	k.noUpdates(phone)
	_, state, err := k.SyncState(k.ctx, "tasks_all", dataset, phone, 0)
	k.must(err)
	equal(k, "updates of the sync state", len(state), 0)
	k.ack(phone, old) // the device may have seen it before it made B
	k.do("h1", store.Outcome{Type: record.Failed, UID: "r1", Msg: "B"})
	now := k.update1(phone)
	equal(k, "message", now.Msg, "B")
	if now.Timestamp <= old.Timestamp {
		k.Fatalf("timestamp %d after %d", now.Timestamp, old.Timestamp)
	}
	k.ack(phone, old)
	k.update1(phone)
}

func newerWhileOlderWaits(k *kit) {
	k.enqueue(versionA)
	equal(k, "newer", k.enqueue(versionB), isNew)
	first := k.do("h1", applied("r1", "hash A"))
	equal(k, "content", string(first.Change.Post), `{"v":"A"}`)
	k.noUpdates(phone)
	second := k.claimHash("h1")
	equal(k, "content", string(second.Change.Post), `{"v":"B"}`)
	equal(k, "earlier", second.Earlier, &store.Outcome{Type: record.Applied, UID: "r1", Wrote: "hash A"})
	k.finish(second, store.Outcome{Type: record.Collision, UID: "r1", Msg: "B"})
	equal(k, "message", k.update1(phone).Msg, "B")
}

func newerWhileInWork(k *kit) {
	k.enqueue(versionA)
	c := k.claimHash("h1")
	k.enqueue(versionB)
	k.claimNothing()
	k.finish(c, store.Outcome{Type: record.Failed, UID: "r1", Msg: "A"})
	k.noUpdates(phone)
	second := k.do("h1", applied("r1", "hash B"))
	equal(k, "earlier", second.Earlier, &store.Outcome{Type: record.Failed, UID: "r1", Msg: "A"})
	equal(k, "type", k.update1(phone).Type, record.Applied)
}

func threeVersions(k *kit) {
	k.enqueue(versionA)
	k.enqueue(versionB)
	k.enqueue(versionC)
	k.do("h1", applied("r1", "hash A"))
	k.do("h1", store.Outcome{Type: record.Failed, UID: "r1", Msg: "B"})
	k.noUpdates(phone)
	third := k.claimHash("h1")
	equal(k, "earlier", third.Earlier, &store.Outcome{Type: record.Applied, UID: "r1", Wrote: "hash A"})
	k.finish(third, applied("r1", "hash C"))
	k.update1(phone)
}

func earlierForgotten(k *kit) {
	k.enqueue(versionA)
	k.do("h1", applied("r1", "hash A"))
	k.clock.Advance(queueTTL)
	k.expire()
	equal(k, "newer", k.enqueue(versionB), isNew)
	k.noUpdates(phone)
	equal(k, "A again", k.enqueue(versionA), isKnown)
	k.noUpdates(phone)
	c := k.claimHash("h1")
	equal(k, "earlier", c.Earlier, &store.Outcome{Type: record.Applied, UID: "r1", Wrote: "hash A"})
	k.finish(c, applied("r1", "hash B"))
	k.update1(phone)
	k.claimNothing()
}

func backToA(k *kit) {
	k.enqueue(versionA)
	k.do("h1", applied("r1", "hash A"))
	k.enqueue(versionB)
	k.do("h1", store.Outcome{Type: record.Failed, UID: "r1", Msg: "B"})
	equal(k, "A again", k.enqueue(versionA), isKnown)
	k.claimNothing()
	// It may be a late copy of an old request: the device waits for the result of B,
	// and must not take that of A for it.
	equal(k, "type", k.update1(phone).Type, record.Failed)
}

func backToAWhileBWaits(k *kit) {
	k.enqueue(versionA)
	k.do("h1", applied("r1", "hash A"))
	k.enqueue(versionB)
	equal(k, "A again", k.enqueue(versionA), isKnown)
	k.noUpdates(phone)
	second := k.do("h1", store.Outcome{Type: record.Failed, UID: "r1", Msg: "B"})
	equal(k, "content", string(second.Change.Post), `{"v":"B"}`)
	equal(k, "message", k.update1(phone).Msg, "B")
	k.claimNothing()
}

// timestampsGrow: the clock stands still, acknowledgements remove what they may,
// and yet no timestamp comes twice.
func timestampsGrow(k *kit) {
	last := int64(0)
	check := func(what string) {
		k.Helper()
		u := k.update1(phone)
		if u.Timestamp <= last {
			k.Fatalf("%s: timestamp %d after %d", what, u.Timestamp, last)
		}
		last = u.Timestamp
	}
	k.enqueue(versionA)
	k.do("h1", applied("r1", "A"))
	check("done")
	for range 3 {
		k.enqueue(versionA)
		check("again")
		k.ack(phone, k.update1(phone))
		k.enqueue(versionA)
		check("again after an acknowledgement")
	}
	k.ack(phone, k.update1(phone))
	k.enqueue(versionB)
	k.do("h1", applied("r1", "B"))
	check("newer version")
}
