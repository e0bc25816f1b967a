package mongo

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/store/storetest"
)

// A process dies before each command of an operation in turn. What is found then is
// what the next process makes of it, with no more than what workers and devices do.

var errDied = errors.New("died")

// dying is a store of which a process can be made that dies before its kth command.
type dying struct {
	t     *testing.T
	clock *storetest.Clock
	o     Options
	*Store
}

func newDying(t *testing.T) dying {
	t.Helper()
	clock := storetest.NewClock()
	o := optionsOf(t, storetest.Options{Clock: clock.Now})
	s := open(t, o)
	touchView(t, s)
	return dying{t, clock, o, s}
}

// process makes a process, and a function that lets it die before its kth command from then on.
func (d dying) process() (s *Store, dieAt func(k int)) {
	left := -1
	d.o.Interrupt = func(context.Context, string) error {
		if left == 0 {
			return errDied
		}
		left--
		return nil
	}
	s = open(d.t, d.o)
	return s, func(k int) { left = k - 1 }
}

const claimTime = 10 * time.Second

// work lets workers apply all there is, and tells which changes they got.
func (d dying) work() (did []store.ClaimedChange) {
	d.t.Helper()
	for range 5 {
		d.clock.Advance(2 * claimTime)
		for {
			list := must[[]store.ClaimedChange](d.t)(d.ClaimChanges(d.t.Context(), 1, claimTime))
			if len(list) == 0 {
				break
			}
			c := list[0]
			did = append(did, c)
			if err := d.FinishChange(d.t.Context(), c.Claim, store.Outcome{Type: record.Applied, UID: c.RecordUID}); err != nil {
				d.t.Fatal(err)
			}
		}
	}
	return did
}

// everyCommand runs a story for each command at which its operation can die, and
// once for an operation that lives.
func everyCommand(t *testing.T, story func(d dying, dieAt int) (died bool)) {
	t.Helper()
	for k := 1; ; k++ {
		if !story(newDying(t), k) {
			if k < 4 {
				t.Errorf("the operation takes %d commands: too few to believe it", k-1)
			}
			return
		}
	}
}

func died(t *testing.T, err error) bool {
	t.Helper()
	if err != nil && !errors.Is(err, errDied) {
		t.Fatal(err)
	}
	return err != nil
}

func change(action record.Action, hash, uid, post string) record.Change {
	return record.Change{Dataset: "tasks", ClientID: viewID, CUID: "phone", Hash: hash, Action: action, UID: uid,
		Pre: json.RawMessage(`{"v":0}`), Post: json.RawMessage(post)}
}

func (d dying) enqueue(changes ...record.Change) store.EnqueueResult {
	d.t.Helper()
	return must[store.EnqueueResult](d.t)(d.EnqueueChanges(d.t.Context(), changes))
}

// updates is what waits for the device, by hash.
func (d dying) updates() map[string]record.Update {
	d.t.Helper()
	all := map[string]record.Update{}
	for _, u := range must[[]record.Update](d.t)(d.ListUpdates(d.t.Context(), "tasks", "phone", 0)) {
		all[u.Hash] = u
	}
	return all
}

// A create whose end is cut off anywhere has one outcome, its device hears of it, and
// what waits for it goes on, on the real record.
func TestFinishDies(t *testing.T) {
	everyCommand(t, func(d dying, k int) bool {
		d.enqueue(change(record.ActionCreate, "c", "c", `{"v":1}`), change(record.ActionUpdate, "u", "c", `{"v":2}`))
		s, dieAt := d.process()
		claimed := must[[]store.ClaimedChange](t)(s.ClaimChanges(t.Context(), 1, claimTime))
		dieAt(k)
		err := s.FinishChange(t.Context(), claimed[0].Claim, store.Outcome{Type: record.Applied, UID: "REAL"})
		finished := must[[]store.ChangeStory](t)(d.FindChanges(t.Context(), store.ChangeQuery{Hash: "c", Dataset: "tasks"}))[0].Outcome != nil
		did := d.work()
		if again := did[0].Change.Hash == "c"; again == finished {
			t.Errorf("dead before command %d: finished %v, and work for others %v", k, finished, again)
		}
		if last := did[len(did)-1]; last.Change.Hash != "u" || finished && last.RecordUID != "REAL" {
			t.Errorf("dead before command %d: the next is %s on %s", k, last.Change.Hash, last.RecordUID)
		}
		if u := d.updates(); len(u) != 2 || finished && (u["c"].UID != "REAL" || u["c"].OldUID != "c") {
			t.Errorf("dead before command %d: updates %+v", k, u)
		}
		if n := must[map[store.Queue]int64](t)(d.Queues(t.Context()))[store.QueuePending]; n != 0 {
			t.Errorf("dead before command %d: %d changes left", k, n)
		}
		return died(t, err)
	})
}

// A collision whose end is cut off anywhere counts once.
func TestFinishCollisionDies(t *testing.T) {
	everyCommand(t, func(d dying, k int) bool {
		d.enqueue(change(record.ActionUpdate, "u", "r", `{"v":2}`))
		s, dieAt := d.process()
		claimed := must[[]store.ClaimedChange](t)(s.ClaimChanges(t.Context(), 1, claimTime))
		dieAt(k)
		err := s.FinishChange(t.Context(), claimed[0].Claim, store.Outcome{Type: record.Collision, UID: "r"})
		retried := len(d.work())
		view := must[record.DatasetClient](t)(d.DatasetClient(t.Context(), viewID))
		if int(view.CollisionCount) != 1-retried || len(d.updates()) != 1 {
			t.Errorf("dead before command %d: %d collisions, done again %d times, updates %+v", k, view.CollisionCount, retried, d.updates())
		}
		return died(t, err)
	})
}

// A request that is cut off anywhere while it is stored, and sent again, is stored once.
func TestEnqueueDies(t *testing.T) {
	everyCommand(t, func(d dying, k int) bool {
		d.enqueue(change(record.ActionUpdate, "a", "r", `{"v":1}`), change(record.ActionUpdate, "b", "r", `{"v":2}`))
		request := []record.Change{change(record.ActionUpdate, "b", "r", `{"v":3}`), change(record.ActionUpdate, "c", "r", `{"v":4}`),
			change(record.ActionUpdate, "d", "other", `{"v":5}`)}
		s, dieAt := d.process()
		dieAt(k)
		_, err := s.EnqueueChanges(t.Context(), request)
		d.enqueue(request...)
		var order []string
		for _, c := range d.work() {
			if c.RecordUID == "r" {
				order = append(order, string(c.Change.Post))
			}
		}
		if want := []string{`{"v":1}`, `{"v":2}`, `{"v":3}`, `{"v":4}`}; !slices.Equal(order, want) {
			t.Errorf("dead before command %d: worked on %v, want %v", k, order, want)
		}
		if len(d.updates()) != 4 {
			t.Errorf("dead before command %d: updates %+v", k, d.updates())
		}
		return died(t, err)
	})
}
