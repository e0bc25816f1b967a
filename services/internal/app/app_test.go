package app_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/memadapter"
	adminv1 "github.com/tandem-sync/tandem/proto/admin/v1"
	"github.com/tandem-sync/tandem/services/internal/app"
	"github.com/tandem-sync/tandem/services/internal/config"
)

// patience bounds each wait for something that happens by itself.
const patience = 30 * time.Second

// settings are those of a quick node on a folder, on a free port.
func settings(data string) config.Config {
	cfg := config.Default()
	cfg.Store.Data = data
	cfg.Gateway.Listen = "127.0.0.1:0"
	cfg.PendingWorker.RetryInterval = 200 * time.Millisecond
	cfg.Scheduler.Interval = 50 * time.Millisecond
	cfg.Datasets.Default.SyncFrequency = 100 * time.Millisecond
	return cfg
}

// folder is a new data folder with a path that is short enough for a socket.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tandem")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// node is a running node.
type node struct {
	*testing.T
	*app.Node
	log  lockedBuffer
	stop func() error // in order; may be called twice
}

func start(t *testing.T, cfg config.Config) *node {
	t.Helper()
	n := &node{T: t}
	ctx, cancel := context.WithCancel(context.Background())
	var err error
	n.Node, err = app.StartAll(ctx, app.Options{Config: cfg, Version: "test", Log: slog.New(slog.NewTextHandler(&n.log, nil))})
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	n.stop = func() error { cancel(); return n.Wait() }
	t.Cleanup(func() {
		if err := n.stop(); err != nil {
			t.Errorf("the node did not stop in order: %v", err)
		}
		if t.Failed() {
			t.Logf("log:\n%s", &n.log)
		}
	})
	return n
}

