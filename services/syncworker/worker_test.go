package syncworker_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/memadapter"
	"github.com/tandem-sync/tandem/services/internal/backend"
	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/internal/consume"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/store/sqlite"
	"github.com/tandem-sync/tandem/services/internal/store/wrap"
	"github.com/tandem-sync/tandem/services/syncworker"
)

// bench is a worker on a real store in memory and a real adapter over gRPC.
type bench struct {
	*testing.T
	now     time.Time
	store   *sqlite.Store
	backend *listed
	worker  *syncworker.Worker
	log     bytes.Buffer
	keys    int // made so far
	mu      sync.Mutex
	ops     map[string]int // store operations of the worker
	fault   wrap.Hook
	runs    []ended
}

// ended is what OnRun was told.
type ended struct {
	dataset string
	changed int
	err     error
}

// listed is an adapter whose lists can be troubled.
type listed struct {
	*memadapter.Adapter
	lists  int
	before func(ctx context.Context, req adapter.ListRequest) error
	after  func(ctx context.Context) error
}

func (l *listed) List(ctx context.Context, req adapter.ListRequest, send func(adapter.Record) error) error {
	l.lists++
	if l.before != nil {
		if err := l.before(ctx, req); err != nil {
			return err
		}
	}
	if err := l.Adapter.List(ctx, req, send); err != nil {
		return err
	}
	if l.after != nil {
		return l.after(ctx)
	}
	return nil
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t, now: time.UnixMilli(1_700_000_000_000), backend: &listed{Adapter: memadapter.New()}, ops: map[string]int{}}
	b.open(func() time.Time { return b.now })
	return b
}

