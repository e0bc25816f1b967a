package admin_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	adminv1 "github.com/tandem-sync/tandem/proto/admin/v1"
	"github.com/tandem-sync/tandem/services/admin"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// edit is a change to a record through the view tasks_1.
func edit(cuid, hash, uid string) record.Change {
	return record.Change{Dataset: "tasks", ClientID: "tasks_1", CUID: cuid, Hash: hash, Action: record.ActionUpdate, UID: uid,
		Pre: []byte(`{"v":1}`), Post: []byte(`{"v":2,"h":"` + hash + `"}`), Timestamp: 42}
}

func (b *bench) enqueue(changes ...record.Change) {
	b.Helper()
	_, err := b.store.EnqueueChanges(b.Context(), changes)
	b.must(err)
}

// do claims the oldest change and finishes it.
func (b *bench) do(o store.Outcome) {
	b.Helper()
	claimed, err := b.store.ClaimChanges(b.Context(), 1, time.Minute)
	b.must(err)
	if len(claimed) != 1 {
		b.Fatalf("claimed %d", len(claimed))
	}
	b.must(b.store.FinishChange(b.Context(), claimed[0].Claim, o))
}

// run does a sync run that takes a second.
func (b *bench) run(id, contentHash string, records ...record.Record) {
	b.Helper()
	run, err := b.store.BeginRun(b.Context(), id, "job of "+id)
	b.must(err)
	b.must(b.store.WriteRecords(b.Context(), run, records, nil))
	b.now = b.now.Add(time.Second)
	b.must(b.store.EndRun(b.Context(), run, contentHash))
}

func (b *bench) ms() int64 { return b.now.UnixMilli() }

func (b *bench) find(req *adminv1.FindChangesRequest) *adminv1.FindChangesResponse {
	b.Helper()
	resp, err := b.api.FindChanges(b.Context(), req)
	b.must(err)
	return resp
}

// one is the only change that is found.
func (b *bench) one(hash string) *adminv1.ChangeStory {
	b.Helper()
	found := b.find(&adminv1.FindChangesRequest{Hash: hash}).GetChanges()
	if len(found) != 1 {
		b.Fatalf("%d changes %s, want one", len(found), hash)
	}
	return found[0]
}

