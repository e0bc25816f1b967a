package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	natsserver "github.com/nats-io/nats-server/v2/server"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/tandem-sync/tandem/services/test/mongotest"
)

// roleArgs are the commands that share a MongoDB.
func roleArgs() map[string][]string {
	return map[string][]string{
		"gateway": {"gateway", "--listen", "127.0.0.1:0"}, "sync-worker": {"sync-worker"}, "ack-worker": {"ack-worker"},
		"pending-worker": {"pending-worker"}, "scheduler": {"scheduler"},
		"adapter mongo": {"adapter", "mongo", "--adapter-listen", "127.0.0.1:0"},
	}
}

// launch starts a process and gathers what it prints and logs.
func launch(t *testing.T, args ...string) *server {
	t.Helper()
	return launchIn(t, nil, args...)
}

func launchIn(t *testing.T, environ []string, args ...string) *server {
	t.Helper()
	s := &server{T: t, ended: make(chan struct{})}
	s.cmd = command(args...)
	s.cmd.Env = append(s.cmd.Env, environ...)
	s.cmd.Stderr = &s.log
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.ended)
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			_, _ = s.log.Write([]byte(lines.Text() + "\n"))
		}
		_, _ = io.Copy(io.Discard, stdout)
		_ = s.cmd.Wait() // ProcessState tells
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // it has usually ended
		<-s.ended
		if t.Failed() {
			t.Logf("log of tandem %s:\n%s", strings.Join(args, " "), &s.log)
		}
	})
	return s
}

// says waits until the process has printed or logged what pattern matches, and
// returns its first group.
func (s *server) says(pattern string) string {
	s.Helper()
	re := regexp.MustCompile(pattern)
	var found []string
	eventually(s.T, "the process says "+pattern, func() bool {
		select {
		case <-s.ended:
			s.Fatalf("it ended: %v", s.cmd.ProcessState)
		default:
		}
		found = re.FindStringSubmatch(s.log.String())
		return found != nil
	})
	return found[len(found)-1]
}

const (
	healthAddr = `telling the health of this process" (?:role=adapter )?addr=(\S+)`
	devices    = `"listening for devices" addr=(\S+)`
)

