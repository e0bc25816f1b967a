package mongo

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// claimAll claims what can be claimed now, by hash and content.
func claimAll(t *testing.T, s *Store) (all []store.ClaimedChange) {
	t.Helper()
	return must[[]store.ClaimedChange](t)(s.ClaimChanges(t.Context(), 100, 10*time.Second))
}

// told are the results that wait for a device: "hash type uid oldUid".
func told(t *testing.T, s *Store, cuid string) (all []string) {
	t.Helper()
	for _, u := range must[[]record.Update](t)(s.ListUpdates(t.Context(), "tasks", cuid, 0)) {
		all = append(all, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", u.Hash, u.Type, u.UID, u.OldUID)))
	}
	slices.Sort(all)
	return all
}

func wantTold(t *testing.T, s *Store, cuid string, want ...string) {
	t.Helper()
	if got := told(t, s, cuid); !slices.Equal(got, want) {
		t.Errorf("%s is told %q, want %q", cuid, got, want)
	}
}

// wantClaims checks what workers get now: "hash post recordUID".
func wantClaims(t *testing.T, s *Store, want ...string) []store.ClaimedChange {
	t.Helper()
	claimed := claimAll(t, s)
	var got []string
	for _, c := range claimed {
		got = append(got, fmt.Sprintf("%s %s %s", c.Change.Hash, c.Change.Post, c.RecordUID))
	}
	if !slices.Equal(got, want) {
		t.Errorf("to be done:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	return claimed
}

func finish(t *testing.T, s *Store, c store.ClaimedChange, o store.Outcome) {
	t.Helper()
	if err := s.FinishChange(t.Context(), c.Claim, o); err != nil {
		t.Fatal(err)
	}
}

// What waits is worked on in its order; a record's changes one after the other; a
// claim that is in force stays so until it ends.
func TestAdoptWaitingChanges(t *testing.T) {
	r := opened(t)
	r.change("tablet", "UPDATE", "u1", "R1", post("one"), post("two"), r.claimed(10*time.Second)...)
	r.change("phone", "update", "u2", "R1", post("two"), post("three"))
	r.change("phone", "delete", "u3", "R2", post("x"), nil, r.claimed(-time.Second)...)
	r.change("phone", "create", "c4", "c4", nil, post("new"))
	r.change("phone", "update", "u5", "c4", post("new"), post("newer"))
	s := r.tandem()
	claimed := wantClaims(t, s, `u3  R2`, `c4 {"title":"new"} c4`)
	if claimed[0].Tries != 2 || claimed[0].Change.Action != record.ActionDelete || string(claimed[0].Change.Pre) != `{"title":"x"}` ||
		claimed[0].Change.CUID != "phone" || claimed[0].Change.ClientID != viewID {
		t.Errorf("claimed %+v", claimed[0])
	}
	finish(t, s, claimed[1], store.Outcome{Type: record.Applied, UID: "U4", Wrote: "w"})
	wantTold(t, s, "phone", "c4 applied U4 c4")
	wantClaims(t, s, `u5 {"title":"newer"} U4`)
	r.clock.Advance(10 * time.Second)
	claimed = claimAll(t, s)
	first := claimed[slices.IndexFunc(claimed, func(c store.ClaimedChange) bool { return c.RecordUID == "R1" })]
	if first.Change.Hash != "u1" || first.Change.Action != record.ActionUpdate {
		t.Errorf("first on R1 is %s (%s), want u1, which the reference server had begun", first.Change.Hash, first.Change.Action)
	}
	finish(t, s, first, store.Outcome{Type: record.Applied, UID: "R1"})
	wantClaims(t, s, `u2 {"title":"three"} R1`)
	if n := must[map[store.Queue]int64](t)(s.Queues(t.Context()))[store.QueuePending]; n != 3 {
		t.Errorf("%d changes wait, want u2, u3, u5", n)
	}
}

// A change that can't be answered is dropped, all others get a result.
func TestAdoptOddChanges(t *testing.T) {
	r := opened(t)
	r.change("phone", "update", "", "R1", nil, post("x"))
	r.change("", "update", "u1", "R1", nil, post("x"))
	r.message("fhsync_pending_queue", bson.D{is("hash", "u2"), is("cuid", "phone"), is("action", "update"), is("uid", "R1")})
	r.insert("fhsync_pending_queue", bson.D{is("visible", visible(r.clock.Now()))})
	r.message("fhsync_pending_queue", bson.D{is("hash", "u3"), is("cuid", "phone"), is("datasetId", "tasks"), is("action", "update"), is("uid", int32(7))})
	r.message("fhsync_pending_queue", bson.D{is("hash", "u4"), is("cuid", "phone"), is("datasetId", "tasks")})
	s := r.tandem()
	claimed := wantClaims(t, s, "u3  ", "u4  ")
	if p := claimed[0].Change.Problem(); p != "uid is not a text" {
		t.Errorf("the problem of u3 is %q", p)
	}
	if p := claimed[1].Change.Problem(); p == "" {
		t.Error("a change without action and uid has no problem")
	}
	if n := must[map[store.Queue]int64](t)(s.Queues(t.Context()))[store.QueuePending]; n != 2 {
		t.Errorf("%d messages wait, want 2", n)
	}
}

// again sends a change once more, as a device does that has heard nothing.
func resend(t *testing.T, s *Store, c record.Change) store.EnqueueResult {
	t.Helper()
	c.Dataset, c.ClientID, c.CUID = "tasks", viewID, "phone"
	return must[store.EnqueueResult](t)(s.EnqueueChanges(t.Context(), []record.Change{c}))
}

// What a reference server did is known when it is sent again, under the result that it
// had: from the update that waits, from the acknowledgement of one, or since its
// device let go of it.
func TestAdoptDoneChanges(t *testing.T) {
	title := func(s string) []byte { return []byte(`{"title":"` + s + `"}`) }
	for _, test := range []struct {
		name, want string
		change     record.Change
		fill       func(r *reference)
	}{
		{"create, update waits", "h applied U1 h", record.Change{Action: "create", Hash: "h", UID: "h", Post: title("a")}, func(r *reference) {
			r.change("phone", "create", "h", "h", nil, post("a"), r.done()...)
			r.waits(r.update("applied", "phone", "create", "h", "U1", "h"))
		}},
		{"create, acknowledged", "h applied U1 h", record.Change{Action: "create", Hash: "h", UID: "h", Post: title("a")}, func(r *reference) {
			r.change("phone", "create", "h", "h", nil, post("a"), r.done()...)
			r.acked(r.update("applied", "phone", "create", "h", "U1", "h"))
		}},
		{"create, failed, acknowledged", "h failed h", record.Change{Action: "create", Hash: "h", UID: "h", Post: title("a")}, func(r *reference) {
			r.change("phone", "create", "h", "h", nil, post("a"), r.done()...)
			r.acked(r.update("failed", "phone", "create", "h", "h", ""))
		}},
		{"update, update waits", "h collisions R1", record.Change{Action: "update", Hash: "h", UID: "R1", Pre: title("a"), Post: title("b")}, func(r *reference) {
			r.change("phone", "update", "h", "R1", post("a"), post("b"), r.done()...)
			r.waits(r.update("collisions", "phone", "update", "h", "R1", ""))
		}},
		{"delete, nothing left", "h applied R1", record.Change{Action: "delete", Hash: "h", UID: "R1", Pre: title("a")}, func(r *reference) {
			r.change("phone", "delete", "h", "R1", post("a"), nil, r.done()...)
		}},
		{"two results of one change", "h applied U2 h", record.Change{Action: "create", Hash: "h", UID: "h", Post: title("a")}, func(r *reference) {
			r.change("phone", "create", "h", "h", nil, post("a"), r.done()...)
			r.waits(r.update("failed", "phone", "create", "h", "h", ""))
			r.waits(append(r.update("applied", "phone", "create", "h", "U2", "h")[:4], is("timestamp", r.ago(time.Second)),
				is("type", "applied"), is("uid", "U2"), is("oldUid", "h")))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := opened(t)
			r.view(viewID, r.listed()...)
			test.fill(r)
			s := r.tandem()
			wantClaims(t, s)
			if got := resend(t, s, test.change); got.Queued != 0 {
				t.Errorf("sent again: %+v, want it to be known", got)
			}
			wantTold(t, s, "phone", test.want)
			u := must[[]record.Update](t)(s.ListUpdates(t.Context(), "tasks", "phone", 0))[0]
			if err := s.EnqueueAcks(t.Context(), []record.Ack{{Dataset: "tasks", CUID: "phone", Hash: "h", Timestamp: u.Timestamp}}); err != nil {
				t.Fatal(err)
			}
			if err := s.FinishAcks(t.Context(), must[[]store.ClaimedAck](t)(s.ClaimAcks(t.Context(), 10, time.Minute))); err != nil {
				t.Fatal(err)
			}
			wantTold(t, s, "phone")
		})
	}
}

// A change that the reference server has twice in its queue is done once.
func TestAdoptRepeatedChanges(t *testing.T) {
	for _, test := range []struct {
		name   string
		fill   func(r *reference)
		claims []string
		told   []string
	}{
		{"both wait", func(r *reference) {
			r.change("phone", "create", "h", "h", nil, post("a"))
			r.change("phone", "create", "h", "h", nil, post("a"))
		}, []string{`h {"title":"a"} h`}, nil},
		{"the first is done", func(r *reference) {
			r.change("phone", "create", "h", "h", nil, post("a"), r.done()...)
			r.waits(r.update("applied", "phone", "create", "h", "U1", "h"))
			r.change("phone", "create", "h", "h", nil, post("a"))
		}, nil, []string{"h applied U1 h"}},
		{"the first is done and acknowledged", func(r *reference) {
			r.change("phone", "create", "h", "h", nil, post("a"), r.done()...)
			r.acked(r.update("applied", "phone", "create", "h", "U1", "h"))
			r.change("phone", "create", "h", "h", nil, post("a"))
		}, nil, []string{"h applied U1 h"}},
		{"the first was begun, the second is done", func(r *reference) {
			r.change("phone", "create", "h", "h", nil, post("a"), r.claimed(-time.Second)...)
			r.change("phone", "create", "h", "h", nil, post("a"), r.done()...)
			r.waits(r.update("applied", "phone", "create", "h", "U1", "h"))
		}, nil, []string{"h applied U1 h"}},
		{"both are done", func(r *reference) {
			r.change("phone", "create", "h", "h", nil, post("a"), r.done()...)
			r.change("phone", "create", "h", "h", nil, post("a"), r.done()...)
			r.waits(r.update("applied", "phone", "create", "h", "U2", "h"))
		}, nil, []string{"h applied U2 h"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := opened(t)
			test.fill(r)
			s := r.tandem()
			wantClaims(t, s, test.claims...)
			wantTold(t, s, "phone", test.told...)
		})
	}
}

// A device may acknowledge a result and ask for it again in one request: the
// acknowledgement that waits does not remove what is told again.
func TestAdoptAcknowledgedAndResent(t *testing.T) {
	r := opened(t)
	update := r.update("applied", "phone", "create", "h", "U1", "h")
	r.change("phone", "create", "h", "h", nil, post("a"), r.done()...)
	r.waits(update)
	r.message("fhsync_ack_queue", append(slices.Clone(update), is("datasetId", "tasks")))
	r.change("phone", "create", "h", "h", nil, post("a"))
	s := r.tandem()
	if err := s.FinishAcks(t.Context(), must[[]store.ClaimedAck](t)(s.ClaimAcks(t.Context(), 10, time.Minute))); err != nil {
		t.Fatal(err)
	}
	wantTold(t, s, "phone", "h applied U1 h")
	wantClaims(t, s)
}

// Two contents under one hash: the newer one is done on top of the older one, whose
// result the device does not get any more.
func TestAdoptVersions(t *testing.T) {
	versions := func(t *testing.T, fill func(r *reference), earlierUID, wrote string) {
		r := opened(t)
		fill(r)
		r.change("phone", "create", "h", "h", nil, post("b"))
		s := r.tandem()
		wantTold(t, s, "phone")
		claimed := claimAll(t, s)
		if len(claimed) != 1 || string(claimed[0].Change.Post) != `{"title":"b"}` {
			t.Fatalf("claimed %+v, want the newer version", claimed)
		}
		if e := claimed[0].Earlier; e == nil || e.Type != record.Applied || e.UID != earlierUID || e.Wrote != wrote {
			t.Errorf("the older version ended as %+v", e)
		}
		finish(t, s, claimed[0], store.Outcome{Type: record.Applied, UID: earlierUID})
		wantTold(t, s, "phone", "h applied U1 h")
	}
	t.Run("older one done", func(t *testing.T) {
		versions(t, func(r *reference) {
			r.change("phone", "create", "h", "h", nil, post("a"), r.done()...)
			r.waits(r.update("applied", "phone", "create", "h", "U1", "h"))
		}, "U1", hashOf(t, "a"))
	})
	t.Run("older one done and acknowledged", func(t *testing.T) {
		versions(t, func(r *reference) {
			r.change("phone", "create", "h", "h", nil, post("a"), r.done()...)
			r.acked(r.update("applied", "phone", "create", "h", "U1", "h"))
		}, "U1", hashOf(t, "a"))
	})
	t.Run("older one known by its update alone", func(t *testing.T) {
		versions(t, func(r *reference) { r.waits(r.update("applied", "phone", "create", "h", "U1", "h")) }, "U1", "")
	})
	t.Run("both wait", func(t *testing.T) {
		r := opened(t)
		r.change("phone", "update", "h", "R1", post("a"), post("b"))
		r.change("phone", "update", "h", "R1", post("a"), post("c"))
		s := r.tandem()
		finish(t, s, wantClaims(t, s, `h {"title":"b"} R1`)[0], store.Outcome{Type: record.Applied, UID: "R1", Wrote: "b"})
		wantTold(t, s, "phone")
		claimed := wantClaims(t, s, `h {"title":"c"} R1`)
		if e := claimed[0].Earlier; e == nil || e.Wrote != "b" {
			t.Errorf("the older version ended as %+v", e)
		}
	})
	t.Run("the newer one is done", func(t *testing.T) {
		r := opened(t)
		r.change("phone", "update", "h", "R1", post("a"), post("b"), r.claimed(-time.Second)...)
		r.change("phone", "update", "h", "R1", post("a"), post("c"), r.done()...)
		r.waits(r.update("applied", "phone", "update", "h", "R1", ""))
		s := r.tandem()
		wantClaims(t, s)
		wantTold(t, s, "phone", "h applied R1")
	})
}

// A device that made a record while it was offline goes on under the uid that it made
// up, also when the create was done by a reference server, long ago or acknowledged.
func TestAdoptMadeUpUIDs(t *testing.T) {
	for name, fill := range map[string]func(r *reference){
		"update waits": func(r *reference) {
			r.change("phone", "create", "h", "h", nil, post("a"), r.done()...)
			r.waits(r.update("applied", "phone", "create", "h", "U1", "h"))
		},
		"acknowledged": func(r *reference) {
			r.change("phone", "create", "h", "h", nil, post("a"), r.done()...)
			r.acked(r.update("applied", "phone", "create", "h", "U1", "h"))
		},
		"the log forgot": func(r *reference) { r.waits(r.update("applied", "phone", "create", "h", "U1", "h")) },
	} {
		t.Run(name, func(t *testing.T) {
			r := opened(t)
			fill(r)
			r.change("phone", "update", "u1", "h", post("a"), post("b"))
			r.change("tablet", "update", "u2", "h", post("a"), post("c"))
			s := r.tandem()
			wantClaims(t, s, `u1 {"title":"b"} U1`, `u2 {"title":"c"} h`)
			resend(t, s, record.Change{Action: "delete", Hash: "d3", UID: "h", Pre: []byte(`{"title":"b"}`)})
			uids := must[[]string](t)(s.ChangedUIDs(t.Context(), "tasks", "phone", time.Time{}))
			if !slices.Contains(uids, "U1") || !slices.Contains(uids, "h") {
				t.Errorf("the phone changed %v, want U1 under both names", uids)
			}
		})
	}
}

// An acknowledgement removes the result that its device saw, and none that came later.
func TestAdoptAcks(t *testing.T) {
	r := opened(t)
	for _, hash := range []string{"timed", "untimed", "claimed", "later"} {
		u := r.update("applied", "phone", "update", hash, "R1", "")
		if hash == "later" {
			u[4] = is("timestamp", r.ago(-time.Minute))
		}
		r.waits(u)
	}
	ack := func(hash string, more ...bson.E) bson.D {
		return append(bson.D{is("hash", hash), is("cuid", "phone"), is("datasetId", "tasks")}, more...)
	}
	r.message("fhsync_ack_queue", ack("timed", is("timestamp", r.ago(50*time.Second))))
	r.message("fhsync_ack_queue", ack("untimed"), is("visible", visible(r.clock.Now())))
	r.message("fhsync_ack_queue", ack("later"))
	r.message("fhsync_ack_queue", ack("claimed", is("timestamp", r.ago(50*time.Second))), r.claimed(30*time.Second)...)
	s := r.tandem()
	if err := s.FinishAcks(t.Context(), must[[]store.ClaimedAck](t)(s.ClaimAcks(t.Context(), 10, time.Minute))); err != nil {
		t.Fatal(err)
	}
	wantTold(t, s, "phone", "claimed applied R1", "later applied R1")
	r.clock.Advance(30 * time.Second)
	if err := s.FinishAcks(t.Context(), must[[]store.ClaimedAck](t)(s.ClaimAcks(t.Context(), 10, time.Minute))); err != nil {
		t.Fatal(err)
	}
	wantTold(t, s, "phone", "later applied R1")
}
