package mongo

import (
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// did is what a reference server writes when it does a change of the queue, whoever
// put it there: it claims the message, saves the update, marks the message.
func (r *reference) did(hash, kind, uid, oldUID string) {
	r.t.Helper()
	queue, updates := r.db.Collection("fhsync_pending_queue"), r.db.Collection("fhsync_tasks_updates")
	var m bson.M
	if err := queue.FindOneAndUpdate(r.t.Context(), bson.D{is("payload.hash", hash), is("deleted", nil)},
		bson.D{set(r.done()...)}).Decode(&m); err != nil {
		r.t.Fatal(err)
	}
	payload, _ := m["payload"].(bson.D)
	action := ""
	for _, e := range payload {
		if e.Key == "action" {
			action, _ = e.Value.(string)
		}
	}
	u := r.update(kind, "phone", action, hash, uid, oldUID)
	if _, err := updates.UpdateOne(r.t.Context(), bson.D{is("cuid", "phone"), is("hash", hash)}, bson.D{set(u...)},
		options.UpdateOne().SetUpsert(true)); err != nil {
		r.t.Fatal(err)
	}
}

// Tandem's messages that a reference server did are done when Tandem is back: with the
// result that it gave, known when they are sent again, and out of the way of what
// waits behind them.
func TestAdoptWhatTandemQueued(t *testing.T) {
	r := opened(t)
	s := r.tandem()
	touchView(t, s)
	change := func(action record.Action, hash, uid, pre, post string) record.Change {
		c := record.Change{Dataset: "tasks", ClientID: viewID, CUID: "phone", Action: action, Hash: hash, UID: uid}
		if pre != "" {
			c.Pre = []byte(`{"title":"` + pre + `"}`)
		}
		if post != "" {
			c.Post = []byte(`{"title":"` + post + `"}`)
		}
		return c
	}
	create, second, third := change("create", "c", "c", "", "a"), change("update", "u2", "c", "a", "b"), change("update", "u3", "c", "b", "c")
	newer := change("update", "h", "R1", "x", "z")
	for _, c := range []record.Change{create, second, third, change("update", "h", "R1", "x", "y"), newer} {
		must[store.EnqueueResult](t)(s.EnqueueChanges(t.Context(), []record.Change{c}))
	}
	older := claimAll(t, s)
	// The worker dies with the create in its hands.
	i := slices.IndexFunc(older, func(c store.ClaimedChange) bool { return c.Change.Hash == "h" })
	finish(t, s, older[i], store.Outcome{Type: record.Applied, UID: "R1", Wrote: "y"})
	// Of this one the device has not heard either, and sends a newer version.
	must[store.EnqueueResult](t)(s.EnqueueChanges(t.Context(), []record.Change{change("update", "g", "R2", "x", "y")}))
	for _, c := range claimAll(t, s) {
		if c.Change.Hash == "g" {
			finish(t, s, c, store.Outcome{Type: record.Applied, UID: "R2", Wrote: "y"})
		}
	}
	must[store.EnqueueResult](t)(s.EnqueueChanges(t.Context(), []record.Change{change("update", "g", "R2", "x", "z")}))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	r.did("g", "collisions", "R2", "")
	r.did("c", "applied", "U1", "c")
	r.did("u2", "collisions", "c", "") // it knows of no made-up uids
	r.did("h", "applied", "R1", "")    // the newer version
	s = r.tandem()
	wantTold(t, s, "phone", "c applied U1 c", "g collisions R2", "h applied R1", "u2 collisions c")
	// Another device has long known the record, and what it changes goes in turn.
	must[store.EnqueueResult](t)(s.EnqueueChanges(t.Context(), []record.Change{{Dataset: "tasks", ClientID: viewID, CUID: "tablet",
		Action: "update", Hash: "t", UID: "U1", Pre: []byte(`{"title":"c"}`), Post: []byte(`{"title":"d"}`)}}))
	finish(t, s, wantClaims(t, s, `u3 {"title":"c"} U1`)[0], store.Outcome{Type: record.Applied, UID: "U1"})
	wantTold(t, s, "phone", "c applied U1 c", "g collisions R2", "h applied R1", "u2 collisions c", "u3 applied U1 c")
	wantClaims(t, s, `t {"title":"d"} U1`)
	for _, c := range []record.Change{create, second, newer} {
		if got := must[store.EnqueueResult](t)(s.EnqueueChanges(t.Context(), []record.Change{c})); got.Queued != 0 {
			t.Errorf("%s sent again: %+v, want it to be known", c.Hash, got)
		}
	}
	wantTold(t, s, "phone", "c applied U1 c", "g collisions R2", "h applied R1", "u2 collisions c", "u3 applied U1 c")
}

// A view that a reference server has listed since is listed anew, and what it left of
// records that no view holds goes.
func TestAdoptWhatTandemListed(t *testing.T) {
	r := opened(t)
	s := r.tandem()
	touchView(t, s)
	run := must[store.Run](t)(s.BeginRun(t.Context(), viewID, "job"))
	if err := s.WriteRecords(t.Context(), run, []record.Record{{UID: "R1", Hash: "1", Data: []byte(`{}`)}, {UID: "R2", Hash: "2", Data: []byte(`{}`)}}, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.EndRun(t.Context(), run, "cafe"); err != nil {
		t.Fatal(err)
	}
	before := must[record.DatasetClient](t)(s.DatasetClient(t.Context(), viewID))
	s = r.tandem()
	if after := must[record.DatasetClient](t)(s.DatasetClient(t.Context(), viewID)); !after.SyncCompleted || after.GlobalHash() != before.GlobalHash() {
		t.Errorf("opened again, with nobody in between: %+v", after)
	}
	set := func(collection string, filter bson.D, update bson.D) {
		if _, err := r.db.Collection(collection).UpdateOne(t.Context(), filter, update); err != nil {
			t.Fatal(err)
		}
	}
	set(collClients, bson.D{is("id", viewID)}, bson.D{is("$set", bson.D(r.listed()))})
	set("fhsync_tasks_records", bson.D{is("uid", "R2")}, bson.D{is("$set", bson.D{is("hash", nil), is("data", nil)}), is("$pull", bson.D{is("refs", viewID)})})
	s = r.tandem()
	after := must[record.DatasetClient](t)(s.DatasetClient(t.Context(), viewID))
	if after.SyncCompleted || !after.Due().IsZero() || after.Revision < before.Revision {
		t.Errorf("after a reference server's run: %+v", after)
	}
	if n, err := r.db.Collection("fhsync_tasks_records").CountDocuments(t.Context(), bson.D{}); err != nil || n != 1 {
		t.Errorf("%d records, %v; want R1 alone", n, err)
	}
	r.clock.Advance(time.Second)
	run = must[store.Run](t)(s.BeginRun(t.Context(), viewID, "job2"))
	if err := s.EndRun(t.Context(), run, "cafe"); err != nil {
		t.Fatal(err)
	}
	if last := must[record.DatasetClient](t)(s.DatasetClient(t.Context(), viewID)); last.GlobalHash() == before.GlobalHash() {
		t.Errorf("the global hash is %s again: devices would not look", last.GlobalHash())
	}
}
