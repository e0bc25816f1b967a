package storetest

import (
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

var acksTests = []test{
	{"an acknowledgement removes its update", ackRemoves},
	{"never a later one", ackNotLater},
	{"of its device and dataset alone", ackOwner},
	{"claims go oldest first, hide and come back", ackClaims},
	{"a claim that passed on is skipped", ackStale},
	{"for nothing is no error", ackNothing},
}

func ackRemoves(k *kit) {
	k.enqueue(edit(phone, "h1", "r1"), edit(phone, "h2", "r2"))
	k.do("h1", applied("r1", ""))
	k.do("h2", applied("r2", ""))
	first := k.updates(phone)[0]
	k.sendAck(phone, first)
	equal(k, "until the ack is worked off", len(k.updates(phone)), 2)
	equal(k, "waiting", k.queued(store.QueueAck), 1)
	k.ack(phone)
	equal(k, "left", k.update1(phone).Hash, "h2")
	equal(k, "waiting", k.queued(store.QueueAck), 0)
}

func ackNotLater(k *kit) {
	k.enqueue(edit(phone, "h1", "r1"))
	k.do("h1", applied("r1", ""))
	u := k.update1(phone)
	early := u
	early.Timestamp--
	k.ack(phone, early)
	k.update1(phone)
	late := u
	late.Timestamp++
	k.ack(phone, late)
	k.noUpdates(phone)
}

func ackOwner(k *kit) {
	k.enqueue(edit(phone, "h1", "r1"))
	k.do("h1", applied("r1", ""))
	u := k.update1(phone)
	k.ack(tablet, u)
	k.must(k.EnqueueAcks(k.ctx, []record.Ack{{Dataset: "other", CUID: phone, Hash: "h1", Timestamp: u.Timestamp}}))
	k.ack(phone)
	k.update1(phone)
}

func ackClaims(k *kit) {
	acks := []record.Ack{
		{Dataset: dataset, CUID: phone, Hash: "h1", Timestamp: 1},
		{Dataset: dataset, CUID: tablet, Hash: "h2", Timestamp: 2},
		{Dataset: "other", CUID: phone, Hash: "h3", Timestamp: 3},
	}
	k.must(k.EnqueueAcks(k.ctx, acks))
	two, err := k.ClaimAcks(k.ctx, 2, window)
	k.must(err)
	equal(k, "claimed", []record.Ack{two[0].Ack, two[1].Ack}, acks[:2])
	one, err := k.ClaimAcks(k.ctx, 2, window)
	k.must(err)
	equal(k, "left", len(one), 1)
	equal(k, "left", one[0].Ack, acks[2])
	k.clock.Advance(window)
	again, err := k.ClaimAcks(k.ctx, 10, window)
	k.must(err)
	equal(k, "came back", len(again), 3)
	equal(k, "tries", again[0].Tries, 2)
	k.must(k.FinishAcks(k.ctx, again))
	k.clock.Advance(window)
	none, err := k.ClaimAcks(k.ctx, 10, window)
	k.must(err)
	equal(k, "done", len(none), 0)
}

func ackStale(k *kit) {
	k.must(k.EnqueueAcks(k.ctx, []record.Ack{{Dataset: dataset, CUID: phone, Hash: "h1", Timestamp: 1}}))
	old, err := k.ClaimAcks(k.ctx, 1, window)
	k.must(err)
	k.clock.Advance(window)
	now, err := k.ClaimAcks(k.ctx, 1, window)
	k.must(err)
	k.must(k.FinishAcks(k.ctx, old))
	equal(k, "still in work", k.queued(store.QueueAck), 1)
	k.must(k.FinishAcks(k.ctx, now))
	equal(k, "done", k.queued(store.QueueAck), 0)
	k.clock.Advance(time.Hour)
	k.must(k.FinishAcks(k.ctx, now))
}

func ackNothing(k *kit) {
	k.must(k.EnqueueAcks(k.ctx, nil))
	k.must(k.FinishAcks(k.ctx, nil))
	k.ack(phone, record.Update{Hash: "unknown", Timestamp: 1})
}
