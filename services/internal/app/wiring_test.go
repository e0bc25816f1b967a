package app

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/memadapter"
	"github.com/tandem-sync/tandem/services/admin"
	"github.com/tandem-sync/tandem/services/internal/backend"
	"github.com/tandem-sync/tandem/services/internal/config"
)

// quick is a node of its own on a new folder.
func quick(t *testing.T) Options {
	t.Helper()
	dir, err := os.MkdirTemp("", "tandem") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	cfg := config.Default()
	cfg.Store.Data, cfg.Gateway.Listen = dir, "127.0.0.1:0"
	return Options{Config: cfg, Log: slog.New(slog.DiscardHandler)}
}

// A default adapter elsewhere, over TLS, takes the place of the embedded one.
func TestDefaultAdapterElsewhere(t *testing.T) {
	ca := newAuthority(t)
	server := config.AdapterServer{ClientCAFile: ca.file}
	server.CertFile, server.KeyFile = ca.pair("adapter")
	serving, err := serverTLS(server)
	if err != nil {
		t.Fatal(err)
	}
	l, err := listenTCP(t.Context(), "127.0.0.1:0", "adapterListen", "--adapter-listen")
	if err != nil {
		t.Fatal(err)
	}
	records := memadapter.New()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() {
		done <- adapter.Serve(ctx, "", records, adapter.WithListener(l), adapter.WithTLS(serving), adapter.WithLogger(slog.New(slog.DiscardHandler)))
	}()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()

	o := quick(t)
	o.Config.Adapters.Default, o.Config.Adapters.CAFile = l.Addr().String(), ca.file
	o.Config.Adapters.CertFile, o.Config.Adapters.KeyFile = ca.pair("tandem")
	running, stop := context.WithCancel(context.Background())
	n, err := StartAll(running, o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		stop()
		if err := n.Wait(); err != nil {
			t.Error(err)
		}
	}()
	resp, err := http.Post(n.URL()+"/sync/tasks", "application/json", //nolint:noctx // answers at once
		strings.NewReader(`{"fn":"sync","__fh":{"cuid":"phone"},"pending":[{"action":"create","hash":"c1","uid":"c1","post":{"v":1}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	tick, deadline := time.NewTicker(10*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for found := 0; found == 0; {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the record did not reach the adapter")
		}
		err := records.List(t.Context(), adapter.ListRequest{Dataset: "tasks", QueryParams: []byte("{}")}, func(adapter.Record) error { found++; return nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(o.Config.Store.Data, "backend.db")); err == nil {
		t.Error("the embedded adapter was opened beside it")
	}
}

// A change to a dataset that nobody has set up an adapter for waits: a refusal would
// take it from its device.
func TestNoAdapterYet(t *testing.T) {
	o := quick(t)
	own := o.Config.Datasets.Default
	own.Adapter = "127.0.0.1:1"
	o.Config.Datasets.ByID = map[string]config.Dataset{"own": own}
	o.Roles = []Role{PendingWorker}
	n := &Node{opts: o, cfg: o.Config, log: o.Log}
	for _, open := range []func(context.Context) error{n.openDatasets, n.openBackends} {
		if err := open(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	defer n.close() //nolint:errcheck // nothing is left to save
	if got := n.configuredDatasets(); len(got) != 1 || got[0] != (admin.ConfiguredDataset{ID: "own", Adapter: "127.0.0.1:1"}) {
		t.Errorf("shown to administrators: %+v", got)
	}
	if _, err := n.backend("other"); !backend.IsNotNow(err) || !strings.Contains(err.Error(), "defaultAdapter") {
		t.Errorf("got %v", err)
	}
	if _, err := n.backend("own"); err != nil {
		t.Error(err)
	}
}

// Settings of the bus are checked at the start.
func TestBusSettings(t *testing.T) {
	o := quick(t)
	o.Config.Nats.URL = []string{"http://h"}
	if n, err := StartAll(t.Context(), o); err == nil || !strings.Contains(err.Error(), "natsUrl") {
		t.Errorf("got %v, %v", n, err)
	}
}

// What a role has no use for it does not open.
func TestRolesOpenWhatTheyNeed(t *testing.T) {
	for role, routes := range map[Role]bool{Gateway: true, PendingWorker: true, SyncWorker: true, AckWorker: false, Scheduler: false} {
		o := quick(t)
		o.Roles = []Role{role}
		n := &Node{opts: o, cfg: o.Config, log: o.Log, health: &health{}}
		for _, open := range []func(context.Context) error{n.openFront, n.openDatasets, n.openBackends} {
			if err := open(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if (n.front != nil) != (role == Gateway) || (n.router != nil) != routes {
			t.Errorf("%s: port %v, router %v", role, n.front != nil, n.router != nil)
		}
		if err := n.close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(filepath.Join(o.Config.Store.Data, "backend.db")); err == nil {
			t.Errorf("%s has opened an embedded adapter", role)
		}
	}
}
