package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

var changesTests = []test{
	{"a change comes back as it went in", changeComesBack},
	{"absent parts stay absent", changeAbsentParts},
	{"oldest first", changesOldestFirst},
	{"a claim hides the change until its window ends", claimHides},
	{"extending keeps the claim", claimExtends},
	{"a claim that passed on is stale", claimStale},
	{"a late finish counts while nobody took over", claimLate},
	{"retry delays and counts tries", retryDelays},
	{"a free retry is not counted", retryFree},
	{"a try without a clear answer is remembered", retryUnsure},
	{"changed uids", changedUIDs},
	{"all or none", enqueueAllOrNone},
	{"nothing to do is no error", changesNothing},
	{"queue counts", changesCounted},
}

func changeComesBack(k *kit) {
	want := record.Change{
		Dataset: dataset, ClientID: "tasks_all", CUID: phone, Hash: "h1", Action: record.ActionUpdate, UID: "r1",
		Pre: json.RawMessage(`{"b": 1.0, "a":[]}`), Post: json.RawMessage(`{"b":2e0}`),
		Timestamp: 1234567890123, MetaData: json.RawMessage(`{"token":"x"}`), Invalid: "because",
	}
	equal(k, "result", k.enqueue(want), store.EnqueueResult{Queued: 1})
	received := k.clock.Now()
	k.clock.Advance(time.Second)
	got := k.claimHash("h1")
	equal(k, "change", got.Change, want)
	equal(k, "record uid", got.RecordUID, "r1")
	equal(k, "tries", got.Tries, 1)
	equal(k, "earlier", got.Earlier, nil)
	if !got.Enqueued.Equal(received) {
		k.Fatalf("enqueued %v, want %v", got.Enqueued, received)
	}
	if want := k.clock.Now().Add(window); !got.Until.Equal(want) {
		k.Fatalf("until %v, want %v", got.Until, want)
	}
}

func changeAbsentParts(k *kit) {
	want := record.Change{Dataset: dataset, CUID: phone, Hash: "h1", Action: "bogus"}
	k.enqueue(want)
	got := k.claimHash("h1")
	equal(k, "change", got.Change, want)
	equal(k, "record uid", got.RecordUID, "")
}

func changesOldestFirst(k *kit) {
	var want []string
	for i := range 20 {
		want = append(want, fmt.Sprintf("h%02d", i))
		k.enqueue(edit(phone, want[i], fmt.Sprintf("r%d", i)))
		if i%3 == 0 {
			k.clock.Advance(time.Millisecond)
		}
	}
	equal(k, "first", hashes(k.claim(5)), want[:5])
	equal(k, "rest", hashes(k.claim(100)), want[5:])
}

func claimHides(k *kit) {
	k.enqueue(edit(phone, "h1", "r1"))
	first := k.claimHash("h1")
	k.claimNothing()
	k.clock.Advance(window - time.Millisecond)
	k.claimNothing()
	k.clock.Advance(time.Millisecond)
	second := k.claimHash("h1")
	equal(k, "tries", second.Tries, 2)
	if first.Ack == second.Ack {
		k.Fatal("two claims share a token")
	}
}

func claimExtends(k *kit) {
	k.enqueue(edit(phone, "h1", "r1"))
	c := k.claimHash("h1")
	k.clock.Advance(window - time.Millisecond)
	extended, err := k.ExtendChange(k.ctx, c.Claim, window)
	k.must(err)
	if want := k.clock.Now().Add(window); !extended.Until.Equal(want) {
		k.Fatalf("until %v, want %v", extended.Until, want)
	}
	k.clock.Advance(window - time.Millisecond)
	k.claimNothing()
	c.Claim = extended
	k.finish(c, applied("r1", ""))
	k.clock.Advance(time.Hour)
	k.claimNothing()
}

func claimStale(k *kit) {
	k.touch("tasks_all")
	k.enqueue(create(phone, "h1", `{"v":1}`))
	old := k.claimHash("h1")
	k.clock.Advance(window)
	now := k.claimHash("h1")

	before := k.client("tasks_all")
	_, err := k.ExtendChange(k.ctx, old.Claim, window)
	k.wantErr(err, store.ErrStale)
	k.wantErr(k.RetryChange(k.ctx, old.Claim, 0, true), store.ErrStale)
	k.wantErr(k.FinishChange(k.ctx, old.Claim, store.Outcome{Type: record.Collision, UID: "wrong"}), store.ErrStale)
	k.wantErr(k.FinishChange(k.ctx, store.Claim{ID: "of another origin", Ack: now.Ack}, applied("wrong", "")), store.ErrStale)
	k.wantErr(k.FinishChange(k.ctx, store.Claim{}, applied("wrong", "")), store.ErrStale)

	k.noUpdates(phone)
	k.claimNothing()
	equal(k, "dataset client", k.client("tasks_all"), before)
	k.finish(now, applied("real", ""))
	equal(k, "uid", k.update1(phone).UID, "real")

	// Done is done, for its holder as well.
	done := k.updates(phone)
	k.wantErr(k.FinishChange(k.ctx, now.Claim, store.Outcome{Type: record.Failed}), store.ErrStale)
	k.wantErr(k.RetryChange(k.ctx, now.Claim, 0, false), store.ErrStale)
	_, err = k.ExtendChange(k.ctx, now.Claim, window)
	k.wantErr(err, store.ErrStale)
	equal(k, "updates", k.updates(phone), done)
	k.clock.Advance(time.Hour)
	k.claimNothing()
}

