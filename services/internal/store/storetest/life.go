package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

var lifeTests = []test{
	{"it answers", pings},
	{"a restart changes nothing", restart},
	{"claims, runs and leases outlive a restart", restartInWork},
	{"after Close all is unavailable", closed},
	{"Close finishes what it accepted", closeUnderLoad},
	{"an operation that was cancelled did nothing", cancelled},
	{"purging leaves what is not done", purgeLeaves},
	{"random work keeps its promises", randomWork},
}

func pings(k *kit) { k.must(k.Ping(k.ctx)) }

func restart(k *kit) {
	k.touch("tasks_all")
	k.run("tasks_all", "c1", recs("r1", "a", "r2", "b"))
	k.enqueue(edit(phone, "h3", "r3"), create(phone, "made", `{"v":1}`), edit(phone, "h2", "made"))
	k.do("h3", store.Outcome{Type: record.Collision, UID: "r3"})
	k.do("made", applied("real", "x"))
	k.sendAck(phone, k.updates(phone)[0])
	k.must(k.EnqueueJob(k.ctx, "tasks_all"))
	_, err := k.SetStopped(k.ctx, "notes", true)
	k.must(err)
	client, updates := k.client("tasks_all"), k.updates(phone)
	counts, err := k.Queues(k.ctx)
	k.must(err)

	k.reopen()
	equal(k, "client", k.client("tasks_all"), client)
	equal(k, "updates", k.updates(phone), updates)
	now, err := k.Queues(k.ctx)
	k.must(err)
	equal(k, "queues", now, counts)
	equal(k, "view", k.view("tasks_all"), map[string]string{"r1": "a", "r2": "b"})
	equal(k, "records", len(k.records("r1", "r2")), 2)
	k.claimJob("tasks_all")
	equal(k, "again", k.enqueue(create(phone, "made", `{"v":1}`)), isKnown)
	equal(k, "record uid", k.do("h2", applied("real", "y")).RecordUID, "real")
	k.enqueue(edit(phone, "h4", "made"))
	equal(k, "record uid", k.do("h4", applied("real", "z")).RecordUID, "real")
	k.must(k.TouchDatasetClients(k.ctx, []store.Touch{{ID: "notes_1", Dataset: "notes", Config: config}}))
	equal(k, "stopped", k.client("notes_1").Stopped, true)
	k.ack(phone)
	for _, u := range k.updates(phone) {
		if u.Timestamp == updates[0].Timestamp && u.Hash == updates[0].Hash {
			k.Fatal("the acknowledgement was lost")
		}
	}
}

func restartInWork(k *kit) {
	k.touch("tasks_1")
	k.enqueue(edit(phone, "h1", "r1"), edit(phone, "h2", "r1"))
	c, run, lease := k.claimHash("h1"), k.begin("tasks_1"), k.acquired("job", "a")
	k.must(k.WriteRecords(k.ctx, run, recs("r1", "a"), nil))

	k.reopen()
	k.claimNothing()
	_, err := k.BeginRun(k.ctx, "tasks_1", "other job")
	k.wantErr(err, store.ErrBusy)
	_, ok := k.acquire("job", "b")
	equal(k, "b", ok, false)

	k.finish(c, applied("r1", ""))
	k.must(k.WriteRecords(k.ctx, run, recs("r2", "b"), nil))
	k.must(k.EndRun(k.ctx, run, "c"))
	k.must(k.RenewLease(k.ctx, lease, ttl))
	equal(k, "view", k.view("tasks_1"), map[string]string{"r1": "a", "r2": "b"})
	later := k.claimHash("h2")

	k.reopen()
	k.clock.Advance(config.BackendListTimeout)
	again := k.claimHash("h2")
	k.wantErr(k.FinishChange(k.ctx, later.Claim, applied("r1", "")), store.ErrStale)
	k.finish(again, applied("r1", ""))
	next := k.begin("tasks_1")
	if next.Token <= run.Token {
		k.Fatalf("run token %d after %d", next.Token, run.Token)
	}
	if b := k.acquired("job", "b"); b.Token <= lease.Token {
		k.Fatalf("lease token %d after %d", b.Token, lease.Token)
	}
}

