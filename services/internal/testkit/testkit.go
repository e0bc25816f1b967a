// Package testkit runs a whole Tandem in the test's process and gives tests the
// few handles that they need: the URL that devices use, the backend behind the
// adapter, and the switches of an administrator.
//
// It is for tests alone and knows no assertion.
package testkit

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/tandem-sync/tandem/api/adapter"
	adminv1 "github.com/tandem-sync/tandem/proto/admin/v1"
	"github.com/tandem-sync/tandem/services/adapters/embedded"
	"github.com/tandem-sync/tandem/services/internal/app"
	"github.com/tandem-sync/tandem/services/internal/config"
)

// Options change the cluster. The zero value is a `tandem all` with fast loops.
type Options struct {
	// Configure changes the settings before the start.
	Configure func(*config.Config)
	// Adapter puts something between Tandem and the embedded adapter.
	Adapter func(adapter.Adapter) adapter.Adapter
}

// Cluster is a running Tandem.
type Cluster struct {
	URL     string
	Backend *embedded.Adapter // what the adapter keeps, for looking and for writing as somebody else
	Admin   adminv1.AdminServiceClient
}

// Start starts a cluster that ends with the test. It fails the test when the
// cluster does not start or does not stop in order.
func Start(t testing.TB, o Options) *Cluster {
	t.Helper()
	// Not t.TempDir: the path of a socket must be short.
	dir, err := os.MkdirTemp("", "tandem")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })

	backend, err := embedded.Open(filepath.Join(dir, "backend.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { backend.Close() })
	var served adapter.Adapter = backend
	if o.Adapter != nil {
		served = o.Adapter(backend)
	}

	cfg := config.Default()
	cfg.Store.Data = dir
	cfg.Gateway.Listen = "127.0.0.1:0"
	cfg.Log.Access = false
	cfg.Scheduler.Interval = 50 * time.Millisecond
	cfg.PendingWorker.RetryInterval = time.Second
	cfg.Datasets.Default.SyncFrequency = 200 * time.Millisecond
	if o.Configure != nil {
		o.Configure(&cfg)
	}
	ctx, stop := context.WithCancel(context.Background())
	node, err := app.StartAll(ctx, app.Options{Config: cfg, Version: "test", Log: slog.New(slog.NewTextHandler(logWriter{t}, nil)), Adapter: served})
	if err != nil {
		stop()
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		if err := node.Wait(); err != nil {
			t.Errorf("the cluster did not stop in order: %v", err)
		}
	})
	conn, err := grpc.NewClient("unix:"+app.AdminSocket(dir), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &Cluster{URL: node.URL(), Backend: backend, Admin: adminv1.NewAdminServiceClient(conn)}
}

// SetStopped stops or starts a dataset.
func (c *Cluster) SetStopped(ctx context.Context, dataset string, stopped bool) error {
	if stopped {
		_, err := c.Admin.StopDataset(ctx, &adminv1.StopDatasetRequest{Dataset: dataset})
		return err
	}
	_, err := c.Admin.StartDataset(ctx, &adminv1.StartDatasetRequest{Dataset: dataset})
	return err
}

// logWriter shows the cluster's log with the test that it belongs to.
type logWriter struct{ t testing.TB }

func (w logWriter) Write(p []byte) (int, error) {
	w.t.Log(string(p))
	return len(p), nil
}