func (b *bench) open(now clock.Clock) {
	b.Helper()
	var err error
	b.store, err = sqlite.Open(b.Context(), sqlite.Options{Clock: now})
	b.must(err)
	b.Cleanup(func() { b.store.Close() })
	log := slog.New(slog.NewTextHandler(&b.log, nil))
	conn, stop := backend.InProcess(b.backend, adapter.WithLogger(log))
	b.Cleanup(stop)
	router := backend.New(backend.Options{Default: conn, Logger: log})
	counted := wrap.Observe(b.store, func(op string, _ time.Duration, _ error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.ops[op]++
	})
	b.worker = &syncworker.Worker{
		Store: wrap.Faulty(counted, func(ctx context.Context, op string, before bool) error {
			if b.fault == nil {
				return nil
			}
			return b.fault(ctx, op, before)
		}),
		Backend: func(d string) (syncworker.Backend, error) { return router.For(d) },
		Log:     log,
		OnRun:   func(d string, n int, err error) { b.runs = append(b.runs, ended{d, n, err}) },
	}
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// view makes a dataset client and returns its id.
func (b *bench) view(query string) string {
	b.Helper()
	id, err := record.DatasetClientID("tasks", json.RawMessage(query))
	b.must(err)
	b.must(b.store.TouchDatasetClients(b.Context(), []store.Touch{{
		ID: id, Dataset: "tasks", QueryParams: []byte(query), MetaData: []byte(`{"m":1}`), Config: record.DefaultSyncConfig(),
	}}))
	return id
}

// put makes a record in the backend and returns its uid.
func (b *bench) put(data string) string {
	b.Helper()
	uid, err := b.backend.Create(b.Context(), adapter.CreateRequest{Dataset: "tasks", Data: json.RawMessage(data), Key: b.key()})
	b.must(err)
	return uid
}

// key is a new idempotency key.
func (b *bench) key() string { b.keys++; return fmt.Sprint(b.keys) }

func (b *bench) change(uid, data string) {
	b.Helper()
	b.must(b.backend.Update(b.Context(), adapter.UpdateRequest{Dataset: "tasks", UID: uid, Data: json.RawMessage(data), Key: b.key()}))
}

func (b *bench) drop(uid string) {
	b.Helper()
	b.must(b.backend.Delete(b.Context(), adapter.DeleteRequest{Dataset: "tasks", UID: uid, Key: b.key()}))
}

const window = 30 * time.Second

// claim queues a run and claims its job.
func (b *bench) claim(view string) store.Job {
	b.Helper()
	b.must(b.store.EnqueueJob(b.Context(), view))
	jobs, err := b.worker.Claim(b.Context(), 10, window)
	b.must(err)
	if len(jobs) != 1 || jobs[0].ClientID != view {
		b.Fatalf("claimed %+v", jobs)
	}
	return jobs[0]
}

// run does a sync run of a view.
func (b *bench) run(view string) error {
	b.Helper()
	return b.worker.Work(b.Context(), b.claim(view))
}

func (b *bench) client(view string) record.DatasetClient {
	b.Helper()
	dc, err := b.store.DatasetClient(b.Context(), view)
	b.must(err)
	return dc
}

// stored is the view as devices would get it, uid to data.
func (b *bench) stored(view string) map[string]string {
	b.Helper()
	hashes := map[string]string{}
	var uids []string
	for pair, err := range b.store.ViewHashes(b.Context(), view) {
		b.must(err)
		hashes[pair.UID] = pair.Hash
		uids = append(uids, pair.UID)
	}
	records, err := b.store.ReadRecords(b.Context(), "tasks", uids)
	b.must(err)
	got := map[string]string{}
	for _, r := range records {
		if hash, err := record.Hash(r.Data); err != nil || hash != r.Hash || hash != hashes[r.UID] {
			b.Errorf("%s: hash %q, in the view %q, of its data %q", r.UID, r.Hash, hashes[r.UID], hash)
		}
		got[r.UID] = string(r.Data)
	}
	if len(got) != len(uids) {
		b.Errorf("%d records in the view, %d can be read", len(uids), len(got))
	}
	return got
}

func (b *bench) holds(view string, want map[string]string) {
	b.Helper()
	if got := b.stored(view); !maps.Equal(got, want) {
		b.Errorf("stored %v, want %v", got, want)
	}
}

func (b *bench) jobs() int64 {
	b.Helper()
	sizes, err := b.store.Queues(b.Context())
	b.must(err)
	return sizes[store.QueueSync]
}

func TestRunsStoreTheDifference(t *testing.T) {
	b := newBench(t)
	one, two := b.put(`{"v":1}`), b.put(`{"v":2}`)
	view := b.view(`{}`)
	b.must(b.run(view))
	b.holds(view, map[string]string{one: `{"v":1}`, two: `{"v":2}`})
	dc := b.client(view)
	if !dc.SyncCompleted || !dc.SyncLoopEnd.Equal(b.now.UTC()) || !dc.SyncScheduled.IsZero() || dc.GlobalHash() == "" || b.jobs() != 0 {
		t.Errorf("after the run: %+v, %d jobs", dc, b.jobs())
	}
	first := dc.GlobalHash()
	b.ops = map[string]int{}
	b.must(b.run(view))
	if b.ops["WriteRecords"] != 0 || b.client(view).GlobalHash() != first {
		t.Errorf("a run without news: %v, %s after %s", b.ops, b.client(view).GlobalHash(), first)
	}
	b.change(one, `{"v":3}`)
	b.drop(two)
	three := b.put(`{"v":4}`)
	b.must(b.run(view))
	b.holds(view, map[string]string{one: `{"v":3}`, three: `{"v":4}`})
	if b.client(view).GlobalHash() == first {
		t.Error("the global hash did not change")
	}
	want := []ended{{"tasks", 2, nil}, {"tasks", 0, nil}, {"tasks", 3, nil}}
	if fmt.Sprint(b.runs) != fmt.Sprint(want) {
		t.Errorf("told of %v, want %v", b.runs, want)
	}
}

func TestListGetsTheQueryAndMetaData(t *testing.T) {
	b := newBench(t)
	asked := ""
	b.backend.before = func(_ context.Context, req adapter.ListRequest) error {
		asked = fmt.Sprintf("%s %s %s", req.Dataset, req.QueryParams, req.MetaData)
		return nil
	}
	mine := b.put(`{"owner":"anna"}`)
	b.put(`{"owner":"bert"}`)
	view := b.view(`{"owner":"anna"}`)
	b.must(b.run(view))
	if want := `tasks {"owner":"anna"} {"m":1}`; asked != want {
		t.Errorf("asked %s, want %s", asked, want)
	}
	b.holds(view, map[string]string{mine: `{"owner":"anna"}`})
}

// Trap 5: a record that leaves one view stays whole in the other, and is gone
// when the last one loses it.
func TestRecordLeavesOneView(t *testing.T) {
	b := newBench(t)
	uid := b.put(`{"owner":"anna","v":1}`)
	all, anna := b.view(`{}`), b.view(`{"owner":"anna"}`)
	b.must(b.run(all))
	b.must(b.run(anna))
	before := b.client(all).GlobalHash()
	b.change(uid, `{"owner":"bert","v":1}`)
	b.must(b.run(anna))
	b.holds(anna, map[string]string{})
	b.holds(all, map[string]string{uid: `{"owner":"anna","v":1}`}) // until its own run
	if b.client(all).GlobalHash() != before {
		t.Error("the other view changed before its run")
	}
	b.must(b.run(all))
	b.holds(all, map[string]string{uid: `{"owner":"bert","v":1}`})
	b.drop(uid)
	b.must(b.run(all))
	b.holds(all, map[string]string{})
	if left, err := b.store.ReadRecords(t.Context(), "tasks", []string{uid}); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// Two views see a changed record: the run of one stores it, and the other's
// devices get a new global hash.
func TestSharedRecordChanges(t *testing.T) {
	b := newBench(t)
	uid := b.put(`{"owner":"anna","v":1}`)
	all, anna := b.view(`{}`), b.view(`{"owner":"anna"}`)
	b.must(b.run(all))
	b.must(b.run(anna))
	before := b.client(all).GlobalHash()
	b.change(uid, `{"owner":"anna","v":2}`)
	b.must(b.run(anna))
	b.holds(all, map[string]string{uid: `{"owner":"anna","v":2}`})
	if b.client(all).GlobalHash() == before {
		t.Error("a record of the view changed under the same global hash")
	}
}

func TestLargeView(t *testing.T) {
	const n = 10_000
	b := newBench(t)
	want := map[string]string{}
	for i := range n {
		data := fmt.Sprintf(`{"v":%d}`, i)
		want[b.put(data)] = data
	}
	view := b.view(`{}`)
	b.must(b.run(view))
	b.holds(view, want)
	if b.ops["WriteRecords"] != 10 {
		t.Errorf("%d writes for %d records, want batches of 1,000", b.ops["WriteRecords"], n)
	}
	b.ops = map[string]int{}
	for uid := range want {
		b.change(uid, `{"v":"new"}`)
		want[uid] = `{"v":"new"}`
		break
	}
	b.must(b.run(view))
	b.holds(view, want)
	if b.ops["WriteRecords"] != 1 || b.runs[1].changed != 1 {
		t.Errorf("%d writes, %d changes for one changed record", b.ops["WriteRecords"], b.runs[1].changed)
	}
}

// A list that fails, at once or at its end, leaves the records as they were and
// ends the run, so that the schedule brings the next.
func TestFailingList(t *testing.T) {
	for name, trouble := range map[string]func(l *listed){
		"at once":    func(l *listed) { l.before = func(context.Context, adapter.ListRequest) error { return errTrouble } },
		"at its end": func(l *listed) { l.after = func(context.Context) error { return errTrouble } },
		"panic":      func(l *listed) { l.after = func(context.Context) error { panic("trouble in the backend") } },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			uid := b.put(`{"v":1}`)
			view := b.view(`{}`)
			b.must(b.run(view))
			before := b.client(view)
			b.change(uid, `{"v":2}`)
			b.put(`{"v":3}`)
			trouble(b.backend)
			b.now = b.now.Add(time.Minute)
			b.must(b.run(view))
			b.holds(view, map[string]string{uid: `{"v":1}`})
			dc := b.client(view)
			if dc.GlobalHash() != before.GlobalHash() || !dc.SyncCompleted || !dc.SyncLoopEnd.Equal(b.now.UTC()) || !dc.SyncScheduled.IsZero() || b.jobs() != 0 {
				t.Errorf("after the failed run: %+v, %d jobs", dc, b.jobs())
			}
			if last := b.runs[len(b.runs)-1]; last.err == nil || last.dataset != "tasks" {
				t.Errorf("told of %+v", last)
			}
			if log := b.log.String(); !strings.Contains(log, "trouble") || !strings.Contains(log, "dataset=tasks") {
				t.Errorf("log: %s", log)
			}
			b.backend.before, b.backend.after = nil, nil
			b.must(b.run(view))
			if len(b.stored(view)) != 2 {
				t.Error("the run after the failed one stored nothing")
			}
		})
	}
}