func claimLate(k *kit) {
	k.enqueue(edit(phone, "h1", "r1"))
	c := k.claimHash("h1")
	k.clock.Advance(10 * window)
	k.finish(c, applied("r1", ""))
	k.claimNothing()
	equal(k, "type", k.update1(phone).Type, record.Applied)
}

func retryDelays(k *kit) {
	k.enqueue(edit(phone, "h1", "r1"), edit(phone, "h2", "r2"))
	k.must(k.RetryChange(k.ctx, k.claimHash("h1").Claim, time.Minute, false))
	k.do("h2", applied("r2", "")) // another record is not held up
	k.clock.Advance(time.Minute - time.Millisecond)
	k.claimNothing()
	k.clock.Advance(time.Millisecond)
	equal(k, "tries", k.claimHash("h1").Tries, 2)
}

func retryFree(k *kit) {
	k.enqueue(edit(phone, "h1", "r1"))
	for range 3 {
		c := k.claimHash("h1")
		equal(k, "tries", c.Tries, 1)
		k.must(k.RetryChange(k.ctx, c.Claim, 0, true))
		k.wantErr(k.FinishChange(k.ctx, c.Claim, applied("r1", "")), store.ErrStale)
	}
}

// retryUnsure: once a try ended in the unknown, no later one makes it known.
func retryUnsure(k *kit) {
	unsure := func(hash string, want bool) store.ClaimedChange {
		k.Helper()
		c := k.claimHash(hash)
		equal(k, "unsure of "+hash, c.Unsure, want)
		return c
	}
	k.enqueue(edit(phone, "h1", "r1"))
	for range 2 {
		k.must(k.RetryChange(k.ctx, unsure("h1", false).Claim, 0, false))
	}
	k.must(k.RetryChange(k.ctx, unsure("h1", false).Claim, 0, true))
	k.must(k.RetryChange(k.ctx, unsure("h1", true).Claim, 0, false))
	k.finish(unsure("h1", true), applied("r1", ""))

	k.enqueue(edit(phone, "h2", "r2"))
	k.must(k.RetryChange(k.ctx, unsure("h2", false).Claim, 0, false))
	extended := unsure("h2", false)
	if _, err := k.ExtendChange(k.ctx, extended.Claim, window); err != nil {
		k.Fatal(err)
	}
	k.clock.Advance(window) // its worker died
	k.must(k.RetryChange(k.ctx, unsure("h2", true).Claim, 0, false))
	k.finish(unsure("h2", true), applied("r2", ""))
}

func changedUIDs(k *kit) {
	k.enqueue(create(phone, "made", `{"v":1}`), edit(phone, "h2", "bad"), edit(phone, "h3", "waits"), edit(tablet, "h4", "others"))
	start := k.clock.Now()
	k.clock.Advance(time.Second)
	k.do("made", applied("real", "x"))
	k.do("h2", store.Outcome{Type: record.Failed, UID: "bad"})
	check := func(since time.Time, want ...string) {
		k.Helper()
		uids, err := k.ChangedUIDs(k.ctx, dataset, phone, since)
		k.must(err)
		got := map[string]bool{}
		for _, uid := range uids {
			got[uid] = true
		}
		for _, uid := range want {
			if !got[uid] {
				k.Fatalf("changed uids %q lack %q", uids, uid)
			}
		}
		if len(got) != len(want) {
			k.Fatalf("changed uids %q, want %q", uids, want)
		}
	}
	check(time.Time{}, "made", "real", "waits")
	check(start, "made", "real", "waits")
	check(k.clock.Now(), "made", "real", "waits") // a change of the same moment may have been missed
	check(k.clock.Now().Add(time.Millisecond), "waits")

	// A change to the new record, under the made-up uid, still waits.
	k.enqueue(edit(phone, "h5", "made"))
	check(k.clock.Now().Add(time.Hour), "waits", "made", "real")
}

func enqueueAllOrNone(k *kit) {
	if _, err := k.EnqueueChanges(k.ctx, []record.Change{edit(phone, "h1", "r1"), {Dataset: dataset, CUID: phone}}); err == nil {
		k.Fatal("a change without hash was taken")
	}
	ctx, cancel := context.WithCancel(k.ctx)
	cancel()
	if _, err := k.EnqueueChanges(ctx, []record.Change{edit(phone, "h1", "r1")}); err == nil {
		k.Fatal("no error after cancellation")
	}
	k.claimNothing()
}

func changesNothing(k *kit) {
	k.enqueue()
	k.claimNothing()
	equal(k, "claimed", len(k.claim(0)), 0)
	uids, err := k.ChangedUIDs(k.ctx, dataset, phone, time.Time{})
	k.must(err)
	equal(k, "uids", len(uids), 0)
}

func changesCounted(k *kit) {
	k.enqueue(edit(phone, "h1", "r1"), edit(phone, "h2", "r1"), edit(phone, "h3", "r3"))
	equal(k, "waiting", k.queued(store.QueuePending), 3)
	c := k.claimHash("h1")
	equal(k, "waiting and in work", k.queued(store.QueuePending), 3)
	k.finish(c, applied("r1", ""))
	equal(k, "left", k.queued(store.QueuePending), 2)
	equal(k, "acks", k.queued(store.QueueAck), 0)
	equal(k, "jobs", k.queued(store.QueueSync), 0)
}
