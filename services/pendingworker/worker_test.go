package pendingworker_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/api/adapter/memadapter"
	"github.com/tandem-sync/tandem/services/internal/backend"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/store/sqlite"
	"github.com/tandem-sync/tandem/services/pendingworker"
)

// bench is a worker on a real store in memory and a real adapter over gRPC.
type bench struct {
	t      *testing.T
	now    time.Time
	store  *sqlite.Store
	real   *backend.Backend
	hooks  hooks
	worker *pendingworker.Worker
}

// hooks come between the worker and the adapter.
type hooks struct {
	before func(op string) error // an error: the call does not reach the adapter
	after  func(op string) error // an error: it did, and the answer is lost
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, now: time.UnixMilli(1_700_000_000_000)}
	var err error
	b.store, err = sqlite.Open(t.Context(), sqlite.Options{Path: ":memory:", Clock: func() time.Time { return b.now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.store.Close() })
	conn, stop := backend.InProcess(memadapter.New())
	t.Cleanup(stop)
	router := backend.New(backend.Options{Default: conn})
	if b.real, err = router.For("tasks"); err != nil {
		t.Fatal(err)
	}
	b.worker = &pendingworker.Worker{
		Config:  pendingworker.Config{RetryLimit: 1, RetryInterval: 10 * time.Second},
		Store:   b.store,
		Backend: func(string) (pendingworker.Backend, error) { return hooked{b.real, &b.hooks}, nil },
		Log:     slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	return b
}

type hooked struct {
	*backend.Backend
	h *hooks
}

func (x hooked) around(op string, call func() error) error {
	if x.h.before != nil {
		if err := x.h.before(op); err != nil {
			return err
		}
	}
	if err := call(); err != nil {
		return err
	}
	if x.h.after != nil {
		return x.h.after(op)
	}
	return nil
}

func (x hooked) Create(ctx context.Context, req backend.CreateRequest) (uid string, err error) {
	err = x.around("create", func() (err error) { uid, err = x.Backend.Create(ctx, req); return err })
	return uid, err
}

func (x hooked) Read(ctx context.Context, req backend.ReadRequest) (data json.RawMessage, found bool, err error) {
	err = x.around("read", func() (err error) { data, found, err = x.Backend.Read(ctx, req); return err })
	return data, found, err
}

func (x hooked) Update(ctx context.Context, req backend.UpdateRequest) error {
	return x.around("update", func() error { return x.Backend.Update(ctx, req) })
}

func (x hooked) Delete(ctx context.Context, req backend.DeleteRequest) error {
	return x.around("delete", func() error { return x.Backend.Delete(ctx, req) })
}

func (x hooked) HandleCollision(ctx context.Context, req backend.HandleCollisionRequest) error {
	return x.around("collision", func() error { return x.Backend.HandleCollision(ctx, req) })
}

func (b *bench) send(changes ...record.Change) {
	b.t.Helper()
	for i := range changes {
		changes[i].Dataset, changes[i].CUID, changes[i].ClientID = "tasks", "phone", "tasks_x"
	}
	if _, err := b.store.EnqueueChanges(b.t.Context(), changes); err != nil {
		b.t.Fatal(err)
	}
}

// work claims and works until nothing is claimable; it returns the last error.
func (b *bench) work() (err error) {
	b.t.Helper()
	for {
		claimed, cerr := b.worker.Claim(b.t.Context(), 1, 10*time.Second)
		if cerr != nil {
			b.t.Fatal(cerr)
		}
		if len(claimed) == 0 {
			return err
		}
		err = b.worker.Work(b.t.Context(), claimed[0])
	}
}

func (b *bench) updates() map[string]record.Update {
	b.t.Helper()
	list, err := b.store.ListUpdates(b.t.Context(), "tasks", "phone", 0)
	if err != nil {
		b.t.Fatal(err)
	}
	m := map[string]record.Update{}
	for _, u := range list {
		m[u.Hash] = u
	}
	return m
}

func (b *bench) want(hash string, t record.UpdateType) record.Update {
	b.t.Helper()
	u, ok := b.updates()[hash]
	if !ok || u.Type != t {
		b.t.Fatalf("result of %s: %+v (there: %t), want %s", hash, u, ok, t)
	}
	return u
}

func (b *bench) records() map[string]string {
	b.t.Helper()
	m := map[string]string{}
	for r, err := range b.real.List(b.t.Context(), backend.ListRequest{QueryParams: json.RawMessage("{}")}) {
		if err != nil {
			b.t.Fatal(err)
		}
		m[r.UID] = string(r.Data)
	}
	return m
}

func (b *bench) holds(uid, data string) {
	b.t.Helper()
	if got := b.records(); len(got) != 1 || got[uid] != data {
		b.t.Fatalf("the backend holds %v, want %s: %s alone", got, uid, data)
	}
}

// foreign writes to the backend as somebody else.
func (b *bench) foreign(uid, data string) {
	b.t.Helper()
	if err := b.real.Update(b.t.Context(), backend.UpdateRequest{UID: uid, Data: json.RawMessage(data), Key: "foreign" + data}); err != nil {
		b.t.Fatal(err)
	}
}

func create(hash, post string) record.Change {
	return record.Change{Hash: hash, Action: record.ActionCreate, UID: hash, Post: json.RawMessage(post)}
}

func update(hash, uid, pre, post string) record.Change {
	return record.Change{Hash: hash, Action: record.ActionUpdate, UID: uid, Pre: json.RawMessage(pre), Post: json.RawMessage(post)}
}

func remove(hash, uid, pre string) record.Change {
	return record.Change{Hash: hash, Action: record.ActionDelete, UID: uid, Pre: json.RawMessage(pre)}
}

const one, two, three = `{"v":1}`, `{"v":2}`, `{"v":3}`

func (b *bench) created() (uid string) {
	b.t.Helper()
	b.send(create("c", one))
	if err := b.work(); err != nil {
		b.t.Fatal(err)
	}
	return b.want("c", record.Applied).UID
}

var errLost = &backend.Error{Kind: backend.NotNow, Msg: "the answer was lost"}

func TestCreateUpdateDelete(t *testing.T) {
	b := newBench(t)
	uid := b.created()
	if u := b.want("c", record.Applied); u.OldUID != "c" || uid == "c" {
		t.Errorf("update %+v: want oldUid c and a uid of the backend", u)
	}
	b.holds(uid, one)
	b.send(update("u", uid, one, two))
	_ = b.work()
	b.want("u", record.Applied)
	b.holds(uid, two)
	b.send(remove("d", uid, two))
	_ = b.work()
	b.want("d", record.Applied)
	if got := b.records(); len(got) != 0 {
		t.Errorf("the backend holds %v after the delete", got)
	}
}

// A lost answer of the adapter, at each kind of write: the change waits, is done
// again without a second effect, and is reported as applied.
func TestLostAnswerIsNoFailureAndNoSecondWrite(t *testing.T) {
	for _, op := range []string{"create", "update", "delete"} {
		t.Run(op, func(t *testing.T) {
			b := newBench(t)
			change := create("x", one)
			if op != "create" {
				uid := b.created()
				change = update("x", uid, one, two)
				if op == "delete" {
					change = remove("x", uid, one)
				}
			}
			calls := 0
			b.hooks.after = func(o string) error {
				if o != op {
					return nil
				}
				if calls++; calls == 1 {
					return errLost
				}
				return nil
			}
			b.send(change)
			_ = b.work()
			if _, reported := b.updates()["x"]; reported {
				t.Fatal("reported although nothing is known")
			}
			b.now = b.now.Add(11 * time.Second)
			_ = b.work()
			b.want("x", record.Applied)
			want := map[string]int{"create": 1, "update": 1, "delete": 0}[op]
			if got := b.records(); len(got) != want {
				t.Errorf("the backend holds %v, want %d records", got, want)
			}
		})
	}
}

// The answer to an update is lost and somebody else changes the record before
// the worker comes back: the change was applied, and is reported so.
func TestAppliedBeforeSomebodyElseWrote(t *testing.T) {
	b := newBench(t)
	uid := b.created()
	lose := true
	b.hooks.after = func(op string) error {
		if op == "update" && lose {
			lose = false
			return errLost
		}
		return nil
	}
	b.send(update("u", uid, one, two))
	_ = b.work()
	b.foreign(uid, three)
	b.now = b.now.Add(11 * time.Second)
	_ = b.work()
	b.want("u", record.Applied)
	b.holds(uid, three)
}

func TestCollisionIsKeptAndReported(t *testing.T) {
	b := newBench(t)
	uid := b.created()
	b.foreign(uid, three)
	b.send(update("u", uid, one, two))
	_ = b.work()
	b.want("u", record.Collision)
	b.holds(uid, three)
	kept, err := b.real.ListCollisions(t.Context(), backend.ListCollisionsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var list map[string]struct {
		UID       string
		Hash      string
		Pre, Post json.RawMessage
	}
	if err := json.Unmarshal(kept, &list); err != nil || len(list) != 1 {
		t.Fatalf("collisions %s: %v", kept, err)
	}
	hash, _ := record.Hash(json.RawMessage(three))
	for _, c := range list {
		if c.UID != uid || c.Hash != hash || string(c.Pre) != one || string(c.Post) != two {
			t.Errorf("collision %+v", c)
		}
	}
}

// A backend that can't keep a collision does not keep the device waiting.
func TestCollisionThatCannotBeKeptIsReported(t *testing.T) {
	b := newBench(t)
	uid := b.created()
	b.foreign(uid, three)
	away := true
	b.hooks.before = func(op string) error {
		switch {
		case op != "collision":
			return nil
		case away:
			return errLost
		}
		return &backend.Error{Kind: backend.NotOffered, Msg: "no collisions here"}
	}
	b.send(update("u", uid, one, two))
	_ = b.work()
	if _, reported := b.updates()["u"]; reported {
		t.Fatal("reported while the backend was away")
	}
	away = false
	b.now = b.now.Add(11 * time.Second)
	_ = b.work()
	if u := b.want("u", record.Collision); u.Msg != "the collision was not kept: no collisions here" {
		t.Errorf("update %+v", u)
	}
}

// Somebody else writes between our read and our write: the adapter compares, the
// worker looks again and finds a collision instead of overwriting.
func TestWriteBetweenReadAndWriteIsACollision(t *testing.T) {
	b := newBench(t)
	uid := b.created()
	done := false
	b.hooks.before = func(op string) error {
		if op == "update" && !done {
			done = true
			b.foreign(uid, three)
		}
		return nil
	}
	b.send(update("u", uid, one, two))
	_ = b.work()
	b.want("u", record.Collision)
	b.holds(uid, three)
}

func TestRetryLimit(t *testing.T) {
	b := newBench(t)
	b.worker.Config.RetryLimit = 3
	uid := b.created()
	tries := 0
	b.hooks.before = func(op string) error {
		if op == "update" {
			tries++
			return errors.New("disk full")
		}
		return nil
	}
	b.send(update("u", uid, one, two))
	for range 3 {
		_ = b.work()
		b.now = b.now.Add(11 * time.Second)
	}
	if u := b.want("u", record.Failed); u.Msg != "disk full" || tries != 3 {
		t.Errorf("update %+v after %d tries, want 3", u, tries)
	}
}

// That a change failed must be true: an error that does not say so is no answer
// while the change may be in effect.
func TestNotFailedWhileItMayBeInEffect(t *testing.T) {
	for what, lose := range map[string]func(b *bench, uid string){
		"the answer was lost": func(b *bench, _ string) {
			b.hooks.after = func(op string) error {
				if op == "delete" {
					return errLost
				}
				return nil
			}
			_ = b.work()
		},
		"the worker died": func(b *bench, uid string) {
			if claimed, err := b.worker.Claim(t.Context(), 1, 10*time.Second); err != nil || len(claimed) != 1 {
				t.Fatal(claimed, err)
			}
			if err := b.real.Delete(t.Context(), backend.DeleteRequest{Dataset: "tasks", UID: uid, Expected: json.RawMessage(one), Key: "phone:d:x"}); err != nil {
				t.Fatal(err)
			}
		},
	} {
		b := newBench(t)
		uid := b.created()
		b.send(remove("d", uid, one))
		lose(b, uid)
		b.hooks = hooks{before: func(string) error { return errors.New("disk full") }}
		for range 3 {
			b.now = b.now.Add(11 * time.Second)
			_ = b.work()
			if u, told := b.updates()["d"]; told {
				t.Fatalf("%s: %+v, and the record is gone", what, u)
			}
		}
		b.hooks = hooks{}
		b.now = b.now.Add(11 * time.Second)
		_ = b.work()
		b.want("d", record.Applied)
	}
}

// A backend that never says what became of a change keeps nobody waiting for ever.
func TestAnUnsureChangeIsAnsweredAtLast(t *testing.T) {
	b := newBench(t)
	uid := b.created()
	b.send(update("u", uid, one, two))
	b.hooks.before = func(string) error { return errLost }
	_ = b.work()
	b.hooks.before = func(string) error { return errors.New("disk full") }
	tries := 0
	for ; len(b.updates()["u"].Type) == 0 && tries < 100; tries++ {
		b.now = b.now.Add(11 * time.Second)
		_ = b.work()
	}
	if u := b.want("u", record.Failed); u.Msg != "disk full; an earlier try may have taken effect" || tries != 10 {
		t.Errorf("%+v after %d tries, want 10", u, tries)
	}
}

func TestRefusalIsNotTriedAgain(t *testing.T) {
	b := newBench(t)
	b.worker.Config.RetryLimit = 3
	b.hooks.before = func(string) error { return &backend.Error{Kind: backend.Refused, Msg: "title is required"} }
	b.send(create("c", one))
	_ = b.work()
	if u := b.want("c", record.Failed); u.Msg != "title is required" {
		t.Errorf("update %+v", u)
	}
}

func TestUnusableChangesAreAnswered(t *testing.T) {
	b := newBench(t)
	b.send(
		record.Change{Hash: "a", UID: "x", Post: json.RawMessage(one)},
		record.Change{Hash: "b", Action: "merge", UID: "x", Post: json.RawMessage(one)},
		record.Change{Hash: "c", Action: record.ActionCreate, Post: json.RawMessage(one)},
		record.Change{Hash: "d", Action: record.ActionDelete, UID: "x"},
		record.Change{Hash: "e", Action: record.ActionUpdate, UID: "x", Invalid: "uid must be a text"},
		create("f", `"text"`),
		create("good", one),
	)
	_ = b.work()
	for _, hash := range []string{"a", "b", "c", "d", "e", "f"} {
		if u := b.want(hash, record.Failed); u.Msg == "" {
			t.Errorf("%s failed without a reason", hash)
		}
	}
	b.want("good", record.Applied)
}

// Trap 1: a newer content under the old hash.
func TestNewerVersionUnderTheSameHash(t *testing.T) {
	b := newBench(t)
	uid := b.created()
	b.send(create("c", two)) // the device merged an edit into its create
	_ = b.work()
	if u := b.want("c", record.Applied); u.UID != uid || u.OldUID != "c" || u.Action != record.ActionCreate {
		t.Errorf("update %+v, want the create of %s", u, uid)
	}
	b.holds(uid, two)
	b.send(update("u", uid, two, three), update("u", uid, two, one))
	_ = b.work()
	b.want("u", record.Applied)
	b.holds(uid, one)
}

// Trap 3: changes under the made-up uid mean the real record.
func TestMadeUpUID(t *testing.T) {
	b := newBench(t)
	b.send(create("c", one), update("u", "c", one, two))
	_ = b.work()
	uid := b.want("u", record.Applied).UID
	b.holds(uid, two)
	b.send(remove("d", "c", two))
	_ = b.work()
	if u := b.want("d", record.Applied); u.UID != uid {
		t.Errorf("update %+v, want uid %s", u, uid)
	}
	if got := b.records(); len(got) != 0 {
		t.Errorf("lost delete: the backend holds %v", got)
	}
}

// A worker that lost its claim while it was paused can't report.
func TestStaleWorkerReportsNothing(t *testing.T) {
	b := newBench(t)
	uid := b.created()
	b.send(update("u", uid, one, two))
	claimed, err := b.worker.Claim(t.Context(), 1, 10*time.Second)
	if err != nil || len(claimed) != 1 {
		t.Fatal(claimed, err)
	}
	b.now = b.now.Add(11 * time.Second)
	_ = b.work() // another worker does it
	b.want("u", record.Applied)
	b.send(update("u2", uid, two, three))
	_ = b.work()
	if err := b.worker.Work(t.Context(), claimed[0]); !errors.Is(err, store.ErrStale) {
		t.Errorf("stale worker got %v, want %v", err, store.ErrStale)
	}
	b.holds(uid, three)
}