var errTrouble = errors.New("trouble in the backend")

// A first run that fails completes nothing: devices wait for {}.
func TestFirstRunFails(t *testing.T) {
	b := newBench(t)
	b.backend.before = func(context.Context, adapter.ListRequest) error { return errTrouble }
	view := b.view(`{}`)
	b.must(b.run(view))
	if dc := b.client(view); dc.SyncCompleted || dc.GlobalHash() != "" || dc.SyncLoopEnd.IsZero() {
		t.Errorf("%+v", dc)
	}
}

func TestNoBackend(t *testing.T) {
	b := newBench(t)
	view := b.view(`{}`)
	b.worker.Backend = func(string) (syncworker.Backend, error) { return nil, errTrouble }
	b.must(b.run(view))
	if b.jobs() != 0 || !errors.Is(b.runs[0].err, errTrouble) {
		t.Errorf("%d jobs, told of %v", b.jobs(), b.runs)
	}
}

// The backend hangs: the list is given up after backendListTimeout.
func TestListTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{T: t, backend: &listed{Adapter: memadapter.New()}, ops: map[string]int{}}
		b.open(clock.System)
		uid := b.put(`{"v":1}`)
		view := b.view(`{}`)
		b.must(b.run(view))
		b.change(uid, `{"v":2}`)
		b.backend.after = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		begin := time.Now()
		b.must(b.run(view))
		if took, want := time.Since(begin), record.DefaultSyncConfig().BackendListTimeout; took != want {
			t.Errorf("gave up after %v, want %v", took, want)
		}
		b.holds(view, map[string]string{uid: `{"v":1}`})
		if b.jobs() != 0 || b.runs[1].err == nil {
			t.Errorf("%d jobs, told of %v", b.jobs(), b.runs)
		}
	})
}

