package storetest

import (
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

var uidTests = []test{
	{"a made-up uid means the record it became", uidMapped},
	{"changes that wait under a made-up uid follow", uidRekeyed},
	{"they line up behind others of the record", uidJoins},
	{"and before later ones of the record", uidJoinsBefore},
	{"a change in work stays first", uidInWork},
	{"one device's made-up uid means nothing to another", uidOwnDevice},
	{"a failed create maps nothing", uidFailed},
	{"a newer version of a create knows its record", uidNewerCreate},
	{"a create's hash counts as its made-up uid", uidHash},
	{"a record that was made again", uidMadeAgain},
	{"the mapping outlives the log", uidOutlivesLog},
	{"and ends at last", uidEnds},
	{"a change sent again under the other uid is known", uidResentAsReal},
}

func uidMapped(k *kit) {
	k.enqueue(create(phone, "made", `{"v":1}`))
	k.do("made", applied("real", "x"))
	k.enqueue(remove(phone, "h2", "made", `{"v":1}`))
	c := k.claimHash("h2")
	equal(k, "record uid", c.RecordUID, "real")
	equal(k, "uid as sent", c.Change.UID, "made")
}

func uidRekeyed(k *kit) {
	k.enqueue(create(phone, "made", `{"v":1}`), edit(phone, "h2", "made"), remove(phone, "h3", "made", `{"v":2}`))
	c := k.claimHash("made")
	equal(k, "record uid", c.RecordUID, "made")
	k.claimNothing()
	k.finish(c, applied("real", "x"))
	equal(k, "record uid", k.do("h2", applied("real", "y")).RecordUID, "real")
	equal(k, "record uid", k.do("h3", applied("real", "")).RecordUID, "real")
	k.claimNothing()
}

func uidJoins(k *kit) {
	k.enqueue(edit(tablet, "t1", "real"), create(phone, "made", `{"v":1}`), edit(phone, "h2", "made"))
	both := k.claim(10)
	equal(k, "claimed", hashes(both), []string{"t1", "made"})
	k.finish(both[1], applied("real", "x"))
	k.claimNothing() // h2 is for the record that t1 is worked on for
	k.finish(both[0], applied("real", ""))
	k.do("h2", applied("real", ""))
	k.claimNothing()
}

func uidJoinsBefore(k *kit) {
	k.enqueue(create(phone, "made", `{"v":1}`), edit(phone, "h2", "made"))
	c := k.claimHash("made")
	k.enqueue(edit(tablet, "t1", "real"), edit(tablet, "t2", "real"))
	k.finish(c, applied("real", "x"))
	k.do("h2", applied("real", ""))
	k.do("t1", applied("real", ""))
	k.do("t2", applied("real", ""))
	k.claimNothing()
}

func uidInWork(k *kit) {
	k.enqueue(create(phone, "made", `{"v":1}`), edit(phone, "h2", "made"))
	c := k.claimHash("made")
	k.enqueue(edit(tablet, "t1", "real"), edit(tablet, "t2", "real"))
	t1 := k.claimHash("t1")
	k.finish(c, applied("real", "x"))
	k.claimNothing() // h2 is older than t1, which has begun
	k.finish(t1, applied("real", ""))
	k.do("h2", applied("real", ""))
	k.do("t2", applied("real", ""))
	k.claimNothing()
}

func uidOwnDevice(k *kit) {
	k.enqueue(create(phone, "made", `{"v":1}`))
	k.do("made", applied("real", "x"))
	k.enqueue(edit(tablet, "t1", "made"))
	equal(k, "record uid", k.claimHash("t1").RecordUID, "made")
	other := edit(phone, "o1", "made")
	other.Dataset = "other"
	k.enqueue(other)
	equal(k, "record uid in another dataset", k.claimHash("o1").RecordUID, "made")
}

func uidFailed(k *kit) {
	k.enqueue(create(phone, "made", `{"v":1}`), edit(phone, "h2", "made"))
	k.do("made", store.Outcome{Type: record.Failed, UID: "not this one"})
	equal(k, "record uid", k.claimHash("h2").RecordUID, "made")
}

func uidNewerCreate(k *kit) {
	k.enqueue(create(phone, "made", `{"v":1}`))
	c := k.claimHash("made")
	k.enqueue(create(phone, "made", `{"v":2}`))
	k.claimNothing()
	k.finish(c, applied("real", "hash 1"))
	newer := k.claimHash("made")
	equal(k, "record uid", newer.RecordUID, "real")
	equal(k, "earlier", newer.Earlier, &store.Outcome{Type: record.Applied, UID: "real", Wrote: "hash 1"})
	k.finish(newer, applied("real", "hash 2"))
	u := k.update1(phone)
	equal(k, "uids", [2]string{u.UID, u.OldUID}, [2]string{"real", "made"})
}

func uidHash(k *kit) {
	c := create(phone, "hash", `{"v":1}`)
	c.UID = "local-7"
	k.enqueue(c, edit(phone, "h2", "hash"), edit(phone, "h3", "local-7"))
	for _, c := range k.claim(10) { // h2 may have gone its own way, or not
		if c.Change.Hash == "hash" {
			k.finish(c, applied("real", "x"))
		} else {
			k.must(k.RetryChange(k.ctx, c.Claim, 0, true))
		}
	}
	equal(k, "record uid", k.do("h2", applied("real", "")).RecordUID, "real")
	equal(k, "record uid", k.do("h3", applied("real", "")).RecordUID, "real")
	k.enqueue(edit(phone, "h4", "hash"), edit(phone, "h5", "local-7"))
	equal(k, "record uid", k.do("h4", applied("real", "")).RecordUID, "real")
	equal(k, "record uid", k.do("h5", applied("real", "")).RecordUID, "real")
}

// uidMadeAgain: the record was deleted elsewhere, and a newer version of the
// create made another.
func uidMadeAgain(k *kit) {
	k.enqueue(create(phone, "made", `{"v":1}`))
	k.do("made", applied("real1", "x"))
	k.enqueue(create(phone, "made", `{"v":2}`), edit(phone, "h2", "made"))
	k.do("made", applied("real2", "y"))
	equal(k, "record uid", k.do("h2", applied("real2", "")).RecordUID, "real2")
	k.enqueue(edit(phone, "h3", "made"))
	equal(k, "record uid", k.do("h3", applied("real2", "")).RecordUID, "real2")
}

func uidOutlivesLog(k *kit) {
	k.enqueue(create(phone, "made", `{"v":1}`))
	k.do("made", applied("real", "x"))
	k.ack(phone, k.update1(phone))
	k.clock.Advance(aliasTTL - time.Millisecond)
	k.expire()
	k.enqueue(edit(phone, "h2", "made"))
	equal(k, "record uid", k.claimHash("h2").RecordUID, "real")
}

func uidEnds(k *kit) {
	k.enqueue(create(phone, "made", `{"v":1}`))
	k.do("made", applied("real", "x"))
	k.clock.Advance(aliasTTL)
	k.expire()
	k.enqueue(edit(phone, "h2", "made"))
	equal(k, "record uid", k.claimHash("h2").RecordUID, "made")
}

// uidResentAsReal: a device that has learned the real uid sends the same change
// again under that, and back.
func uidResentAsReal(k *kit) {
	k.enqueue(create(phone, "made", `{"v":1}`), edit(phone, "h2", "made"))
	k.do("made", applied("real", "x"))
	equal(k, "while it waits", k.enqueue(edit(phone, "h2", "real")), isKnown)
	k.do("h2", applied("real", "y"))
	equal(k, "when it is done", k.enqueue(edit(phone, "h2", "real")), isKnown)
	k.clock.Advance(queueTTL)
	k.expire()
	equal(k, "when the log forgot it", k.enqueue(edit(phone, "h2", "real")), isKnown)
	equal(k, "another record", k.enqueue(edit(phone, "h2", "other")), isNew)

	k.enqueue(edit(phone, "h3", "real"))
	equal(k, "back under the made-up uid", k.enqueue(edit(phone, "h3", "made")), isKnown)
	equal(k, "the create", k.enqueue(create(phone, "made", `{"v":1}`)), isKnown)
	equal(k, "updates", len(k.updates(phone)), 1) // the create's
}
