package crash

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// server is a `tandem all` process and its successors on the same data folder.
type server struct {
	t    *testing.T
	bin  string
	data string
	url  atomic.Value // string

	cmd  *exec.Cmd
	log  *tail
	done chan error
}

// settings make everything happen within a second or so.
var settings = []string{
	"--listen=127.0.0.1:0", "--access-log=false", "--log-level=warn",
	"--sync-frequency=300ms", "--max-schedule-wait-time=2s", "--backend-list-timeout=3s",
	"--scheduler-interval=100ms", "--scheduler-lock-max-time=1s",
	"--pending-worker-concurrency=4", "--pending-worker-retry-interval-in-seconds=1", "--pending-worker-backoff=exp:200ms",
	"--ack-worker-backoff=exp:200ms", "--sync-worker-backoff=exp:200ms", "--collect-stats-interval=200ms",
}

// build makes the binary.
func build(t *testing.T) *server {
	t.Helper()
	s := &server{t: t, bin: filepath.Join(t.TempDir(), "tandem"), data: t.TempDir(), log: &tail{}}
	s.url.Store("http://127.0.0.1:1") // nobody is there yet
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", s.bin, "../../cmd/tandem").CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	t.Cleanup(func() {
		if s.cmd != nil {
			_ = s.cmd.Process.Kill()
			t.Logf("the server was left behind: %v", <-s.done)
		}
		if t.Failed() {
			t.Logf("the server's last words:\n%s", s.log)
		}
	})
	return s
}

// start starts the process and waits until it says where it is.
func (s *server) start() {
	s.t.Helper()
	s.cmd = exec.Command(s.bin, append([]string{"all", "--data", s.data}, settings...)...) //nolint:noctx // it is to be killed by us alone
	s.cmd.Stderr = s.log
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.done = make(chan error, 1)
	urls := make(chan string, 1)
	go func(cmd *exec.Cmd, done chan<- error) {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if name, url, _ := strings.Cut(strings.TrimSpace(lines.Text()), " "); name == "URL" {
				urls <- strings.TrimSpace(url)
			}
		}
		done <- cmd.Wait()
	}(s.cmd, s.done)
	select {
	case url := <-urls:
		s.url.Store(url)
	case err := <-s.done:
		s.done <- err
		s.t.Fatalf("the server ended at its start: %v", err)
	case <-time.After(20 * time.Second):
		s.t.Fatal("the server does not say where it is")
	}
}

// kill ends the process at once, as a power cut does.
func (s *server) kill() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		s.t.Fatalf("the server ended by itself: %v", err)
	}
	err := <-s.done
	if status, ok := s.cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		s.t.Fatalf("the server ended by itself: %v", err)
	}
	s.cmd = nil
}

// stop ends the process in order.
func (s *server) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	select {
	case err := <-s.done:
		if err != nil {
			s.t.Fatalf("SIGTERM does not end the server in order: %v", err)
		}
		s.cmd = nil
	case <-time.After(40 * time.Second):
		s.t.Fatal("SIGTERM does not end the server")
	}
}

// queued is how many messages wait or are in work, as the server counts them.
func (s *server) queued() (int, error) {
	resp, err := http.Get(s.url.Load().(string) + "/mbaas/sync/stats") //nolint:noctx // it answers at once or not at all
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	var stats struct {
		Sizes map[string]struct {
			Current *int `json:"current"`
		} `json:"Job Queue Size"`
	}
	if err := json.Unmarshal(body, &stats); err != nil {
		return 0, fmt.Errorf("%s: %w", body, err)
	}
	total := 0
	for _, worker := range []string{"pending_worker", "ack_worker", "sync_worker"} {
		n := stats.Sizes[worker].Current
		if n == nil {
			return 0, fmt.Errorf("no size of %s in %s", worker, body)
		}
		total += *n
	}
	return total, nil
}

// tail keeps the end of a log.
type tail struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.buf.Len() > 64<<10 {
		l.buf.Next(32 << 10)
	}
	return l.buf.Write(p)
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