// A job that is delivered a second time only marks the run as ended.
func TestSecondDeliveryOnlyMarks(t *testing.T) {
	b := newBench(t)
	b.put(`{"v":1}`)
	view := b.view(`{}`)
	first := b.claim(view)
	_, err := b.store.BeginRun(t.Context(), view, first.ID) // and its worker dies
	b.must(err)
	b.now = b.now.Add(window + time.Second)
	jobs, err := b.worker.Claim(t.Context(), 1, window)
	if err != nil || len(jobs) != 1 || jobs[0].Tries != 2 {
		t.Fatal(jobs, err)
	}
	b.must(b.worker.Work(t.Context(), jobs[0]))
	dc := b.client(view)
	if b.backend.lists != 0 || !dc.SyncLoopEnd.Equal(b.now.UTC()) || !dc.SyncScheduled.IsZero() || dc.SyncCompleted || b.jobs() != 0 {
		t.Errorf("%d lists, %+v, %d jobs", b.backend.lists, dc, b.jobs())
	}
	b.must(b.run(view)) // the next one is not kept waiting
	if len(b.stored(view)) != 1 {
		t.Error("the run after it stored nothing")
	}
}

// A worker that was paused in the middle of its run, while its job was delivered
// again and another run was done, can't write nor commit.
func TestStaleRunCommitsNothing(t *testing.T) {
	for _, op := range []string{"WriteRecords", "EndRun"} {
		t.Run(op, func(t *testing.T) {
			b := newBench(t)
			uid := b.put(`{"v":1}`)
			view := b.view(`{}`)
			job := b.claim(view)
			var hash string
			paused := false
			b.fault = func(_ context.Context, o string, before bool) error {
				if o != op || !before || paused {
					return nil
				}
				paused = true
				b.now = b.now.Add(window + time.Second)
				jobs, err := b.worker.Claim(t.Context(), 1, window)
				b.must(err)
				b.must(b.worker.Work(t.Context(), jobs[0])) // marks the paused run as ended
				b.change(uid, `{"v":2}`)
				b.must(b.run(view))
				hash = b.client(view).GlobalHash()
				return nil
			}
			if err := b.worker.Work(t.Context(), job); !errors.Is(err, store.ErrStale) {
				t.Errorf("the paused worker got %v, want %v", err, store.ErrStale)
			}
			b.holds(view, map[string]string{uid: `{"v":2}`})
			if got := b.client(view).GlobalHash(); got != hash {
				t.Errorf("global hash %s, want %s", got, hash)
			}
		})
	}
}

