package admin_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	adminv1 "github.com/tandem-sync/tandem/proto/admin/v1"
	"github.com/tandem-sync/tandem/services/admin"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/store/sqlite"
	"github.com/tandem-sync/tandem/services/internal/store/wrap"
	"github.com/tandem-sync/tandem/services/internal/wake"
)

// bench is the API over gRPC on a store in memory.
type bench struct {
	*testing.T
	api   adminv1.AdminServiceClient
	store *sqlite.Store
	bus   *wake.Local
	fault wrap.Hook
	now   time.Time

	configured []admin.ConfiguredDataset
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{T: t, bus: wake.NewLocal(), now: time.UnixMilli(1_700_000_000_000)}
	var err error
	b.store, err = sqlite.Open(t.Context(), sqlite.Options{Clock: func() time.Time { return b.now }})
	b.must(err)
	t.Cleanup(func() { b.store.Close() })
	faulty := wrap.Faulty(b.store, func(ctx context.Context, op string, before bool) error {
		if b.fault == nil {
			return nil
		}
		return b.fault(ctx, op, before)
	})
	server := grpc.NewServer()
	adminv1.RegisterAdminServiceServer(server, &admin.Server{
		Store: faulty, Bus: b.bus, Clock: func() time.Time { return b.now }, Datasets: func() []admin.ConfiguredDataset { return b.configured },
	})
	listener := bufconn.Listen(1 << 16)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("passthrough:///admin", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	b.must(err)
	t.Cleanup(func() { conn.Close() })
	b.api = adminv1.NewAdminServiceClient(conn)
	return b
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// view makes a dataset client.
func (b *bench) view(dataset, name string) {
	b.Helper()
	b.must(b.store.TouchDatasetClients(b.Context(), []store.Touch{{
		ID: dataset + "_" + name, Dataset: dataset, QueryParams: []byte(`{"q":"` + name + `"}`), MetaData: []byte("{}"), Config: record.DefaultSyncConfig(), At: b.now,
	}}))
}

func (b *bench) stopped() map[string]bool {
	b.Helper()
	list, err := b.store.ListDatasetClients(b.Context(), "")
	b.must(err)
	got := map[string]bool{}
	for _, dc := range list {
		got[dc.ID] = dc.Stopped
	}
	return got
}

func woken(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}

func TestStopAndStart(t *testing.T) {
	b := newBench(t)
	b.view("tasks", "1")
	b.view("tasks", "2")
	b.view("others", "1")
	scheduler, end := b.bus.Subscribe(wake.Schedule)
	defer end()
	for range 2 { // doing it twice changes nothing
		resp, err := b.api.StopDataset(t.Context(), &adminv1.StopDatasetRequest{Dataset: "tasks"})
		b.must(err)
		if want := map[string]bool{"tasks_1": true, "tasks_2": true, "others_1": false}; resp.GetDatasetClients() != 2 || !maps.Equal(b.stopped(), want) {
			t.Errorf("stop: %v, stopped %v", resp, b.stopped())
		}
	}
	b.view("tasks", "3")
	if !b.stopped()["tasks_3"] {
		t.Error("a dataset client that came after the stop is not stopped")
	}
	woken(scheduler)
	resp, err := b.api.StartDataset(t.Context(), &adminv1.StartDatasetRequest{Dataset: "tasks"})
	b.must(err)
	if want := map[string]bool{"tasks_1": false, "tasks_2": false, "tasks_3": false, "others_1": false}; resp.GetDatasetClients() != 3 || !maps.Equal(b.stopped(), want) {
		t.Errorf("start: %v, stopped %v", resp, b.stopped())
	}
	if !woken(scheduler) {
		t.Error("the scheduler was not woken")
	}
}

func TestListDatasetClients(t *testing.T) {
	b := newBench(t)
	b.view("tasks", "1")
	b.view("others", "1")
	run, err := b.store.BeginRun(t.Context(), "tasks_1", "job")
	b.must(err)
	b.now = b.now.Add(time.Second)
	b.must(b.store.EndRun(t.Context(), run, "content"))
	all, err := b.api.ListDatasetClients(t.Context(), &adminv1.ListDatasetClientsRequest{})
	b.must(err)
	if list := all.GetDatasetClients(); len(list) != 2 || list[0].GetId() != "others_1" || list[1].GetId() != "tasks_1" {
		t.Fatalf("all: %v", list)
	}
	one, err := b.api.ListDatasetClients(t.Context(), &adminv1.ListDatasetClientsRequest{Dataset: "tasks"})
	b.must(err)
	if len(one.GetDatasetClients()) != 1 {
		t.Fatalf("of tasks: %v", one)
	}
	dc := one.GetDatasetClients()[0]
	if dc.GetDataset() != "tasks" || dc.GetQueryParams() != `{"q":"1"}` || dc.GetGlobalHash() == "" || !dc.GetActive() || dc.GetStopped() ||
		dc.GetLastAccessed() != 1_700_000_000_000 || dc.GetSyncLoopStart() != 1_700_000_000_000 || dc.GetSyncLoopEnd() != 1_700_000_001_000 ||
		dc.GetSyncScheduled() != 0 || !dc.GetSyncCompleted() || dc.GetCollisionCount() != 0 ||
		dc.GetNextDue() != 1_700_000_011_000 || dc.GetWanted() != 0 || dc.GetCompletedRunStart() != 1_700_000_000_000 {
		t.Errorf("%v", dc)
	}
	if fresh := all.GetDatasetClients()[0]; fresh.GetSyncLoopEnd() != 0 || fresh.GetSyncCompleted() || fresh.GetGlobalHash() != "" ||
		fresh.GetNextDue() != b.now.UnixMilli() || fresh.GetCompletedRunStart() != 0 {
		t.Errorf("%v", fresh)
	}
	_, err = b.store.SetStopped(t.Context(), "others", true)
	b.must(err)
	b.must(b.store.WantSync(t.Context(), store.SyncWish{Dataset: "tasks", ClientID: "tasks_1", At: b.now.Add(time.Second)}))
	all, err = b.api.ListDatasetClients(t.Context(), &adminv1.ListDatasetClientsRequest{})
	b.must(err)
	if stopped, wanted := all.GetDatasetClients()[0], all.GetDatasetClients()[1]; stopped.GetNextDue() != 0 || wanted.GetWanted() != 1_700_000_002_000 ||
		wanted.GetNextDue() != 1_700_000_002_000 {
		t.Errorf("stopped %v, wanted %v", stopped, wanted)
	}
	none, err := b.api.ListDatasetClients(t.Context(), &adminv1.ListDatasetClientsRequest{Dataset: "nobody"})
	if err != nil || len(none.GetDatasetClients()) != 0 {
		t.Errorf("of nobody: %v, %v", none, err)
	}
}

func TestRunSync(t *testing.T) {
	b := newBench(t)
	b.view("tasks", "1")
	b.view("tasks", "2")
	b.view("others", "1")
	workers, end := b.bus.Subscribe(wake.Sync)
	defer end()
	resp, err := b.api.RunSync(t.Context(), &adminv1.RunSyncRequest{Dataset: "tasks"})
	b.must(err)
	jobs, err := b.store.ClaimJobs(t.Context(), 10, time.Minute)
	b.must(err)
	if resp.GetQueued() != 2 || len(jobs) != 2 || jobs[0].Dataset != "tasks" || !woken(workers) {
		t.Errorf("%v, jobs %+v", resp, jobs)
	}
	if resp, err := b.api.RunSync(t.Context(), &adminv1.RunSyncRequest{Dataset: "nobody"}); err != nil || resp.GetQueued() != 0 {
		t.Errorf("of nobody: %v, %v", resp, err)
	}
	b.fault = func(_ context.Context, op string, before bool) error {
		if op == "EnqueueJob" && before {
			return store.ErrNotFound // removed since it was listed
		}
		return nil
	}
	if resp, err := b.api.RunSync(t.Context(), &adminv1.RunSyncRequest{Dataset: "others"}); err != nil || resp.GetQueued() != 0 {
		t.Errorf("removed meanwhile: %v, %v", resp, err)
	}
}

func TestQueues(t *testing.T) {
	b := newBench(t)
	b.must(b.store.EnqueueAcks(t.Context(), []record.Ack{{Dataset: "tasks", CUID: "phone", Hash: "h"}}))
	resp, err := b.api.Queues(t.Context(), &adminv1.QueuesRequest{})
	b.must(err)
	if want := map[string]int64{"fhsync_queue": 0, "fhsync_ack_queue": 1, "fhsync_pending_queue": 0}; !maps.Equal(resp.GetMessages(), want) {
		t.Errorf("%v", resp.GetMessages())
	}
}

// calls are the methods, for a dataset.
func (b *bench) calls(dataset string) map[string]error {
	ctx := b.Context()
	errs := map[string]error{}
	_, errs["StopDataset"] = b.api.StopDataset(ctx, &adminv1.StopDatasetRequest{Dataset: dataset})
	_, errs["StartDataset"] = b.api.StartDataset(ctx, &adminv1.StartDatasetRequest{Dataset: dataset})
	_, errs["RunSync"] = b.api.RunSync(ctx, &adminv1.RunSyncRequest{Dataset: dataset})
	_, errs["ListDatasetClients"] = b.api.ListDatasetClients(ctx, &adminv1.ListDatasetClientsRequest{Dataset: dataset})
	_, errs["ListDatasets"] = b.api.ListDatasets(ctx, &adminv1.ListDatasetsRequest{})
	_, errs["FindChanges"] = b.api.FindChanges(ctx, &adminv1.FindChangesRequest{Dataset: dataset, Hash: "h1"})
	_, errs["Queues"] = b.api.Queues(ctx, &adminv1.QueuesRequest{})
	return errs
}

func TestBadDatasetIDs(t *testing.T) {
	b := newBench(t)
	for _, id := range []string{"", "system.users", "fhsync_queue", "a/b", "x_collision"} {
		errs := b.calls(id)
		for _, method := range []string{"StopDataset", "StartDataset", "RunSync"} {
			if status.Code(errs[method]) != codes.InvalidArgument {
				t.Errorf("%s of %q: %v", method, id, errs[method])
			}
		}
	}
}

func TestErrors(t *testing.T) {
	for err, want := range map[error]codes.Code{
		store.ErrUnavailable:     codes.Unavailable,
		store.ErrNotFound:        codes.NotFound,
		store.ErrTooLarge:        codes.InvalidArgument,
		context.DeadlineExceeded: codes.DeadlineExceeded,
		context.Canceled:         codes.Canceled,
		errors.New("disk full"):  codes.Internal,
	} {
		b := newBench(t)
		b.fault = func(context.Context, string, bool) error { return fmt.Errorf("sqlite: %w", err) }
		for method, got := range b.calls("tasks") {
			if status.Code(got) != want || status.Convert(got).Message() != "sqlite: "+err.Error() {
				t.Errorf("%s: %v → %v, want %v", method, err, got, want)
			}
		}
	}
}
