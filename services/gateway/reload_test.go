package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/memadapter"
	sdk "github.com/tandem-sync/tandem/api/interceptor"
	"github.com/tandem-sync/tandem/services/gateway"
	"github.com/tandem-sync/tandem/services/internal/backend"
	"github.com/tandem-sync/tandem/services/internal/config"
	live "github.com/tandem-sync/tandem/services/internal/datasets"
	"github.com/tandem-sync/tandem/services/internal/intercept"
)

// counter allows everything and counts.
type counter struct {
	sdk.AllowAll
	asked atomic.Int64
}

func (c *counter) Request(context.Context, sdk.Call) (sdk.Replace, error) {
	c.asked.Add(1)
	return sdk.Replace{}, nil
}

// listen serves something over TCP until the test ends, and returns its address.
func listen(t *testing.T, serve func(context.Context, net.Listener) error) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// reloaded is a gateway whose datasets come from a file.
type reloaded struct {
	*bench
	path   string
	source *live.Source
	url    string
}

func newReloaded(t *testing.T, first string) *reloaded {
	t.Helper()
	r := &reloaded{path: filepath.Join(t.TempDir(), "d.yaml")}
	r.replace(t, first)
	under := config.Default().Datasets
	under.File = r.path
	log := slog.New(slog.DiscardHandler)
	var err error
	if r.source, err = live.Open(live.Options{Under: under, Interval: 5 * time.Millisecond, Log: log}); err != nil {
		t.Fatal(err)
	}
	router := backend.New(backend.Options{Endpoints: r.source.Adapter, Logger: log})
	icpt := intercept.New(intercept.Options{For: r.source.Interceptors, Log: log})
	r.source.Subscribe(func(s *live.Snapshot) {
		router.Retain(s.Adapters())
		icpt.Retain(s.Interceptors())
	})
	r.bench = newBench(t, func(o *gateway.Options) {
		o.Datasets, o.QueryFields, o.Interceptor = r.source, r.source.QueryFields, icpt
		o.Backend = func(d string) (gateway.Backend, error) { return router.For(d) }
	})
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { r.source.Run(ctx) })
	server := httptest.NewServer(r.gateway)
	r.url = server.URL
	t.Cleanup(func() {
		server.Close()
		cancel()
		watching.Wait()
		if err := router.Close(); err != nil {
			t.Error(err)
		}
		if err := icpt.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// replace puts a whole file in the place of the old one.
func (r *reloaded) replace(t *testing.T, text string) {
	t.Helper()
	if err := os.WriteFile(r.path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(r.path+".new", r.path); err != nil {
		t.Fatal(err)
	}
}

// until waits for a condition.
func until(t *testing.T, what string, met func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited 30 s until %s", what)
		}
	}
}

func (r *reloaded) request(body string) (status int, text string, err error) {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, r.url+"/sync/tasks", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	out, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(out), err
}

// TestReloadUnderLoad: while the file changes there and back, and is broken in
// between, no request fails, and each is served by one content or the other.
func TestReloadUnderLoad(t *testing.T) {
	serveAdapter := func(ctx context.Context, l net.Listener) error {
		return adapter.Serve(ctx, "", memadapter.New(), adapter.WithListener(l), adapter.WithLogger(slog.New(slog.DiscardHandler)))
	}
	asked := &counter{}
	one, two := listen(t, serveAdapter), listen(t, serveAdapter)
	guard := listen(t, func(ctx context.Context, l net.Listener) error {
		return sdk.Serve(ctx, "", asked, sdk.WithListener(l), sdk.WithLogger(slog.New(slog.DiscardHandler)))
	})
	contents := []string{
		fmt.Sprintf("datasets: {tasks: {adapter: %q, syncFrequency: 11}}\n", one),
		fmt.Sprintf("datasets: {tasks: {adapter: %q, syncFrequency: 12, queryFields: [owner], interceptor: %q}}\n", two, guard),
		"datasets: {tasks: {adapter: nowhere}}\n",
	}
	r := newReloaded(t, contents[0])
	stop := make(chan struct{})
	var clients sync.WaitGroup
	var served atomic.Int64
	for n := range 8 {
		clients.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				fn := []string{"sync", "syncRecords", "listCollisions"}[i%3]
				body := request(fn, fmt.Sprint("phone", n), `"query_params":{"owner":"anna"}`)
				status, text, err := r.request(body)
				if err != nil || status != http.StatusOK {
					t.Errorf("%s: %d %s %v", fn, status, text, err)
					return
				}
				served.Add(1)
			}
		})
	}
	for round := range 9 {
		content := contents[(round+1)%len(contents)]
		before := served.Load()
		r.replace(t, content)
		until(t, "the file is looked at", func() bool {
			if content == contents[2] {
				return r.source.Problem() != nil
			}
			cfg, _ := r.source.Dataset("tasks")
			return r.source.Problem() == nil && (content == contents[0]) == (cfg.SyncFrequency == 11*time.Second)
		})
		until(t, "each client was served once more", func() bool { return t.Failed() || served.Load() > before+16 })
	}
	close(stop)
	clients.Wait()
	if asked.asked.Load() == 0 {
		t.Error("the interceptor of one of the contents was never asked")
	}
}

// TestReloadedValues: what the file says now holds for the next request, and goes
// into the dataset client.
func TestReloadedValues(t *testing.T) {
	r := newReloaded(t, "datasets: {tasks: {syncFrequency: 11}}\n")
	frequency := func() time.Duration {
		t.Helper()
		r.sync("phone", `"query_params":{"a":1}`)
		r.must(r.gateway.Flush(t.Context()))
		return r.clients()[0].Config.SyncFrequency
	}
	if got := frequency(); got != 11*time.Second {
		t.Errorf("at first %s", got)
	}
	r.replace(t, "datasets: {tasks: {syncFrequency: 12, syncOnChangeGap: 7}}\n")
	until(t, "the file is in force", func() bool { cfg, _ := r.source.Dataset("tasks"); return cfg.SyncFrequency == 12*time.Second })
	if got := frequency(); got != 12*time.Second || r.clients()[0].Config.ChangeGap != 7*time.Second {
		t.Errorf("after the reload: %+v", r.clients()[0].Config)
	}
	r.replace(t, "datasets: {tasks: {queryFields: [b]}}\n")
	until(t, "the file is in force", func() bool { return r.source.QueryFields("tasks") != nil })
	w := r.post(request("sync", "phone", `"query_params":{"a":1}`))
	var msg string
	r.must(json.Unmarshal(w.Body.Bytes(), &msg))
	if w.Code != http.StatusBadRequest || !strings.Contains(msg, `"a"`) {
		t.Errorf("%d %s", w.Code, msg)
	}
}