// operations calls every method that asks the store something.
func (k *kit) operations(ctx context.Context) map[string]error {
	run := store.Run{Client: record.DatasetClient{ID: "tasks_1", Dataset: dataset}, Token: 1}
	claim, lease := store.Claim{ID: "1", Ack: "x"}, store.Lease{Name: "job", Token: 1}
	errs := map[string]error{}
	note := func(name string) func(any, error) { return func(_ any, err error) { errs[name] = err } }
	note("EnqueueChanges")(k.EnqueueChanges(ctx, []record.Change{edit(phone, "h1", "r1")}))
	note("ClaimChanges")(k.ClaimChanges(ctx, 1, window))
	note("ExtendChange")(k.ExtendChange(ctx, claim, window))
	note("RetryChange")(nil, k.RetryChange(ctx, claim, 0, false))
	note("FinishChange")(nil, k.FinishChange(ctx, claim, applied("r1", "")))
	note("ChangedUIDs")(k.ChangedUIDs(ctx, dataset, phone, time.Time{}))
	note("EnqueueAcks")(nil, k.EnqueueAcks(ctx, []record.Ack{{Dataset: dataset, CUID: phone, Hash: "h1"}}))
	note("ClaimAcks")(k.ClaimAcks(ctx, 1, window))
	note("FinishAcks")(nil, k.FinishAcks(ctx, []store.ClaimedAck{{Claim: claim}}))
	note("ListUpdates")(k.ListUpdates(ctx, dataset, phone, 0))
	note("EnqueueJob")(nil, k.EnqueueJob(ctx, "tasks_1"))
	note("ClaimJobs")(k.ClaimJobs(ctx, 1, window))
	note("ExtendJob")(k.ExtendJob(ctx, claim, window))
	note("FinishJob")(nil, k.FinishJob(ctx, claim))
	_, _, errs["SyncState"] = k.SyncState(ctx, "tasks_1", dataset, phone, 0)
	note("DatasetClient")(k.DatasetClient(ctx, "tasks_1"))
	note("ListDatasetClients")(k.ListDatasetClients(ctx, ""))
	note("TouchDatasetClients")(nil, k.TouchDatasetClients(ctx, []store.Touch{{ID: "tasks_1", Dataset: dataset, Config: config}}))
	note("SetStopped")(k.SetStopped(ctx, dataset, true))
	note("ScheduleDue")(k.ScheduleDue(ctx, lease, 1))
	note("RemoveIdle")(k.RemoveIdle(ctx, lease, 0, 1))
	note("BeginRun")(k.BeginRun(ctx, "tasks_1", "job"))
	for _, err := range k.ViewHashes(ctx, "tasks_1") {
		note("ViewHashes")(nil, err)
	}
	note("WriteRecords")(nil, k.WriteRecords(ctx, run, recs("r1", "a"), nil))
	note("EndRun")(nil, k.EndRun(ctx, run, "c"))
	note("MarkRunEnded")(nil, k.MarkRunEnded(ctx, "tasks_1", "job"))
	note("ReadRecords")(k.ReadRecords(ctx, dataset, []string{"r1"}))
	_, _, errs["AcquireLease"] = k.AcquireLease(ctx, "job", "a", ttl)
	note("RenewLease")(nil, k.RenewLease(ctx, lease, ttl))
	note("ReleaseLease")(nil, k.ReleaseLease(ctx, lease))
	note("Queues")(k.Queues(ctx))
	note("Ping")(nil, k.Ping(ctx))
	return errs
}

func closed(k *kit) {
	k.must(k.Close())
	k.must(k.Close())
	for name, err := range k.operations(k.ctx) {
		if !errors.Is(err, store.ErrUnavailable) {
			k.Errorf("%s: %v, want %v", name, err, store.ErrUnavailable)
		}
	}
}

// closeUnderLoad: whoever was told yes finds it after the restart, whoever was
// told no may try again.
func closeUnderLoad(k *kit) {
	var mu sync.Mutex
	var stored []string
	var wg sync.WaitGroup
	begun := make(chan struct{}, 1000)
	for i := range 16 {
		wg.Go(func() {
			for n := 0; ; n++ {
				hash := fmt.Sprintf("h%d-%d", i, n)
				_, err := k.EnqueueChanges(k.ctx, []record.Change{edit(phone, hash, hash)})
				if err != nil {
					if !errors.Is(err, store.ErrUnavailable) {
						k.Errorf("while closing: %v", err)
					}
					return
				}
				mu.Lock()
				stored = append(stored, hash)
				mu.Unlock()
				select {
				case begun <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 50 {
		<-begun
	}
	k.must(k.Close())
	wg.Wait()
	k.reopen()
	found := hashes(k.claim(len(stored) + 100))
	for _, hash := range stored {
		if !slices.Contains(found, hash) {
			k.Fatalf("%s was stored and is gone", hash)
		}
	}
}

func cancelled(k *kit) {
	k.touch("tasks_1")
	before := k.client("tasks_1")
	ctx, cancel := context.WithCancel(k.ctx)
	cancel()
	for name, err := range k.operations(ctx) {
		if !errors.Is(err, context.Canceled) {
			k.Errorf("%s: %v, want %v", name, err, context.Canceled)
		}
	}
	equal(k, "client", k.client("tasks_1"), before)
	counts, err := k.Queues(k.ctx)
	k.must(err)
	for queue, n := range counts {
		equal(k, string(queue), n, 0)
	}
	k.acquired("job", "b")
}

func purgeLeaves(k *kit) {
	k.touch("tasks_1")
	k.enqueue(edit(phone, "h1", "r1"), edit(phone, "h2", "r2"), edit(phone, "h3", "r2"))
	k.claimHash("h1")
	k.do("h2", applied("r2", ""))
	k.must(k.EnqueueAcks(k.ctx, []record.Ack{{Dataset: dataset, CUID: phone, Hash: "h9"}}))
	k.must(k.EnqueueJob(k.ctx, "tasks_1"))
	k.clock.Advance(queueTTL - time.Millisecond)
	k.expire()
	uids, err := k.ChangedUIDs(k.ctx, dataset, phone, time.Time{})
	k.must(err)
	equal(k, "changed uids", len(uids), 2)
	k.clock.Advance(10 * queueTTL)
	k.expire()
	counts, err := k.Queues(k.ctx)
	k.must(err)
	equal(k, "queues", counts, map[store.Queue]int64{store.QueuePending: 2, store.QueueAck: 1, store.QueueSync: 1})
	equal(k, "update", k.update1(phone).Hash, "h2")
	k.do("h3", applied("r2", ""))
	k.do("h1", applied("r1", ""))
}