// get asks a path of an address.
func get(t *testing.T, addr, path string) (int, string) {
	t.Helper()
	resp, err := http.Get("http://" + addr + path) //nolint:noctx // the process ends with the test
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

func TestRolesNeedMongodb(t *testing.T) {
	for name, args := range roleArgs() {
		for _, tc := range []struct{ url, says string }{
			{"", "ongodbUrl (--"}, {"", "MONGODB_URL"}, {"", "mongodb://"},
			{"nonsense:hush", "begin with mongodb://"},
			{"mongodb://u:hush@h:1:2/db", "HOST:PORT"},
			{"mongodb://u:hush@h/db?w=majority&readPreference=nearby", "nearby"},
		} {
			_, errs, code := run(t, append(args, "--mongodb-url", tc.url)...)
			errs = lastLine(errs)
			if code != 1 || strings.Count(errs, "\n") != 1 || !strings.HasPrefix(errs, "tandem: ") || !strings.Contains(errs, tc.says) || !strings.Contains(errs, "ongodbUrl") {
				t.Errorf("%s: exit code %d: %q does not say %q in one line", name, code, errs, tc.says)
			}
			if strings.Contains(errs, "hush") {
				t.Errorf("%s: tells the password: %s", name, errs)
			}
		}
	}
}

func TestConfigShowsNoPassword(t *testing.T) {
	cmd := command("config", "--json")
	cmd.Env = append(cmd.Env, "SYNC_MONGODB_URL=mongodb://u:hush@db/sync", "TANDEM_ADAPTER_MONGODB_URL=mongodb://u:hush@db2/own")
	out, errs, code := finish(t, cmd)
	if code != 0 || strings.Contains(out+errs, "hush") || !strings.Contains(out, "mongodb://u:xxxxx@db/sync") || !strings.Contains(out, "mongodb://u:xxxxx@db2/own") {
		t.Errorf("%d %s\n%s", code, errs, out)
	}
}

// A role that starts while MongoDB is away lives and waits: it says so, is not
// ready, and stops in order when told to.
func TestRolesWaitForMongodb(t *testing.T) {
	commands := roleArgs()
	commands["all"] = []string{"all", "--listen", "127.0.0.1:0", "--data", folder(t)}
	for name, args := range commands {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := launchIn(t, []string{"SYNC_MONGODB_URL=mongodb://u:hush@other/db"},
				append(args, "--mongodb-url", "mongodb://u:hush@127.0.0.1:1/db", "--health-listen", "127.0.0.1:0")...)
			s.says("setting mongodbUrl is taken from flag --mongodb-url; what environment SYNC_MONGODB_URL says differs")
			addr := s.says(healthAddr)
			s.says(`MongoDB does not answer; will keep trying`)
			if code, body := get(t, addr, "/healthz"); code != http.StatusOK {
				t.Errorf("/healthz: %d %s", code, body)
			}
			if code, body := get(t, addr, "/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(body, "starting") {
				t.Errorf("/readyz: %d %s", code, body)
			}
			switch name {
			case "gateway", "all":
				s.url = "http://" + s.says(devices)
				if code, body, err := s.post("tasks", `{"fn":"sync"}`); err != nil || code != http.StatusServiceUnavailable {
					t.Errorf("a device got %d %s %v", code, body, err)
				}
				if code, _ := get(t, strings.TrimPrefix(s.url, "http://"), "/readyz"); code != http.StatusServiceUnavailable {
					t.Errorf("/readyz on the main port: %d", code)
				}
				if code, _ := get(t, strings.TrimPrefix(s.url, "http://"), "/healthz"); code != http.StatusOK {
					t.Errorf("/healthz on the main port: %d", code)
				}
			case "adapter mongo":
				expectHealth(t, s.says(`"listening for calls" role=adapter addr=(\S+)`), healthv1.HealthCheckResponse_NOT_SERVING)
			}
			if strings.Contains(s.log.String(), "hush") {
				t.Error("the log tells the password")
			}
			s.stop()
		})
	}
}

func expectHealth(t *testing.T, addr string, want healthv1.HealthCheckResponse_ServingStatus) {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	got, err := healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{Service: "tandem.adapter.v1.AdapterService"}, grpc.WaitForReady(true))
	if err != nil || got.GetStatus() != want {
		t.Errorf("health: %v, %v; want %s", got, err, want)
	}
}

// Each role starts, is ready, and stops in order.
func TestRolesStartAndStop(t *testing.T) {
	uri, db := mongotest.Database(t)
	for name, args := range roleArgs() {
		s := launch(t, append(args, "--mongodb-url", uri, "--mongodb-database", db, "--adapter-mongodb-database", db, "--health-listen", "127.0.0.1:0")...)
		addr := s.says(healthAddr)
		where := s.says(`tandem ` + name + ` is ready(?: on (\S+))?`)
		eventually(t, name+" is ready", func() bool { code, _ := get(t, addr, "/readyz"); return code == http.StatusOK })
		if code, body := get(t, addr, "/mbaas/sync/stats"); code != http.StatusOK || !strings.Contains(body, "CPU usage") {
			t.Errorf("%s: stats: %d %s", name, code, body)
		}
		switch name {
		case "gateway":
			if code, body := get(t, strings.TrimPrefix(where, "http://"), "/readyz"); code != http.StatusOK {
				t.Errorf("/readyz on the main port: %d %s", code, body)
			}
		case "adapter mongo":
			expectHealth(t, where, healthv1.HealthCheckResponse_SERVING)
		}
		s.stop()
	}
}

// A worker that is switched off stays, and says so once.
func TestRoleSwitchedOff(t *testing.T) {
	uri, db := mongotest.Database(t)
	s := launch(t, "ack-worker", "--ack-worker-concurrency", "0", "--mongodb-url", uri, "--mongodb-database", db)
	s.says("tandem ack-worker is ready")
	s.says("worker is switched off")
	s.stop()
	if n := strings.Count(s.log.String(), "worker is switched off"); n != 1 {
		t.Errorf("said %d times", n)
	}
}

