package cluster

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds each start and each orderly stop.
const patience = time.Minute

// Process is one process of the cluster, and its successors after Restart.
type Process struct {
	Name string // role and number, for messages

	t      testing.TB
	bin    string
	args   []string
	env    []string
	log    *Log
	onLine func(address string) // called with what the ready line names

	mu      sync.Mutex
	cmd     *exec.Cmd
	ended   chan struct{}
	result  error
	address string
}

// Log keeps the last words of a process, and how often it has said what.
type Log struct {
	mu    sync.Mutex
	lines []string
	said  map[string]int // by message
}

const logLines = 400

func (l *Log) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lines = append(l.lines, line); len(l.lines) > logLines {
		l.lines = l.lines[1:]
	}
	if _, msg, ok := strings.Cut(line, ` msg="`); ok {
		if l.said == nil {
			l.said = map[string]int{}
		}
		msg, _, _ = strings.Cut(msg, `"`)
		l.said[msg]++
	}
}

// count is how many messages had text in them.
func (l *Log) count(text string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for msg, times := range l.said {
		if strings.Contains(msg, text) {
			n += times
		}
	}
	return n
}

func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

// Log is what the process has said, the newest lines of it.
func (p *Process) Log() string { return p.log.String() }

// Said counts the messages with text in them that the process has logged so far.
func (p *Process) Said(text string) int { return p.log.count(text) }

// Address is where the process listens, "" when it does not.
func (p *Process) Address() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.address
}

// Use makes the next Restart take another binary.
func (p *Process) Use(binary string) { p.bin = binary }

// Env sets an environment variable for the next Restart.
func (p *Process) Env(name, value string) { p.env = append(p.env, name+"="+value) }

// Restart starts the process; it has ended or was never there. It returns when the
// process says that it is ready.
func (p *Process) Restart() {
	p.t.Helper()
	p.Await(p.Launch())
}

// Await waits until a process that was launched is ready, for a minute at most.
func (p *Process) Await(ready <-chan struct{}) {
	p.t.Helper()
	select {
	case <-ready:
	case <-p.ended:
		p.t.Fatalf("%s ended at its start: %v\n%s", p.Name, p.result, p.log)
	case <-time.After(patience):
		p.t.Fatalf("%s is not ready after %v\n%s", p.Name, patience, p.log)
	}
}

// Launch starts the process and returns a channel that is closed when it is ready.
func (p *Process) Launch() <-chan struct{} {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	cmd := exec.Command(p.bin, p.args...) //nolint:noctx,gosec // its end is up to the test
	cmd.Env = append(os.Environ(), p.env...)
	cmd.SysProcAttr = dieWithParent()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	ready, ended := make(chan struct{}), make(chan struct{})
	p.cmd, p.ended = cmd, ended
	var readers sync.WaitGroup
	readers.Go(func() { p.follow(stdout, ready) })
	readers.Go(func() { p.follow(stderr, nil) })
	go func() {
		readers.Wait()
		p.result = cmd.Wait()
		close(ended)
	}()
	return ready
}

// follow notes what the process says, and finds the line by which it says that it
// is ready.
func (p *Process) follow(from io.Reader, ready chan struct{}) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		p.log.add(line)
		if ready == nil || !strings.HasPrefix(line, "tandem ") || !strings.Contains(line, " is ready") {
			continue
		}
		_, address, _ := strings.Cut(line, " is ready on ")
		p.mu.Lock()
		p.address = strings.TrimPrefix(address, "http://")
		p.mu.Unlock()
		if p.onLine != nil {
			p.onLine(p.Address())
		}
		close(ready)
		ready = nil
	}
}

// Running tells whether the process has not ended.
func (p *Process) Running() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return false
	}
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// PID is the number of the process that runs, or ran last.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cmd.Process.Pid
}

// Signal sends a signal to the process.
func (p *Process) Signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("%s to %s: %v\n%s", s, p.Name, err, p.log)
	}
}

// Kill ends the process at once, as a power cut does. It must be running.
func (p *Process) Kill() {
	p.t.Helper()
	p.Signal(syscall.SIGKILL)
	<-p.ended
	if status, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		p.t.Fatalf("%s had ended by itself: %v\n%s", p.Name, p.result, p.log)
	}
}

// Pause stops the process in the middle of whatever it does, until Resume.
func (p *Process) Pause() { p.t.Helper(); p.Signal(syscall.SIGSTOP) }

// Resume lets a paused process go on, unaware of the time that has passed.
func (p *Process) Resume() { p.t.Helper(); p.Signal(syscall.SIGCONT) }

// Stop asks the process to end, as an operator or Kubernetes does, and holds it to
// an orderly end.
func (p *Process) Stop() {
	p.t.Helper()
	p.Signal(syscall.SIGTERM)
	if err := p.Wait(); err != nil {
		p.t.Errorf("%s after SIGTERM: %v, want exit code 0\n%s", p.Name, err, p.log)
	}
}

// Wait returns how the process ended.
func (p *Process) Wait() error {
	select {
	case <-p.ended:
		return p.result
	case <-time.After(patience):
		return fmt.Errorf("it still runs after %v", patience)
	}
}

// leave ends whatever is left of the process.
func (p *Process) leave() {
	if !p.Running() {
		return
	}
	_ = p.cmd.Process.Kill() // SIGKILL reaches a paused process, too
	<-p.ended
}
