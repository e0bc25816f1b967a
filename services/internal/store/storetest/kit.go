package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// kit is a test with its store: the helpers fail the test, so that a test reads
// as what it promises.
type kit struct {
	*testing.T
	store.Store
	ctx     context.Context
	clock   *Clock
	harness Harness
}

// window is how long claims in these tests last.
const window = 10 * time.Second

const (
	dataset = "tasks"
	phone   = "cuid-phone"
	tablet  = "cuid-tablet"
)

// ---- changes

func create(cuid, hash, post string) record.Change {
	return record.Change{Dataset: dataset, ClientID: "tasks_all", CUID: cuid, Hash: hash, Action: record.ActionCreate,
		UID: hash, Post: json.RawMessage(post)}
}

func update(cuid, hash, uid, pre, post string) record.Change {
	return record.Change{Dataset: dataset, ClientID: "tasks_all", CUID: cuid, Hash: hash, Action: record.ActionUpdate,
		UID: uid, Pre: json.RawMessage(pre), Post: json.RawMessage(post)}
}

func remove(cuid, hash, uid, pre string) record.Change {
	return record.Change{Dataset: dataset, ClientID: "tasks_all", CUID: cuid, Hash: hash, Action: record.ActionDelete,
		UID: uid, Pre: json.RawMessage(pre)}
}

// edit is an update whose content does not matter.
func edit(cuid, hash, uid string) record.Change {
	return update(cuid, hash, uid, `{"v":1}`, `{"v":2}`)
}

func applied(uid, wrote string) store.Outcome {
	return store.Outcome{Type: record.Applied, UID: uid, Wrote: wrote}
}

func (k *kit) enqueue(changes ...record.Change) store.EnqueueResult {
	k.Helper()
	result, err := k.EnqueueChanges(k.ctx, changes)
	k.must(err)
	return result
}

func (k *kit) claim(n int) []store.ClaimedChange {
	k.Helper()
	claimed, err := k.ClaimChanges(k.ctx, n, window)
	k.must(err)
	return claimed
}

// claimHash claims one change, which must be the one with this hash.
func (k *kit) claimHash(hash string) store.ClaimedChange {
	k.Helper()
	claimed := k.claim(1)
	if len(claimed) != 1 || claimed[0].Change.Hash != hash {
		k.Fatalf("claimed %v, want %s", hashes(claimed), hash)
	}
	return claimed[0]
}

func (k *kit) claimNothing() {
	k.Helper()
	if claimed := k.claim(10); len(claimed) != 0 {
		k.Fatalf("claimed %v, want nothing", hashes(claimed))
	}
}

func (k *kit) finish(c store.ClaimedChange, o store.Outcome) {
	k.Helper()
	k.must(k.FinishChange(k.ctx, c.Claim, o))
}

// do claims the change with this hash and finishes it.
func (k *kit) do(hash string, o store.Outcome) store.ClaimedChange {
	k.Helper()
	c := k.claimHash(hash)
	k.finish(c, o)
	return c
}

func hashes(claimed []store.ClaimedChange) []string {
	var all []string
	for _, c := range claimed {
		all = append(all, c.Change.Hash)
	}
	return all
}

// ---- updates and acks

func (k *kit) updates(cuid string) []record.Update {
	k.Helper()
	updates, err := k.ListUpdates(k.ctx, dataset, cuid, 0)
	k.must(err)
	return updates
}

// update1 returns the only update of a device.
func (k *kit) update1(cuid string) record.Update {
	k.Helper()
	updates := k.updates(cuid)
	if len(updates) != 1 {
		k.Fatalf("updates of %s: %+v, want one", cuid, updates)
	}
	return updates[0]
}

func (k *kit) noUpdates(cuid string) {
	k.Helper()
	if updates := k.updates(cuid); len(updates) != 0 {
		k.Fatalf("updates of %s: %+v, want none", cuid, updates)
	}
}

// ack sends acknowledgements of updates and works them off.
func (k *kit) ack(cuid string, updates ...record.Update) {
	k.Helper()
	k.sendAck(cuid, updates...)
	claimed, err := k.ClaimAcks(k.ctx, 1000, window)
	k.must(err)
	k.must(k.FinishAcks(k.ctx, claimed))
}