// Runs of one dataset client never overlap: who comes second leaves it alone.
func TestBusy(t *testing.T) {
	b := newBench(t)
	b.put(`{"v":1}`)
	view := b.view(`{}`)
	run, err := b.store.BeginRun(t.Context(), view, "other job")
	b.must(err)
	b.must(b.run(view))
	if b.backend.lists != 0 || b.jobs() != 0 || len(b.stored(view)) != 0 {
		t.Errorf("%d lists, %d jobs", b.backend.lists, b.jobs())
	}
	b.must(b.store.EndRun(t.Context(), run, "content")) // the other one is not disturbed
	// A run that was never ended is replaced when its time is over.
	_, err = b.store.BeginRun(t.Context(), view, "dead job")
	b.must(err)
	b.now = b.now.Add(record.DefaultSyncConfig().BackendListTimeout + time.Second)
	b.must(b.run(view))
	if len(b.stored(view)) != 1 {
		t.Error("a dead run blocks the dataset client")
	}
}

func TestDatasetClientIsGone(t *testing.T) {
	b := newBench(t)
	view := b.view(`{}`)
	job := b.claim(view)
	b.now = b.now.Add(2 * time.Hour)
	lease, _, err := b.store.AcquireLease(t.Context(), "l", "h", time.Hour)
	b.must(err)
	_, err = b.store.ScheduleDue(t.Context(), lease, 10)
	b.must(err)
	if n, err := b.store.RemoveIdle(t.Context(), lease, 0, 10); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	jobs, err := b.worker.Claim(t.Context(), 1, window)
	if err != nil || len(jobs) != 1 {
		t.Fatal(jobs, err)
	}
	b.must(b.worker.Work(t.Context(), jobs[0]))
	if err := b.worker.Work(t.Context(), job); !errors.Is(err, store.ErrStale) {
		t.Errorf("the first claim: %v", err)
	}
	if b.jobs() != 0 || b.backend.lists != 0 {
		t.Errorf("%d jobs, %d lists", b.jobs(), b.backend.lists)
	}
}

// Whatever store operation fails, the run is not half there for ever: a later one
// makes it good.
func TestStoreFails(t *testing.T) {
	for _, op := range []string{"BeginRun", "ViewHashes", "WriteRecords", "EndRun", "FinishJob"} {
		for _, when := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/%t", op, when), func(t *testing.T) {
				b := newBench(t)
				var uids []string
				for range 1100 { // two batches
					uids = append(uids, b.put(`{"v":1}`))
				}
				view := b.view(`{}`)
				calls := 0
				b.fault = func(_ context.Context, o string, before bool) error {
					if o == op && before == when {
						if calls++; calls == 1 && op != "WriteRecords" || calls == 2 {
							return store.ErrUnavailable
						}
					}
					return nil
				}
				err := b.run(view)
				if listed := op == "ViewHashes"; (err == nil) != listed {
					t.Errorf("work: %v", err)
				}
				b.fault = nil
				if dc := b.client(view); op == "WriteRecords" && !dc.SyncLoopEnd.Equal(b.now.UTC()) {
					t.Errorf("the run is still under way until %v", dc.SyncLoopEnd)
				}
				b.now = b.now.Add(window + time.Second)
				jobs, err := b.worker.Claim(t.Context(), 1, window)
				b.must(err)
				for _, j := range jobs {
					b.must(b.worker.Work(t.Context(), j))
				}
				b.now = b.now.Add(record.DefaultSyncConfig().BackendListTimeout)
				b.must(b.run(view))
				if got := b.stored(view); len(got) != len(uids) || !b.client(view).SyncCompleted || b.jobs() != 0 {
					t.Errorf("%d of %d records, %d jobs", len(got), len(uids), b.jobs())
				}
			})
		}
	}
}

// The worker runs on the claim loop: a run that takes longer than its claim
// window keeps its claim, and a stop lets it finish.
func TestOnTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bench{T: t, backend: &listed{Adapter: memadapter.New()}, ops: map[string]int{}}
		b.open(clock.System)
		b.put(`{"v":1}`)
		view := b.view(`{}`)
		b.backend.after = func(context.Context) error { <-time.After(2 * window); return nil }
		b.must(b.store.EnqueueJob(t.Context(), view))
		loop := &consume.Loop[store.Job]{
			Name: "sync", Queue: b.worker, Concurrency: 2, Batch: 1, Window: window, Grace: 2 * window, Log: b.worker.Log,
			Backoff: consume.Backoff{Strategy: consume.None, Min: time.Second, Max: time.Second},
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { loop.Run(ctx); close(done) }()
		<-time.After(window + window/2)
		stop()
		<-done
		if b.backend.lists != 1 || len(b.stored(view)) != 1 || b.jobs() != 0 {
			t.Errorf("%d lists, %d records, %d jobs", b.backend.lists, len(b.stored(view)), b.jobs())
		}
	})
}
