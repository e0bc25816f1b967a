package e2e_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// All that this package knows of Tandem's command line is in this file.

// patience bounds the start and the orderly stop.
const patience = time.Minute

const settings = `
syncFrequency: 1
pendingWorkerConcurrency: 4
syncWorkerConcurrency: 4
datasets:
  failing: {syncFrequency: 1, adapter: %q}
`

// tandem is a running `tandem all`.
type tandem struct {
	url    string
	admin  string // shell command to which "stop DATASET" and "start DATASET" are added
	cmd    *exec.Cmd
	log    *bytes.Buffer // complete once ended is closed
	ended  chan struct{}
	result error // of Wait
}

// startTandem builds and starts a server whose dataset "failing" is served by the
// adapter at an address.
func startTandem(t *testing.T, failing string) *tandem {
	t.Helper()
	dir := t.TempDir()
	bin, data, config := filepath.Join(dir, "tandem"), filepath.Join(dir, "data"), filepath.Join(dir, "tandem.yaml")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "../../cmd/tandem")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	if err := os.WriteFile(config, fmt.Appendf(nil, settings, failing), 0o600); err != nil {
		t.Fatal(err)
	}

	s := &tandem{
		admin: quote(bin) + " admin --data " + quote(data),
		log:   new(bytes.Buffer),
		ended: make(chan struct{}),
		// Not bound to t.Context: that ends before the cleanup, and killing is not
		// how this process is to end.
		cmd: exec.Command(bin, "all", "--listen", "127.0.0.1:0", "--data", data, "--config", config, "--log-level", "warn"), //nolint:noctx // see above
	}
	s.cmd.Stderr = s.log
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	found := make(chan string, 1)
	go func() {
		findURL(stdout, found)
		s.result = s.cmd.Wait()
		close(s.ended)
	}()
	t.Cleanup(func() { s.kill(t) })
	select {
	case s.url = <-found:
	case <-s.ended:
		t.Fatalf("tandem all ended before it printed its URL: %v", s.result)
	case <-time.After(patience):
		t.Fatalf("tandem all printed no URL in %v", patience)
	}
	return s
}

// stop ends the server as an operator would.
func (s *tandem) stop(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatalf("SIGTERM: %v", err)
	}
	select {
	case <-s.ended:
		if s.result != nil {
			t.Errorf("tandem all after SIGTERM: %v, want exit code 0", s.result)
		}
	case <-time.After(patience):
		t.Errorf("tandem all still runs %v after SIGTERM", patience)
	}
}

// kill makes sure that nothing is left behind, and tells a failed test's reader
// what the server had to say.
func (s *tandem) kill(t *testing.T) {
	_ = s.cmd.Process.Kill() // it has usually ended
	<-s.ended
	if t.Failed() {
		t.Logf("log of tandem all:\n%s", s.log)
	}
}

var urlPattern = regexp.MustCompile(`http://[0-9a-zA-Z.:\[\]]+`)

// findURL sends the first URL that is printed and reads on to the end, so that
// the printing never blocks.
func findURL(out io.Reader, found chan<- string) {
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if url := urlPattern.FindString(lines.Text()); url != "" {
			found <- url
			break
		}
	}
	_, _ = io.Copy(io.Discard, out)
}

// quote makes a text one word for the shell.
func quote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