func (k *kit) sendAck(cuid string, updates ...record.Update) {
	k.Helper()
	var acks []record.Ack
	for _, u := range updates {
		acks = append(acks, record.Ack{Dataset: dataset, CUID: cuid, Hash: u.Hash, Timestamp: u.Timestamp})
	}
	k.must(k.EnqueueAcks(k.ctx, acks))
}

// ---- dataset clients and runs

var config = record.SyncConfig{SyncFrequency: 10 * time.Second, ClientSyncTimeout: time.Hour, BackendListTimeout: 5 * time.Minute}

// touch accesses dataset clients of the dataset now.
func (k *kit) touch(ids ...string) {
	k.Helper()
	for _, id := range ids {
		k.must(k.TouchDatasetClients(k.ctx, []store.Touch{{ID: id, Dataset: dataset, QueryParams: []byte(`{}`),
			MetaData: []byte(`{}`), Config: config, At: k.clock.Now()}}))
	}
}

func (k *kit) client(id string) record.DatasetClient {
	k.Helper()
	d, err := k.DatasetClient(k.ctx, id)
	k.must(err)
	return d
}

func (k *kit) begin(id string) store.Run {
	k.Helper()
	run, err := k.BeginRun(k.ctx, id, "job of "+id)
	k.must(err)
	return run
}

// run does a whole sync run.
func (k *kit) run(id, contentHash string, upserts []record.Record, removes ...string) {
	k.Helper()
	run := k.begin(id)
	k.must(k.WriteRecords(k.ctx, run, upserts, removes))
	k.must(k.EndRun(k.ctx, run, contentHash))
}

// view returns the hashes of a view by uid.
func (k *kit) view(id string) map[string]string {
	k.Helper()
	view := map[string]string{}
	for h, err := range k.ViewHashes(k.ctx, id) {
		k.must(err)
		if _, twice := view[h.UID]; twice {
			k.Fatalf("uid %q comes twice", h.UID)
		}
		view[h.UID] = h.Hash
	}
	return view
}

func (k *kit) records(uids ...string) map[string]record.Record {
	k.Helper()
	found, err := k.ReadRecords(k.ctx, dataset, uids)
	k.must(err)
	all := map[string]record.Record{}
	for _, r := range found {
		all[r.UID] = r
	}
	return all
}

func rec(uid, hash string) record.Record {
	return record.Record{UID: uid, Hash: hash, Data: json.RawMessage(fmt.Sprintf(`{"of":%q}`, hash))}
}

func recs(uidHash ...string) (all []record.Record) {
	for pair := range slices.Chunk(uidHash, 2) {
		all = append(all, rec(pair[0], pair[1]))
	}
	return all
}

func (k *kit) lease() store.Lease {
	k.Helper()
	lease, ok, err := k.AcquireLease(k.ctx, "scheduler", "me", 1000*time.Hour)
	k.must(err)
	if !ok {
		k.Fatal("lease not acquired")
	}
	return lease
}

// ---- checks

func (k *kit) must(err error) {
	k.Helper()
	if err != nil {
		k.Fatalf("error: %v", err)
	}
}

func (k *kit) wantErr(err, want error) {
	k.Helper()
	if !errors.Is(err, want) {
		k.Fatalf("error: %v, want %v", err, want)
	}
}

func equal[T any](k *kit, what string, got, want T) {
	k.Helper()
	if !reflect.DeepEqual(got, want) {
		k.Fatalf("%s: %+v, want %+v", what, got, want)
	}
}

// queued returns how many messages wait or are in work.
func (k *kit) queued(queue store.Queue) int64 {
	k.Helper()
	counts, err := k.Queues(k.ctx)
	k.must(err)
	return counts[queue]
}

// expire lets the store forget what has outlived its time.
func (k *kit) expire() {
	k.Helper()
	if k.harness.Expire != nil {
		k.harness.Expire(k.T)
		return
	}
	k.must(k.Purge(k.ctx))
}

// many is how much a test of large batches takes.
func (k *kit) many() int {
	if k.harness.Many > 0 {
		return k.harness.Many
	}
	return many
}

// reopen restarts the store.
func (k *kit) reopen() {
	k.Helper()
	if k.harness.Reopen == nil {
		k.Skip("the engine keeps nothing beyond Close")
	}
	k.Store = k.harness.Reopen(k.T)
}
