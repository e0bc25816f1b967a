package nodeadapter_test

import (
	"bufio"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const packageDir = "../../adapters/node"

// patience bounds what a program takes to begin and to end.
const patience = 30 * time.Second

// TestPackage runs the package's own tests.
func TestPackage(t *testing.T) {
	node := prepare(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "--test", "--test-reporter=spec")
	cmd.Dir = packageDir
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Run(); err != nil {
		t.Errorf("node --test in %s: %v", packageDir, err)
	}
}

// prepare finds Node.js and installs what the package needs.
func prepare(t *testing.T) (node string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("this test needs Node.js 20 or newer on the PATH: ", err)
	}
	out, err := exec.CommandContext(t.Context(), node, "--version").Output()
	if err != nil {
		t.Fatalf("%s --version: %v", node, err)
	}
	major, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(string(out)), "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < 20 {
		t.Fatalf("this test needs Node.js 20 or newer, %s is %s", node, out)
	}
	install(t)
	return node
}

// install runs npm ci unless what the lock file names is there.
func install(t *testing.T) {
	t.Helper()
	lock, err := os.Stat(filepath.Join(packageDir, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	// npm writes this file at the end of an installation.
	installed, err := os.Stat(filepath.Join(packageDir, "node_modules", ".package-lock.json"))
	if err == nil && !installed.ModTime().Before(lock.ModTime()) {
		return
	}
	cmd := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = packageDir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci in %s: %v\n%s", packageDir, err, out)
	}
}

// program is a running Node.js program.
type program struct {
	cmd   *exec.Cmd
	lines chan string // of its output
	ended chan struct{}
	err   error // of Wait
}

// start runs a script of the package; it ends with the test, by SIGTERM and with
// exit code 0, unless stop was called before.
func start(t *testing.T, env []string, script string, args ...string) *program {
	t.Helper()
	node := prepare(t)
	// Not bound to t.Context: that ends before the cleanup, and killing is not how
	// this process is to end.
	p := &program{ //nolint:exhaustruct // the rest comes below
		cmd:   exec.Command(node, append([]string{script}, args...)...), //nolint:noctx // see above
		lines: make(chan string, 1000),
		ended: make(chan struct{}),
	}
	p.cmd.Dir = packageDir
	p.cmd.Env = append(os.Environ(), env...)
	out, in := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = in, in
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			t.Log(lines.Text())
			select {
			case p.lines <- lines.Text():
			default: // nobody waits for so many
			}
		}
		_, _ = io.Copy(io.Discard, out)
	})
	go func() {
		p.err = p.cmd.Wait()
		in.Close()
		reading.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() { p.stop(t) })
	return p
}

// says waits for a line that begins with prefix and returns the rest of it.
func (p *program) says(t *testing.T, prefix string) string {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case line := <-p.lines:
			if rest, ok := strings.CutPrefix(line, prefix); ok {
				return rest
			}
		case <-p.ended:
			t.Fatalf("the program ended before it said %q: %v", prefix, p.err)
		case <-late:
			t.Fatalf("the program did not say %q in %v", prefix, patience)
		}
	}
}

// stop ends the program as an operator would.
func (p *program) stop(t *testing.T) {
	t.Helper()
	select {
	case <-p.ended:
		return
	default:
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
		if p.err != nil {
			t.Errorf("after SIGTERM: %v, want exit code 0", p.err)
		}
	case <-time.After(patience):
		t.Errorf("still running %v after SIGTERM", patience)
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}