func (b *bench) same(what string, got, want any) {
	b.Helper()
	if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
		b.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// A change from its arrival to the sync run that brought it to everybody.
func TestFindChangesLife(t *testing.T) {
	b := newBench(t)
	b.view("tasks", "1")
	b.view("tasks", "2")
	received := b.ms()
	b.enqueue(edit("phone", "h1", "r1"))
	want := &adminv1.ChangeStory{
		Dataset: "tasks", DatasetClient: "tasks_1", Cuid: "phone", Hash: "h1", Action: "update", Uid: "r1", RecordUid: "r1", DeviceTime: 42,
		Enqueued: received, Visible: received, Ready: received,
	}
	ignore := protocmp.IgnoreFields(&adminv1.ChangeStory{}, "view", "record_views")
	check := func(what string) {
		t.Helper()
		if diff := cmp.Diff(want, b.one("h1"), protocmp.Transform(), ignore); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	check("queued")
	resp := b.find(&adminv1.FindChangesRequest{Hash: "h1"})
	if resp.GetNow() != b.ms() || resp.GetQueued() != 1 || resp.GetChanges()[0].GetView().GetId() != "tasks_1" {
		t.Errorf("%v", resp)
	}

	b.now = b.now.Add(time.Second)
	claimed, err := b.store.ClaimChanges(t.Context(), 1, time.Minute)
	b.must(err)
	want.Claimed, want.Tries, want.Ready, want.Visible = true, 1, 0, b.now.Add(time.Minute).UnixMilli()
	check("in work")
	b.must(b.store.RetryChange(t.Context(), claimed[0].Claim, 10*time.Second, false))
	want.Claimed, want.Visible = false, b.now.Add(10*time.Second).UnixMilli()
	want.Ready = want.Visible
	check("put back")

	b.now = b.now.Add(10 * time.Second)
	b.do(store.Outcome{Type: record.Applied, UID: "r1", Wrote: "hash 2"})
	want.Tries, want.Visible, want.Ready, want.Done, want.Reported, want.Waiting = 2, 0, 0, b.ms(), b.ms(), true
	want.Outcome = &adminv1.ChangeOutcome{Type: "applied", Uid: "r1", Wrote: "hash 2"}
	check("applied")
	if queued := b.find(&adminv1.FindChangesRequest{Cuid: "phone"}).GetQueued(); queued != 0 {
		t.Errorf("queued: %d", queued)
	}

	b.must(b.store.EnqueueAcks(t.Context(), []record.Ack{{Dataset: "tasks", CUID: "phone", Hash: "h1", Timestamp: b.ms()}}))
	acks, err := b.store.ClaimAcks(t.Context(), 1, time.Minute)
	b.must(err)
	b.now = b.now.Add(time.Second)
	b.must(b.store.FinishAcks(t.Context(), acks))
	want.Waiting, want.Acknowledged = false, b.ms()
	check("acknowledged")

	b.now = b.now.Add(time.Second)
	began := b.ms()
	b.run("tasks_2", "c", record.Record{UID: "r1", Hash: "hash 2", Data: []byte("{}")})
	want.RecordHash, want.RecordViewCount = "hash 2", 1
	check("in one view")
	b.run("tasks_1", "c", record.Record{UID: "r1", Hash: "hash 2", Data: []byte("{}")})
	want.RecordViewCount = 2
	check("in both")
	c := b.one("h1")
	if views := c.GetRecordViews(); len(views) != 2 || views[0].GetId() != "tasks_1" || views[1].GetCompletedRunStart() != began ||
		c.GetView().GetCompletedRunStart() != began+1000 {
		t.Errorf("views: %v of %v", views, c)
	}
}

func TestFindChangesWaits(t *testing.T) {
	b := newBench(t)
	b.enqueue(edit("phone", "h1", "r1"), edit("tablet", "h2", "r1"), edit("phone", "h3", "r1"), edit("phone", "h4", "r2"), edit("phone", "h5", ""))
	for hash, want := range map[string]struct {
		behind string
		ahead  int32
	}{"h1": {"", 0}, "h2": {"h1", 1}, "h3": {"h1", 2}, "h4": {"", 0}, "h5": {"", 0}} {
		if c := b.one(hash); c.GetBehind() != want.behind || c.GetAhead() != want.ahead || (c.GetReady() == 0) != (want.behind != "") {
			t.Errorf("%s: behind %q, %d ahead, ready %d; want %+v", hash, c.GetBehind(), c.GetAhead(), c.GetReady(), want)
		}
	}
	// It can be claimed since the one in front of it was done, not since it came.
	b.now = b.now.Add(time.Hour)
	b.do(store.Outcome{Type: record.Failed, UID: "r1", Msg: "no"})
	if c := b.one("h2"); c.GetReady() != b.ms() || c.GetAhead() != 0 {
		t.Errorf("h2: %v", c)
	}
	if c := b.one("h4"); c.GetReady() != b.now.Add(-time.Hour).UnixMilli() {
		t.Errorf("h4: %v", c)
	}
	if c := b.one("h1"); c.GetOutcome().GetMsg() != "no" || c.GetView() != nil || c.GetDatasetClient() != "tasks_1" {
		t.Errorf("h1: %v", c)
	}
}

// The name that one device made up may be another record's.
func TestFindChangesSameName(t *testing.T) {
	b := newBench(t)
	b.enqueue(record.Change{Dataset: "tasks", CUID: "tablet", Hash: "x", Action: record.ActionCreate, UID: "x", Post: []byte("{}")})
	b.do(store.Outcome{Type: record.Applied, UID: "real"})
	b.enqueue(edit("tablet", "t1", "x"))
	b.now = b.now.Add(time.Minute)
	b.enqueue(edit("phone", "h1", "x"))
	if c := b.one("h1"); c.GetRecordUid() != "x" || c.GetAhead() != 0 || c.GetReady() != b.ms() {
		t.Errorf("h1: %v", c)
	}
	if c := b.one("t1"); c.GetRecordUid() != "real" || c.GetAhead() != 0 {
		t.Errorf("t1: %v", c)
	}
}

func TestFindChangesSelects(t *testing.T) {
	b := newBench(t)
	other := edit("phone", "h1", "r1")
	other.Dataset = "notes"
	b.enqueue(edit("phone", "h1", "r1"), edit("tablet", "h1", "r2"), other)
	for i := range 120 {
		b.enqueue(edit("busy", fmt.Sprint("b", i), fmt.Sprint("x", i)))
	}
	for _, tc := range []struct {
		req  *adminv1.FindChangesRequest
		want int
	}{
		{&adminv1.FindChangesRequest{Hash: "h1"}, 3},
		{&adminv1.FindChangesRequest{Hash: "h1", Dataset: "notes"}, 1},
		{&adminv1.FindChangesRequest{Hash: "h1", Cuid: "tablet"}, 1},
		{&adminv1.FindChangesRequest{Uid: "r1"}, 2},
		{&adminv1.FindChangesRequest{Hash: "h2"}, 0},
		{&adminv1.FindChangesRequest{Cuid: "busy"}, 20},
		{&adminv1.FindChangesRequest{Cuid: "busy", Limit: 7}, 7},
		{&adminv1.FindChangesRequest{Cuid: "busy", Limit: 1000}, 100},
	} {
		if got := len(b.find(tc.req).GetChanges()); got != tc.want {
			t.Errorf("%v: %d, want %d", tc.req, got, tc.want)
		}
	}
	if first := b.find(&adminv1.FindChangesRequest{Cuid: "busy"}).GetChanges()[0].GetHash(); first != "b119" {
		t.Errorf("first: %s, want the newest", first)
	}
	for _, req := range []*adminv1.FindChangesRequest{{}, {Dataset: "tasks"}} {
		if _, err := b.api.FindChanges(t.Context(), req); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%v: %v", req, err)
		}
	}
}

// A record in very many views is told with few of them, the change's own included.
func TestFindChangesManyViews(t *testing.T) {
	b := newBench(t)
	for i := range 30 {
		b.view("tasks", fmt.Sprint(100+i))
		b.run(fmt.Sprint("tasks_", 100+i), "c", record.Record{UID: "r1", Hash: "x", Data: []byte("{}")})
	}
	c := edit("phone", "h1", "r1")
	c.ClientID = "tasks_129"
	b.enqueue(c)
	got := b.one("h1")
	if views := got.GetRecordViews(); got.GetRecordViewCount() != 30 || len(views) != 21 || views[0].GetId() != "tasks_100" || views[20].GetId() != "tasks_129" {
		t.Errorf("%d views, told %d", got.GetRecordViewCount(), len(views))
	}
}

// Whichever question to the store fails, the answer says so, and is not half a story.
func TestFindChangesFaults(t *testing.T) {
	b := newBench(t)
	b.view("tasks", "1")
	b.enqueue(edit("phone", "h1", "r1"))
	for op, times := range map[string]int{"FindChanges": 2, "Queues": 1, "DatasetClient": 1, "RecordViews": 1} {
		for nth := range times {
			seen := 0
			b.fault = func(_ context.Context, at string, before bool) error {
				if at == op && before {
					if seen++; seen == nth+1 {
						return errors.New("disk full")
					}
				}
				return nil
			}
			if _, err := b.api.FindChanges(t.Context(), &adminv1.FindChangesRequest{Hash: "h1"}); status.Code(err) != codes.Internal {
				t.Errorf("%s fails the %d. time: %v", op, nth+1, err)
			}
		}
	}
}

func TestListDatasets(t *testing.T) {
	b := newBench(t)
	list := func() []*adminv1.Dataset {
		t.Helper()
		resp, err := b.api.ListDatasets(t.Context(), &adminv1.ListDatasetsRequest{})
		b.must(err)
		return resp.GetDatasets()
	}
	if got := list(); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
	b.configured = []admin.ConfiguredDataset{{ID: "tasks", Adapter: "tasks:9000"}, {ID: "archive"}}
	b.view("tasks", "1")
	b.view("tasks", "2")
	b.view("notes", "1")
	began := b.ms()
	b.run("tasks_2", "c")
	_, err := b.store.SetStopped(t.Context(), "notes", true)
	b.must(err)
	b.now = b.now.Add(time.Hour)
	b.view("tasks", "2")
	lease, ok, err := b.store.AcquireLease(t.Context(), "scheduler", "me", time.Minute)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	_, err = b.store.ScheduleDue(t.Context(), lease, 10) // ends the activity of those that nobody asked for
	b.must(err)
	clients, err := b.api.ListDatasetClients(t.Context(), &adminv1.ListDatasetClientsRequest{Dataset: "tasks"})
	b.must(err)
	if idle := clients.GetDatasetClients()[0]; idle.GetActive() || idle.GetNextDue() != 0 {
		t.Errorf("idle view: %v", idle)
	}
	b.same("datasets", list(), []*adminv1.Dataset{
		{Id: "archive", Configured: true},
		{Id: "notes", DatasetClients: 1, Stopped: true},
		{Id: "tasks", Configured: true, Adapter: "tasks:9000", DatasetClients: 2, ActiveDatasetClients: 1, LastRunStart: began},
	})
}
