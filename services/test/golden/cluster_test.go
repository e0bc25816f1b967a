package golden

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/tandem-sync/tandem/api/adapter"
	adminv1 "github.com/tandem-sync/tandem/proto/admin/v1"
	"github.com/tandem-sync/tandem/services/adapters/embedded"
	"github.com/tandem-sync/tandem/services/test/cluster"
)

// TestClusterAnswersAsRecorded replays every scenario against separate processes,
// two of each role, on MongoDB and NATS, with an adapter of a team's own. Each
// request goes to another gateway than the one before.
func TestClusterAnswersAsRecorded(t *testing.T) {
	replayAll(t, askAgain, func(t *testing.T, datasets map[string]Dataset, settings map[string]any) Target {
		return startCluster(t, datasets, settings)
	})
}

// asksAgain are scenarios in which a device asks for records right after it was told a
// result. A gateway that did not tell it itself does not know that the device has
// seen the result, and leaves the hash out of that answer, so that the device asks
// once more (docs/02-http-protocol.md). Here the other gateway always answers.
var asksAgain = map[string]bool{"collisions/changes-hash": true}

// askAgain lets the device ask until it is told a hash.
func askAgain(s *Scenario) {
	if !asksAgain[s.Name] {
		return
	}
	for i, step := range s.Steps {
		if strings.Contains(string(step.Body), `"syncRecords"`) && len(step.Until) == 0 {
			s.Steps[i].Until = json.RawMessage(`{"hash":"<any>"}`)
		}
	}
}

// onCluster is a Target of separate processes.
type onCluster struct {
	*faulty
	*cluster.Cluster
	admin adminv1.AdminServiceClient
	limit int
}

func (x *onCluster) URL() string    { return x.Cluster.URL }
func (x *onCluster) BodyLimit() int { return x.limit }

func (x *onCluster) SetStopped(ctx context.Context, dataset string, stopped bool) error {
	var err error
	if stopped {
		_, err = x.admin.StopDataset(ctx, &adminv1.StopDatasetRequest{Dataset: dataset})
	} else {
		_, err = x.admin.StartDataset(ctx, &adminv1.StartDatasetRequest{Dataset: dataset})
	}
	return err
}

func startCluster(t *testing.T, datasets map[string]Dataset, settings map[string]any) *onCluster {
	t.Helper()
	backend, err := embedded.Open(filepath.Join(t.TempDir(), "backend.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { backend.Close() })
	target := &onCluster{faulty: newFaulty(backend), limit: 1 << 20}
	target.Cluster = cluster.Start(t, cluster.Options{Adapter: serve(t, target.faulty), Config: configOf(target.limit, datasets, settings)})
	conn, err := grpc.NewClient(target.Admin, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	target.admin = adminv1.NewAdminServiceClient(conn)
	return target
}

// configOf is the configuration file of the processes.
func configOf(limit int, datasets map[string]Dataset, settings map[string]any) string {
	var b strings.Builder
	fmt.Fprintf(&b, "bodyLimit: %d\nsyncFrequency: 1\nsyncWorkerConcurrency: 8\npendingWorkerConcurrency: 8\nschedulerInterval: 50\n", limit)
	if settings["pendingWorkerRetryIntervalInSeconds"] == nil {
		b.WriteString("pendingWorkerRetryIntervalInSeconds: 1\n")
	}
	for key, value := range settings {
		fmt.Fprintf(&b, "%s: %v\n", key, value)
	}
	b.WriteString("datasets:\n")
	for id, d := range datasets {
		fmt.Fprintf(&b, "  %q: {syncFrequency: %d}\n", id, d.SyncFrequency)
	}
	return b.String()
}

// serve serves an adapter over TCP until the test ends and returns where.
func serve(t *testing.T, a adapter.Adapter) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- adapter.Serve(ctx, "", a, adapter.WithListener(listener), adapter.WithGrace(0), adapter.WithLogger(slog.New(slog.DiscardHandler)))
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("adapter: %v", err)
		}
	})
	return listener.Addr().String()
}