// cluster runs the roles as processes of their own on one database. Their clocks are
// minutes apart.
func cluster(t *testing.T, each int, settings ...string) (gateways []*server, byRole map[string][]*server, again func(role string) *server) {
	t.Helper()
	uri, db := mongotest.Database(t)
	clocks := map[string]string{"pending-worker": "10m", "gateway": "-10m", "scheduler": "5m", "sync-worker": "-5m"}
	again = func(role string) *server {
		args := slices.Concat(roleArgs()[role], []string{"--mongodb-url", uri, "--mongodb-database", db}, settings)
		s := launchIn(t, []string{clockOffset + "=" + clocks[role]}, args...)
		s.says("tandem " + role + " is ready")
		if role == "gateway" {
			s.url = "http://" + s.says(devices)
		}
		return s
	}
	byRole = map[string][]*server{}
	for role := range roleArgs() {
		for range each {
			if role != "adapter mongo" {
				byRole[role] = append(byRole[role], again(role))
			}
		}
	}
	return byRole["gateway"], byRole, again
}

// Roles in processes of their own, two of each: what one device sends through one
// gateway, another gets through the other.
func TestCluster(t *testing.T) {
	uri, db := mongotest.Database(t)
	backend := launch(t, "adapter", "mongo", "--adapter-listen", "127.0.0.1:0", "--adapter-mongodb-url", uri, "--adapter-mongodb-database", db)
	bus, err := natsserver.NewServer(&natsserver.Options{Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	bus.Start()
	t.Cleanup(bus.Shutdown)
	if !bus.ReadyForConnections(patience) {
		t.Fatal("no NATS")
	}
	// Workers that found nothing sleep for an hour: what happens they were woken for.
	gateways, byRole, _ := cluster(t, 2, "--default-adapter", backend.says(`tandem adapter mongo is ready on (\S+)`), "--nats-url", bus.ClientURL(),
		"--pending-worker-interval", "1h", "--pending-worker-backoff", "none", "--ack-worker-interval", "1h", "--ack-worker-backoff", "none",
		"--sync-worker-interval", "1h", "--sync-worker-backoff", "none", "--sync-frequency", "1h")
	one, two := gateways[0], gateways[1]
	two.ask("tasks", `{"fn":"sync","__fh":{"cuid":"tablet"}}`)
	one.ask("tasks", milk)
	// What was queued a moment ago may be invisible to a worker whose idea of the time
	// is a millisecond behind. By default it looks again at once; here it sleeps, so
	// further changes wake it.
	more := 0
	wake := func() {
		more++
		one.ask("tasks", fmt.Sprintf(`{"fn":"sync","__fh":{"cuid":"phone"},"pending":[{"action":"create","hash":"more%d","uid":"more%d","post":{}}],"acknowledgements":[{"hash":"c0"}]}`, more, more))
	}
	eventually(t, "the other gateway tells the result", func() bool {
		wake()
		return strings.Contains(two.ask("tasks", results), `"c1":{"type":"applied"`)
	})
	eventually(t, "another device has the record", func() bool {
		wake()
		code, body, err := two.post("tasks", `{"fn":"syncRecords","__fh":{"cuid":"tablet"}}`)
		return err == nil && code == http.StatusOK && strings.Contains(body, `"title":"Milk"`)
	})
	one.ask("tasks", `{"fn":"sync","__fh":{"cuid":"phone"},"acknowledgements":[{"hash":"c1"}]}`)
	eventually(t, "the result is acknowledged", func() bool {
		wake()
		return !strings.Contains(one.ask("tasks", results), `"c1"`)
	})
	for _, list := range byRole {
		for _, s := range list {
			s.stop()
		}
	}
	backend.stop()
}

// A pending-worker finishes what it has in hand; a second signal ends it at once, and
// another does the work, once.
func TestSignalsOfARole(t *testing.T) {
	g, _ := startGated(t)
	gateways, byRole, again := cluster(t, 1, "--default-adapter", g.addr, "--pending-worker-retry-interval-in-seconds", "1", "--pending-worker-backoff", "exp:100", "--health-listen", "127.0.0.1:0")
	gateways[0].ask("tasks", milk)
	g.wants(t, "Create")
	worker := byRole["pending-worker"][0]
	addr := worker.says(healthAddr)
	if code, body := get(t, addr, "/readyz"); code != http.StatusOK {
		t.Errorf("/readyz: %d %s", code, body)
	}
	worker.signal(syscall.SIGTERM)
	worker.says("stopping")
	eventually(t, "it is not ready any more", func() bool {
		code, body := get(t, addr, "/readyz")
		return code == http.StatusServiceUnavailable && strings.Contains(body, "stopping")
	})
	select {
	case <-worker.ended:
		t.Fatalf("ended with a change in hand: %v", worker.cmd.ProcessState)
	default:
	}
	worker.signal(syscall.SIGTERM)
	if state := worker.wait(); state.ExitCode() != 128+int(syscall.SIGTERM) {
		t.Errorf("%v, want the exit code of a signal", state)
	}
	close(g.writing)
	again("pending-worker").signal(os.Interrupt) // Ctrl-C is as good; another follows
	last := again("pending-worker")
	eventually(t, "the change is applied after all", func() bool {
		return strings.Contains(gateways[0].ask("tasks", results), `"applied":{"c1"`)
	})
	if n := g.count(t); n != 1 {
		t.Errorf("the adapter has %d records, want 1", n)
	}
	last.stop()
}

// `tandem all` on MongoDB: state and records are there, and two of them share both.
func TestAllOnMongodb(t *testing.T) {
	uri, db := mongotest.Database(t)
	data := folder(t)
	args := []string{"--mongodb-url", uri, "--mongodb-database", db, "--adapter-mongodb-database", db, "--sync-frequency", "0.3", "--pending-worker-backoff", "exp:100"}
	one := start(t, data, args...)
	if !strings.Contains(one.welcome, uri+", database "+db) || strings.Contains(one.welcome, data) {
		t.Errorf("the welcome does not say where the data are:\n%s", one.welcome)
	}
	two := start(t, data, args...)
	two.says("another process serves the administration socket")
	one.ask("tasks", milk)
	eventually(t, "the result", func() bool { return strings.Contains(two.ask("tasks", results), `"applied":{"c1"`) })
	if out, errs, code := run(t, "admin", "queues", "--data", data); code != 0 {
		t.Errorf("admin: %d %s %s", code, out, errs)
	}
	one.stop()
	two.ask("tasks", `{"fn":"sync","__fh":{"cuid":"tablet"}}`)
	eventually(t, "another device has the record", func() bool {
		code, body, err := two.post("tasks", `{"fn":"syncRecords","__fh":{"cuid":"tablet"}}`)
		return err == nil && code == http.StatusOK && strings.Contains(body, `"title":"Milk"`)
	})
	two.stop()
	for _, file := range []string{"tandem.db", "backend.db"} {
		if _, err := os.Stat(filepath.Join(data, file)); err == nil {
			t.Errorf("%s was made", file)
		}
	}
}

func TestClockOffset(t *testing.T) {
	cmd := command("all", "--listen", "127.0.0.1:0", "--data", folder(t))
	cmd.Env = append(cmd.Env, clockOffset+"=soon")
	if _, errs, code := finish(t, cmd); code != 1 || !strings.Contains(errs, clockOffset) {
		t.Errorf("%d %s", code, errs)
	}
	now, err := testClock("-5m")
	if err != nil {
		t.Fatal(err)
	}
	right, _ := testClock("")
	if d := right().Sub(now()).Minutes(); d < 4.9 || d > 5.1 {
		t.Errorf("%v minutes apart, want 5", d)
	}
}
