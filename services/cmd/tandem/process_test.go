package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// asTandem makes the test's binary behave as tandem: the tests of this package
// run real processes without building one.
const asTandem = "TEST_RUNS_AS_TANDEM"

func TestMain(m *testing.M) {
	if os.Getenv(asTandem) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// patience bounds each wait for a process.
const patience = 30 * time.Second

// command is tandem with arguments. It inherits no settings.
func command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...) //nolint:noctx // ends by signals that are part of the test
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "TANDEM_") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	cmd.Env = append(cmd.Env, asTandem+"=1")
	return cmd
}

// run runs tandem to its end.
func run(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return finish(t, command(args...))
}

func finish(t *testing.T, cmd *exec.Cmd) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	_ = cmd.Wait() // the code tells
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// server is a running `tandem all`.
type server struct {
	*testing.T
	url, data string
	cmd       *exec.Cmd
	welcome   string // what it printed
	log       lockedBuffer
	ended     chan struct{}
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

// folder is a new folder with a path that is short enough for a socket.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tandem")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// start starts a server on a data folder and waits until it has welcomed us.
func start(t *testing.T, data string, args ...string) *server {
	t.Helper()
	s := &server{T: t, data: data, ended: make(chan struct{})}
	s.cmd = command(append([]string{"all", "--listen", "127.0.0.1:0", "--data", data}, args...)...)
	s.cmd.Stderr = &s.log
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	welcomed := make(chan struct{})
	go func() {
		defer close(s.ended)
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			s.welcome += lines.Text() + "\n"
			if strings.Contains(lines.Text(), "Ctrl-C") {
				close(welcomed)
				break
			}
		}
		_, _ = io.Copy(io.Discard, stdout)
		_ = s.cmd.Wait() // ProcessState tells
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // it has usually ended
		<-s.ended
		if t.Failed() {
			t.Logf("log of the server on %s:\n%s", data, &s.log)
		}
	})
	select {
	case <-welcomed:
	case <-s.ended:
		t.Fatalf("the server ended: %v\n%s", s.cmd.ProcessState, &s.log)
	case <-time.After(patience):
		t.Fatalf("no welcome in %v", patience)
	}
	s.url = regexp.MustCompile(`http://\S+`).FindString(s.welcome)
	return s
}

func (s *server) signal(sig os.Signal) {
	s.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.Fatal(err)
	}
}

// wait waits for the end of the process.
func (s *server) wait() *os.ProcessState {
	s.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		s.Fatalf("still running after %v", patience)
	}
	return s.cmd.ProcessState
}

// stop ends the server as an operator does.
func (s *server) stop() {
	s.Helper()
	s.signal(syscall.SIGTERM)
	if state := s.wait(); state.ExitCode() != 0 {
		s.Errorf("after SIGTERM: %v, want exit code 0", state)
	}
}