// refused returns the error of a start that must fail.
func refused(t *testing.T, cfg config.Config) string {
	t.Helper()
	n, err := app.StartAll(t.Context(), app.Options{Config: cfg, Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		t.Errorf("started on %s", n.URL())
		return ""
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("more than one line: %v", err)
	}
	return err.Error()
}

// post sends a request of a device.
func (n *node) post(dataset, body string) (int, string) {
	n.Helper()
	req, err := http.NewRequestWithContext(n.Context(), http.MethodPost, n.URL()+"/sync/"+dataset, strings.NewReader(body))
	if err != nil {
		n.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		n.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		n.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// results asks for the results of a device's changes, by hash.
func (n *node) results(dataset string) map[string]struct{ Type, UID string } {
	n.Helper()
	code, body := n.post(dataset, `{"fn":"sync","__fh":{"cuid":"phone"}}`)
	var answer struct {
		Updates struct {
			Hashes map[string]struct{ Type, UID string }
		}
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || code != http.StatusOK {
		n.Fatalf("%d %s: %v", code, body, err)
	}
	return answer.Updates.Hashes
}

func (n *node) create(dataset, hash string) {
	n.Helper()
	body := fmt.Sprintf(`{"fn":"sync","__fh":{"cuid":"phone"},"pending":[{"action":"create","hash":%q,"uid":%q,"post":{"title":%q}}]}`, hash, hash, hash)
	if code, text := n.post(dataset, body); code != http.StatusOK {
		n.Fatalf("%d %s", code, text)
	}
}

// eventually waits until done.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

func TestStopsAndStartsAgain(t *testing.T) {
	cfg := settings(filepath.Join(folder(t), "made/by/tandem"))
	first := start(t, cfg)
	first.create("tasks", "c1")
	eventually(t, "the change is applied", func() bool { return first.results("tasks")["c1"].Type == "applied" })
	uid := first.results("tasks")["c1"].UID
	if info, err := os.Stat(cfg.Store.Data); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("data folder: %v, %v", info.Mode(), err)
	}
	for _, name := range []string{"tandem.db", "tandem.db-wal", "backend.db", "backend.db-wal"} {
		if info, err := os.Stat(filepath.Join(cfg.Store.Data, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want a file that only its owner can read", name, info, err)
		}
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	if _, err := http.Get(first.URL() + "/healthz"); err == nil { //nolint:noctx // fails at once
		t.Error("answers after the stop")
	}
	second := start(t, cfg)
	if got := second.results("tasks")["c1"]; got.UID != uid || got.Type != "applied" {
		t.Errorf("after the restart: %+v, want uid %s", got, uid)
	}
	eventually(t, "the record reaches another device", func() bool {
		_, body := second.post("tasks", `{"fn":"syncRecords","__fh":{"cuid":"tablet"}}`)
		return strings.Contains(body, uid)
	})
}

func TestOneProcessPerFolder(t *testing.T) {
	cfg := settings(folder(t))
	n := start(t, cfg)
	msg := refused(t, cfg)
	for _, want := range []string{cfg.Store.Data, "another process", "--data"} {
		if !strings.Contains(msg, want) {
			t.Errorf("%q does not say %q", msg, want)
		}
	}
	n.create("tasks", "c1") // the first is not disturbed
	admin(t, "unix:"+app.AdminSocket(cfg.Store.Data))
}

func TestStartErrors(t *testing.T) {
	file := filepath.Join(folder(t), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, tc := range map[string]struct {
		change func(*config.Config)
		says   []string
	}{
		"folder is a file": {func(c *config.Config) { c.Store.Data = file }, []string{file, "not a directory", "--data"}},
		"port is taken":    {func(c *config.Config) { c.Gateway.Listen = taken.Addr().String() }, []string{taken.Addr().String(), "in use", "--listen"}},
		"admin port is taken": {func(c *config.Config) { c.Gateway.AdminListen = taken.Addr().String() },
			[]string{taken.Addr().String(), "adminListen", "--admin-listen"}},
		"no such address": {func(c *config.Config) { c.Gateway.Listen = "192.0.2.1:0" }, []string{"192.0.2.1:0", "--listen"}},
		"bad dataset": {func(c *config.Config) { c.Datasets.ByID = map[string]config.Dataset{"fhsync_x": {}} },
			[]string{"setting datasets", "fhsync_x"}},
	} {
		cfg := settings(filepath.Join(folder(t), "data"))
		good := cfg
		tc.change(&cfg)
		msg := refused(t, cfg)
		for _, want := range tc.says {
			if !strings.Contains(msg, want) {
				t.Errorf("%s: %q does not say %q", name, msg, want)
			}
		}
		// Nothing is left open: the folder can be used at once.
		if err := start(t, good).stop(); err != nil {
			t.Errorf("%s: the start after it: %v", name, err)
		}
	}
}

// admin makes a client of the administration API, and checks that it answers.
func admin(t *testing.T, addr string) adminv1.AdminServiceClient {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	api := adminv1.NewAdminServiceClient(conn)
	if _, err := api.Queues(t.Context(), &adminv1.QueuesRequest{}); err != nil {
		t.Errorf("administration API at %s: %v", addr, err)
	}
	return api
}

func TestAdminSocket(t *testing.T) {
	cfg := settings(folder(t))
	if err := os.Chmod(cfg.Store.Data, 0o755); err != nil { // there before, open to others
		t.Fatal(err)
	}
	path := app.AdminSocket(cfg.Store.Data)
	// What a process that was killed leaves behind.
	stale, err := new(net.ListenConfig).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	stale.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := stale.Close(); err != nil {
		t.Fatal(err)
	}
	free, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Gateway.AdminListen = free.Addr().String()
	free.Close()
	n := start(t, cfg)
	info, err := os.Stat(path)
	if err != nil || info.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("socket: %v, %v; want it for its owner alone", info.Mode(), err)
	}
	for _, addr := range []string{"unix:" + path, cfg.Gateway.AdminListen} {
		api := admin(t, addr)
		n.create("tasks", "c1")
		if resp, err := api.StopDataset(t.Context(), &adminv1.StopDatasetRequest{Dataset: "tasks"}); err != nil || resp.GetDatasetClients() != 1 {
			t.Errorf("%s: %v, %v", addr, resp, err)
		}
		if code, body := n.post("tasks", `{"fn":"sync"}`); code != http.StatusInternalServerError || !strings.Contains(body, "sync stopped") {
			t.Errorf("%s: stopped, and yet %d %s", addr, code, body)
		}
		if _, err := api.StartDataset(t.Context(), &adminv1.StartDatasetRequest{Dataset: "tasks"}); err != nil {
			t.Error(err)
		}
	}
	if err := n.stop(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left behind: %v", err)
	}
}

// A path that is too long for a socket is no reason not to serve.
func TestLongPath(t *testing.T) {
	cfg := settings(filepath.Join(folder(t), strings.Repeat("long/", 30)))
	n := start(t, cfg)
	n.create("tasks", "c1")
	if log := n.log.String(); !strings.Contains(log, "too long") || !strings.Contains(log, "adminListen") {
		t.Errorf("log: %s", log)
	}
}

// Devices that dawdle, or attackers who do, don't keep a connection for ever.
func TestSlowRequests(t *testing.T) {
	cfg := settings(folder(t))
	cfg.Gateway.ReadHeaderTimeout, cfg.Gateway.ReadTimeout = 200*time.Millisecond, 400*time.Millisecond
	n := start(t, cfg)
	for what, tc := range map[string]struct{ send, want string }{
		"slow body": {"POST /sync/tasks HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{\"fn\":", "HTTP/1.1 408"},
		"slow head": {"POST /sync/tasks HTTP/1.1\r\nHost:", ""},
	} {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(n.URL(), "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, tc.send); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(bufio.NewReader(conn))
		if err != nil || !strings.HasPrefix(string(answer), tc.want) {
			t.Errorf("%s: %q, %v; want %q and the end of the connection", what, answer, err, tc.want)
		}
	}
	n.create("tasks", "c1")
}

// remote serves an adapter over TCP until stop.
func remote(t *testing.T, addr string, a adapter.Adapter) (stop func()) {
	t.Helper()
	var listener net.Listener
	eventually(t, "listen on "+addr, func() bool {
		var err error
		listener, err = new(net.ListenConfig).Listen(t.Context(), "tcp", addr)
		return err == nil
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := adapter.Serve(ctx, "", a, adapter.WithListener(listener), adapter.WithGrace(0), adapter.WithLogger(slog.New(slog.DiscardHandler))); err != nil {
			t.Error(err)
		}
	}()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

func records(t *testing.T, a adapter.Adapter, dataset string) (titles []string) {
	t.Helper()
	err := a.List(t.Context(), adapter.ListRequest{Dataset: dataset, QueryParams: json.RawMessage("{}")}, func(r adapter.Record) error {
		titles = append(titles, string(r.Data))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return titles
}

// A dataset with an adapter of its own. While that is away its changes wait, with
// nothing reported; other datasets go on. When it is back they are applied, once.
func TestExternalAdapter(t *testing.T) {
	reserved, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := reserved.Addr().String()
	reserved.Close()
	cfg := settings(folder(t))
	cfg.PendingWorker.Concurrency = 4
	away := cfg.Datasets.Default
	away.Adapter = addr
	cfg.Datasets.ByID = map[string]config.Dataset{"remote": away}
	n := start(t, cfg)
	for i := range 3 {
		n.create("remote", fmt.Sprint("c", i))
	}
	n.create("local", "c1")
	eventually(t, "the other dataset goes on", func() bool { return n.results("local")["c1"].Type == "applied" })
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 30 { // several tries of each change
		<-tick.C
		if got := n.results("remote"); len(got) != 0 {
			t.Fatalf("reported while the adapter is away: %+v", got)
		}
	}
	if code, body := n.post("remote", `{"fn":"listCollisions"}`); code != http.StatusServiceUnavailable {
		t.Errorf("listCollisions while the adapter is away: %d %s", code, body)
	}

	mem := memadapter.New()
	stop := remote(t, addr, mem)
	applied := func(want int) func() bool {
		return func() bool {
			got := n.results("remote")
			for hash, u := range got {
				if u.Type != "applied" {
					t.Fatalf("%s: %+v", hash, u)
				}
			}
			return len(got) == want
		}
	}
	eventually(t, "all changes are applied", applied(3))
	if got := records(t, mem, "remote"); len(got) != 3 {
		t.Errorf("the adapter holds %v", got)
	}
	if got := records(t, mem, "local"); len(got) != 0 {
		t.Errorf("another dataset's records went there: %v", got)
	}
	eventually(t, "its records are listed", func() bool {
		_, body := n.post("remote", `{"fn":"syncRecords","__fh":{"cuid":"tablet"}}`)
		return strings.Contains(body, `"title":"c2"`)
	})

	// It goes away again: what devices have stays as it is.
	stop()
	n.create("remote", "c3")
	for range 10 {
		<-tick.C
		if _, body := n.post("remote", `{"fn":"syncRecords","__fh":{"cuid":"tablet"}}`); !strings.Contains(body, `"title":"c2"`) {
			t.Fatalf("records are taken back while the adapter is away: %s", body)
		}
	}
	remote(t, addr, mem)
	eventually(t, "the last change is applied", applied(4))
	if got := records(t, mem, "remote"); len(got) != 4 {
		t.Errorf("the adapter holds %v", got)
	}
}

// Concurrency 0 switches a worker off.
func TestWorkersSwitchedOff(t *testing.T) {
	cfg := settings(folder(t))
	cfg.PendingWorker.Concurrency = 0
	n := start(t, cfg)
	n.create("tasks", "c1")
	api := admin(t, "unix:"+app.AdminSocket(cfg.Store.Data))
	eventually(t, "the view is synced", func() bool {
		code, body := n.post("tasks", `{"fn":"syncRecords"}`)
		return code == http.StatusOK && strings.Contains(body, "hash")
	})
	resp, err := api.Queues(t.Context(), &adminv1.QueuesRequest{})
	if err != nil || resp.GetMessages()["fhsync_pending_queue"] != 1 || len(n.results("tasks")) != 0 {
		t.Errorf("%v, %v: a worker that is switched off worked", resp, err)
	}
}

// The figures come from the whole process.
func TestStats(t *testing.T) {
	cfg := settings(folder(t))
	cfg.Stats.Interval = 20 * time.Millisecond
	n := start(t, cfg)
	n.create("tasks", "c1")
	eventually(t, "every metric has samples", func() bool {
		resp, err := http.Get(n.URL() + "/mbaas/sync/stats") //nolint:noctx // bounded by eventually
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var got map[string]map[string]any
		if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
			t.Fatal(err)
		}
		return got["API Process Time"]["sync"] != nil && got["Job Process Time"]["pending_worker"] != nil && got["Job Queue Size"]["ack_worker"] != nil &&
			got["CPU usage"]["message"] == nil && got["RSS Memory Usage"]["message"] == nil && got["Mongodb Operation Time"]["SyncState"] != nil
	})
}
