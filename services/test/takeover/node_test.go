package takeover

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds every wait.
const patience = 30 * time.Second

// programs makes a folder with all that node needs: this package's programs, the
// files of the real client's tests that make a device, and the npm packages.
func programs(t *testing.T) string {
	t.Helper()
	install(t)
	dir := t.TempDir()
	for _, file := range []string{"node/host.mjs", "node/devices.mjs", "../e2e/client/device.mjs", "../e2e/client/net.mjs", "../e2e/client/until.mjs"} {
		text, err := os.ReadFile(filepath.FromSlash(file))
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(file)), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	packages, err := filepath.Abs(filepath.Join("node", "node_modules"))
	if err == nil {
		err = os.Symlink(packages, filepath.Join(dir, "node_modules"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// install runs npm ci unless what the lock file names is there.
func install(t *testing.T) {
	t.Helper()
	lock, err := os.Stat(filepath.Join("node", "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	// npm writes this file at the end of an installation.
	installed, err := os.Stat(filepath.Join("node", "node_modules", ".package-lock.json"))
	if err == nil && !installed.ModTime().Before(lock.ModTime()) {
		return
	}
	cmd := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = "node"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci in %s: %v\n%s", cmd.Dir, err, out)
	}
}

// program is a node process whose lines of output are read. It ends with the test, at
// the latest when its standard input ends with the test process.
type program struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string
	ended chan struct{}

	mu     sync.Mutex
	errors strings.Builder
}

func start(t *testing.T, dir, file string, env ...string) *program {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("this test needs Node.js 20 or newer on the PATH: ", err)
	}
	p := &program{t: t, lines: make(chan string, 100), ended: make(chan struct{})}
	p.cmd = exec.Command(node, file) //nolint:noctx,gosec // its end is up to the test
	p.cmd.Dir, p.cmd.Env, p.cmd.Stderr = dir, append(os.Environ(), env...), p
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		scanner := bufio.NewScanner(out)
		scanner.Buffer(nil, 1<<20)
		for scanner.Scan() {
			p.lines <- scanner.Text()
		}
		close(p.lines)
		_ = p.cmd.Wait() // tests look at what it did
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			p.mu.Lock()
			defer p.mu.Unlock()
			t.Logf("errors of %s:\n%s", file, p.errors.String())
		}
	})
	return p
}

// Write keeps what the process says on its standard error.
func (p *program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.errors.Write(b)
}

// kill ends the process at once, in the middle of whatever it does.
func (p *program) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	for range p.lines {      // lets its reader end
	}
	<-p.ended
}

// line is the next line that it prints.
func (p *program) line() string {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if !ok {
			p.t.Fatal("a node process ended: see its errors below")
		}
		return line
	case <-time.After(2 * patience):
		p.t.Fatal("a node process says nothing")
	}
	return ""
}

// phones is the process in which all devices live.
type phones struct {
	*program
	calls int
}

// device is one of them: a client with its own storage, pending changes and network.
type device struct {
	phones  *phones
	name    string
	dataset string
	query   map[string]any
}

// open makes a device that calls url.
func (p *phones) open(url, name, dataset string, query map[string]any) *device {
	p.t.Helper()
	d := &device{phones: p, name: name, dataset: dataset, query: query}
	d.call(nil, "open", map[string]any{"url": url, "dataset": dataset, "query": query})
	return d
}

// call has the device do something, and reads the result into out unless that is nil.
func (d *device) call(out any, method string, args ...any) {
	p := d.phones
	p.t.Helper()
	p.calls++
	if args == nil {
		args = []any{}
	}
	line, err := json.Marshal(map[string]any{"id": p.calls, "device": d.name, "method": method, "args": args})
	if err == nil {
		_, err = fmt.Fprintf(p.in, "%s\n", line)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	var answer struct {
		ID     int
		Result json.RawMessage
		Error  string
	}
	text := p.line()
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.ID != p.calls {
		p.t.Fatalf("%s: %s of %s was answered with %q", d.name, method, line, text)
	}
	if answer.Error != "" {
		p.t.Fatalf("%s: %s: %s", d.name, method, answer.Error)
	}
	if out != nil {
		if err := json.Unmarshal(answer.Result, out); err != nil {
			p.t.Fatalf("%s: %s: %v in %s", d.name, method, err, answer.Result)
		}
	}
}
