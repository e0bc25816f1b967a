package mongo

import (
	"errors"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// More of what others may do between two commands: each was found by the simulation.

// stepping returns a store, and beside it another that works before its commands.
func stepping(t *testing.T, command string) (d dying, others func(func(*Store) bool)) {
	t.Helper()
	s, clock, others := between(t, command)
	touchView(t, s)
	return dying{t: t, clock: clock, Store: s}, others
}

// A device that has the result of a create sends what waits behind it under the real
// uid: it is no other change.
func TestUIDIsKnownBeforeItsUpdate(t *testing.T) {
	for _, command := range []string{"update " + collClients, "upsert " + collUIDs, "update fhsync_pending_queue"} {
		d, others := stepping(t, command)
		d.enqueue(change(record.ActionCreate, "c", "c", `{"v":1}`), change(record.ActionUpdate, "u", "c", `{"v":2}`))
		c := must[[]store.ClaimedChange](t)(d.ClaimChanges(t.Context(), 1, claimTime))
		seen := false
		others(func(o *Store) bool {
			d := dying{t: t, Store: o}
			if uid := d.updates()["c"].UID; uid != "" {
				seen = true
				if r := d.enqueue(change(record.ActionUpdate, "u", uid, `{"v":2}`)); r.Repeated != 1 {
					t.Errorf("at %s: %+v, want it to be recognised", command, r)
				}
			}
			return true
		})
		if err := d.FinishChange(t.Context(), c[0].Claim, store.Outcome{Type: record.Applied, UID: "REAL"}); err != nil {
			t.Fatal(err)
		}
		if command == "update "+collClients && !seen {
			t.Error("the device saw no update")
		}
	}
}

// The same where the process of the create stalls, and the device sends the create again.
func TestResendOfWhatIsNotSettled(t *testing.T) {
	d, others := stepping(t, "upsert "+collUIDs)
	create, update := change(record.ActionCreate, "c", "c", `{"v":1}`), change(record.ActionUpdate, "u", "c", `{"v":2}`)
	d.enqueue(create, update)
	c := must[[]store.ClaimedChange](t)(d.ClaimChanges(t.Context(), 1, claimTime))
	others(func(o *Store) bool {
		d := dying{t: t, Store: o}
		d.enqueue(create)
		update.UID = d.updates()["c"].UID
		if r := d.enqueue(update); update.UID != "REAL" || r.Repeated != 1 {
			t.Errorf("%+v on %q, want it to be recognised", r, update.UID)
		}
		return true
	})
	if err := d.FinishChange(t.Context(), c[0].Claim, store.Outcome{Type: record.Applied, UID: "REAL"}); err != nil {
		t.Fatal(err)
	}
}

// From the moment that a newer version exists, no result of an older one shows.
func TestNewerVersionHidesAtOnce(t *testing.T) {
	d, others := stepping(t, "")
	d.enqueue(change(record.ActionUpdate, "u", "r", `{"v":1}`), change(record.ActionUpdate, "w", "r", `{"v":1}`))
	c := must[[]store.ClaimedChange](t)(d.ClaimChanges(t.Context(), 1, claimTime))
	if err := d.FinishChange(t.Context(), c[0].Claim, store.Outcome{Type: record.Failed, UID: "r"}); err != nil {
		t.Fatal(err)
	}
	others(func(o *Store) bool {
		n := len(must[[]store.ChangeStory](t)(o.FindChanges(t.Context(), store.ChangeQuery{Dataset: "tasks", Hash: "u"})))
		if _, shown := (dying{t: t, Store: o}).updates()["u"]; n > 1 && shown {
			t.Error("the device can take the result of the older version for the newer one's")
		}
		return n > 1
	})
	d.enqueue(change(record.ActionUpdate, "u", "r", `{"v":2}`))
}

// A worker that says late how an older version ended brings back no result of it.
func TestLateResultOfOlderVersion(t *testing.T) {
	d, others := stepping(t, "upsert fhsync_tasks_updates")
	d.enqueue(change(record.ActionUpdate, "u", "r", `{"v":1}`))
	c := must[[]store.ClaimedChange](t)(d.ClaimChanges(t.Context(), 1, claimTime))
	others(func(o *Store) bool {
		d := dying{t: t, clock: d.clock, Store: o}
		d.enqueue(change(record.ActionUpdate, "u", "r", `{"v":2}`))
		if did := d.work(); len(did) != 1 {
			t.Errorf("worked on %+v, want the newer version", did)
		}
		u := d.updates()["u"]
		if err := o.EnqueueAcks(t.Context(), []record.Ack{{Dataset: "tasks", CUID: "phone", Hash: "u", Timestamp: u.Timestamp}}); err != nil {
			t.Fatal(err)
		}
		if err := o.FinishAcks(t.Context(), must[[]store.ClaimedAck](t)(o.ClaimAcks(t.Context(), 1, claimTime))); err != nil {
			t.Fatal(err)
		}
		return true
	})
	if err := d.FinishChange(t.Context(), c[0].Claim, store.Outcome{Type: record.Failed, UID: "r"}); err != nil {
		t.Fatal(err)
	}
	if u := d.updates(); len(u) != 0 {
		t.Errorf("the device is told once more: %+v", u)
	}
}

// A sync run that was replaced between its check and its write hears of it, and the
// view is looked at again.
func TestLateWriteOfRecords(t *testing.T) {
	d, others := stepping(t, "bulk fhsync_tasks_records")
	record1 := func(data string) []record.Record {
		return []record.Record{{UID: "r", Hash: data, Data: []byte(`{"v":"` + data + `"}`)}}
	}
	run := must[store.Run](t)(d.BeginRun(t.Context(), viewID, "job1"))
	others(func(o *Store) bool {
		d.clock.Advance(time.Hour)
		run := must[store.Run](t)(o.BeginRun(t.Context(), viewID, "job2"))
		if err := errors.Join(o.WriteRecords(t.Context(), run, record1("new"), nil), o.EndRun(t.Context(), run, "content")); err != nil {
			t.Fatal(err)
		}
		return true
	})
	if err := d.WriteRecords(t.Context(), run, record1("old"), nil); !errors.Is(err, store.ErrStale) {
		t.Errorf("error: %v, want %v", err, store.ErrStale)
	}
	if must[record.DatasetClient](t)(d.DatasetClient(t.Context(), viewID)).Wanted.IsZero() {
		t.Error("nobody looks at the view again")
	}
}

// A device comes back while its view is being removed: what its first sync run writes
// stays.
func TestViewComesBackWhileItIsRemoved(t *testing.T) {
	d, others := stepping(t, "update fhsync_tasks_records")
	write := func(s *Store, job string) error {
		run, err := s.BeginRun(t.Context(), viewID, job)
		if err != nil {
			return err
		}
		records := []record.Record{{UID: "r", Hash: "h", Data: []byte(`{}`)}}
		return errors.Join(s.WriteRecords(t.Context(), run, records, nil), s.EndRun(t.Context(), run, "content"))
	}
	if err := write(d.Store, "job1"); err != nil {
		t.Fatal(err)
	}
	d.clock.Advance(1000 * time.Hour)
	lease, _, err := d.AcquireLease(t.Context(), "scheduler", "me", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	must[store.Scheduled](t)(d.ScheduleDue(t.Context(), lease, 0))
	others(func(o *Store) bool {
		touchView(t, o)
		if err := write(o, "job2"); !errors.Is(err, store.ErrBusy) {
			t.Errorf("error: %v, want %v", err, store.ErrBusy)
		}
		return true
	})
	must[int](t)(d.RemoveIdle(t.Context(), lease, time.Hour, 10))
	if err := write(d.Store, "job3"); err != nil {
		t.Fatal(err)
	}
	for h, err := range d.ViewHashes(t.Context(), viewID) {
		if err != nil || h.UID != "r" {
			t.Fatal(h, err)
		}
		return
	}
	t.Error("the view is empty")
}