// post sends a request of a device.
func (s *server) post(dataset, body string) (int, string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/sync/"+dataset, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// ask is post for a request that must succeed.
func (s *server) ask(dataset, body string) string {
	s.Helper()
	code, text, err := s.post(dataset, body)
	if err != nil || code != http.StatusOK {
		s.Fatalf("%s\n→ %d %s %v", body, code, text, err)
	}
	return text
}

// eventually waits until done.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
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

// The lines that a newcomer is told to try do what is said of them, as they stand.
func TestWelcome(t *testing.T) {
	s := start(t, filepath.Join(folder(t), "fresh"))
	if !strings.Contains(s.welcome, s.data) || !strings.HasPrefix(s.url, "http://127.0.0.1:") {
		t.Errorf("the welcome names neither URL nor folder:\n%s", s.welcome)
	}
	var lines []string
	for line := range strings.Lines(s.welcome) {
		if strings.HasPrefix(line, "  curl ") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if len(lines) != 2 {
		t.Fatalf("%d curl lines in:\n%s", len(lines), s.welcome)
	}
	if got := curl(t, lines[0]); !strings.Contains(got, `"hashes":{}`) {
		t.Errorf("the first time: %s", got)
	}
	eventually(t, "the line run twice tells what became of the change", func() bool {
		return strings.Contains(curl(t, lines[0]), `"applied":{"c1":{"type":"applied","cuid":"my-device"`)
	})
	if out, errs, code := run(t, "admin", "sync", "tasks", "--data", s.data); code != 0 || out != "queued 1 sync runs of tasks\n" {
		t.Errorf("admin sync: %d %q %q", code, out, errs)
	}
	eventually(t, "another device has the record", func() bool {
		got := curl(t, lines[1])
		return strings.Contains(got, `"data":{"title":"Buy milk"}`) && strings.Count(got, "Buy milk") == 1
	})
	s.stop()
}

var curlLine = regexp.MustCompile(`^curl -s (\S+) -H '([^:']+): ([^']+)' -d '([^']+)'$`)

// curl runs a line with curl where there is one, and does the same where not.
func curl(t *testing.T, line string) string {
	t.Helper()
	if _, err := exec.LookPath("curl"); err == nil {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", line).Output()
		if err != nil {
			t.Fatalf("%s\n→ %v", line, err)
		}
		return string(out)
	}
	part := curlLine.FindStringSubmatch(line)
	if part == nil {
		t.Fatalf("not a line that this test understands: %s", line)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, part[1], strings.NewReader(part[4]))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(part[2], part[3])
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// A process that was killed leaves a socket and a lock behind, which hinder nobody.
func TestStartAfterAKill(t *testing.T) {
	data := filepath.Join(folder(t), "data")
	first := start(t, data)
	first.ask("tasks", `{"fn":"sync","__fh":{"cuid":"phone"},"pending":[{"action":"create","hash":"c1","uid":"c1","post":{}}]}`)
	first.signal(os.Kill)
	first.wait()
	if _, err := os.Stat(filepath.Join(data, "admin.sock")); err != nil {
		t.Errorf("this test expects a socket that is left behind: %v", err)
	}
	second := start(t, data, "--pending-worker-retry-interval-in-seconds", "1")
	eventually(t, "the change of before the kill has its result", func() bool {
		return strings.Contains(second.ask("tasks", `{"fn":"sync","__fh":{"cuid":"phone"}}`), `"applied":{"c1"`)
	})
	if _, errs, code := run(t, "admin", "queues", "--data", data); code != 0 {
		t.Errorf("admin queues: %d %s", code, errs)
	}
	second.stop()
}

func TestAdminCommands(t *testing.T) {
	data := filepath.Join(folder(t), "a folder % with #odd? name")
	s := start(t, data)
	s.ask("tasks", `{"fn":"sync","query_params":{"owner":"anna"},"__fh":{"cuid":"phone"}}`)
	s.ask("others", `{"fn":"sync","__fh":{"cuid":"phone"}}`)
	for _, tc := range []struct {
		args []string
		want string // a pattern
	}{
		{[]string{"stop", "tasks"}, `^stopped tasks \(1 dataset clients\)\n$`},
		{[]string{"clients", "tasks"}, `^DATASET +QUERY +ACTIVE +STOPPED .*\ntasks +\{"owner":"anna"\} +true +true .*\n$`},
		{[]string{"start", "tasks"}, `^started tasks \(1 dataset clients\)\n$`},
		{[]string{"clients"}, `^DATASET .*\nothers +\{\} +true +false .*\ntasks +\{"owner":"anna"\} +true +false .*\n$`},
		{[]string{"clients", "nobody"}, `^DATASET .*\n$`},
		{[]string{"datasets"}, `^DATASET +CONFIGURED .*\nothers +false +1 +1 +false .* +default\ntasks +false +1 +1 +false .*\n$`},
		{[]string{"sync", "others"}, `^queued 1 sync runs of others\n$`},
		{[]string{"queues"}, `^fhsync_queue +\d+\nfhsync_ack_queue +0\nfhsync_pending_queue +0\n$`},
	} {
		out, errs, code := run(t, append([]string{"admin", "--data", data}, tc.args...)...)
		if code != 0 || !regexp.MustCompile(tc.want).MatchString(out) {
			t.Errorf("admin %v: %d %s\n%s", tc.args, code, errs, out)
		}
	}
	eventually(t, "the last sync run is shown", func() bool {
		out, _, _ := run(t, "admin", "--data", data, "clients", "others")
		return regexp.MustCompile(`( +20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ){2} +0 +[0-9a-f]{64}_\d+\n`).MatchString(out)
	})
	s.stop()
}

func TestVersionAndConfig(t *testing.T) {
	if out, errs, code := run(t, "version"); code != 0 || out != "dev\n" || errs != "" {
		t.Errorf("version: %d %q %q", code, out, errs)
	}
	if out, _, code := run(t, "--version"); code != 0 || !strings.Contains(out, "dev") {
		t.Errorf("--version: %d %q", code, out)
	}
	out, errs, code := run(t, "config", "--listen", ":9999")
	if code != 0 || errs != "" || !regexp.MustCompile(`(?m)^listen +:9999 +127\.0\.0\.1:8080 +flag --listen$`).MatchString(out) {
		t.Errorf("config: %d %q\n%s", code, errs, out)
	}
	if out, _, code := run(t); code != 0 || !strings.Contains(out, "tandem all") {
		t.Errorf("without arguments: %d %s", code, out)
	}
}

// Whatever is wrong at the start is said in one line that names it and the way
// out, with exit code 1.
func TestErrorsAtTheStart(t *testing.T) {
	dir := folder(t)
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	running := start(t, filepath.Join(dir, "data"))
	addr := strings.TrimPrefix(running.url, "http://")
	all := func(args ...string) []string { return append([]string{"all", "--listen", "127.0.0.1:0"}, args...) }
	fresh := filepath.Join(dir, "fresh")
	for name, tc := range map[string]struct {
		args []string
		says []string
	}{
		"folder in use":       {all("--data", running.data), []string{running.data, "another process", "--data"}},
		"port in use":         {[]string{"all", "--data", fresh, "--listen", addr}, []string{addr, "in use", "--listen"}},
		"admin port in use":   {all("--data", fresh, "--admin-listen", addr), []string{addr, "in use", "--admin-listen"}},
		"folder is a file":    {all("--data", write("file", "")), []string{"file", "not a directory", "--data"}},
		"no config file":      {all("--config", filepath.Join(dir, "nope.yaml")), []string{"nope.yaml", "no such file"}},
		"bad config file":     {all("--config", write("bad.yaml", "a: [")), []string{"bad.yaml", "line 1"}},
		"unknown setting":     {all("--config", write("key.yaml", "lisen: x")), []string{"key.yaml:1", "lisen", "did you mean listen?"}},
		"bad value":           {all("--sync-frequency", "often"), []string{"syncFrequency", "--sync-frequency", "often"}},
		"bad dataset":         {all("--data", fresh, "--config", write("ds.yaml", `datasets: {"a$b": {}}`)), []string{"datasets", "a$b"}},
		"unknown flag":        {all("--lisen", "x"), []string{"--lisen", "did you mean --listen?"}},
		"flag of another":     {[]string{"version", "--listen", ":1"}, []string{"--listen"}},
		"unknown command":     {[]string{"serve"}, []string{"serve"}},
		"too many arguments":  {[]string{"all", "now"}, []string{"now"}},
		"admin: no such":      {[]string{"admin", "frob"}, []string{"frob", "tandem admin"}},
		"admin: no dataset":   {[]string{"admin", "stop"}, []string{"tandem admin stop DATASET"}},
		"admin: two datasets": {[]string{"admin", "clients", "a", "b"}, []string{"tandem admin clients [DATASET]"}},
		"admin: no server":    {[]string{"admin", "queues", "--data", fresh}, []string{fresh, "is the server running?", "--data", "--addr"}},
		"admin: no address":   {[]string{"admin", "queues", "--addr", "127.0.0.1:1"}, []string{"127.0.0.1:1", "is the server running?"}},
		"admin: bad dataset":  {[]string{"admin", "stop", "a$b", "--data", running.data}, []string{"a$b"}},
	} {
		out, errs, code := run(t, tc.args...)
		if code != 1 || out != "" {
			t.Errorf("%s: exit code %d, printed %q", name, code, out)
		}
		errs = lastLine(errs)
		if !strings.HasPrefix(errs, "tandem: ") || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: not one line: %q", name, errs)
		}
		for _, want := range tc.says {
			if !strings.Contains(errs, want) {
				t.Errorf("%s: %q does not say %q", name, errs, want)
			}
		}
	}
	running.stop()
}

// lastLine leaves out what was logged before the error.
func lastLine(text string) string {
	if i := strings.Index(text, "tandem: "); i >= 0 {
		return text[i:]
	}
	return text
}

// A folder that this user can't write to. Root can write everywhere: the server then
// runs as somebody else.
func TestFolderIsNotWritable(t *testing.T) {
	dir := folder(t)
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	for _, data := range []string{dir, filepath.Join(dir, "sub")} {
		cmd := command("all", "--listen", "127.0.0.1:0", "--data", data)
		if os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			cmd.Path = readable(t)
		}
		_, errs, code := finish(t, cmd)
		if code != 1 || strings.Count(errs, "\n") != 1 || !strings.Contains(errs, data) || !strings.Contains(errs, "write to") {
			t.Errorf("exit code %d: %q", code, errs)
		}
	}
}

// readable copies this binary to where any user can run it.
func readable(t *testing.T) string {
	t.Helper()
	self, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	dir := folder(t)
	path := filepath.Join(dir, "tandem")
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, self, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
