package sqltest

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// tries bounds how often a server is started anew since another process took its port in between.
const tries = 5

// startWithin bounds how long a server may take until it accepts connections.
const startWithin = 2 * time.Minute

// Server is one running server.
type Server struct {
	url   string
	hold  io.Closer     // while this is open the server lives
	ended chan struct{} // closed when it has ended
	out   tail
	once  sync.Once
}

// URL is the server's address, with a database that is always there (PostgreSQL) or none (MariaDB).
func (s *Server) URL() string { return s.url }

// Stop ends the server at once, as a crash would, and waits until it is gone. A second call does nothing.
func (s *Server) Stop() {
	s.once.Do(func() { _ = s.hold.Close() })
	<-s.ended
}

// keeper runs the server in $@ until that ends or its own standard input does, and then removes the folder
// $0. It outlives the signals that a terminal sends to a whole group, so that the folder is always removed.
const keeper = `trap '' INT HUP TERM
exec 3<&0
end=$1; shift
"$@" 3<&- </dev/null 2>&1 & server=$!
{ cat <&3; kill -$end $server; } >/dev/null 2>&1 & watcher=$!
wait $server
kill -9 $watcher
rm -rf "$0"`

// launch is how to start a server on a port.
type launch struct {
	dir   string // removed at the end
	end   string // the signal that ends it at once
	ready string // what it says when it listens
	url   string // with %d for the port
	args  func(port int) []string
	env   []string
	as    *syscall.SysProcAttr
}

func (l launch) start() (*Server, error) {
	for i := 0; ; i++ {
		s, err := l.on(freePort())
		if err == nil || i == tries {
			return s, err
		}
	}
}

func (l launch) on(port int) (*Server, error) {
	cmd := exec.Command("sh", append([]string{"-c", keeper, l.dir, l.end}, l.args(port)...)...)
	cmd.Env, cmd.SysProcAttr, cmd.Dir = l.env, l.as, l.dir
	s := &Server{url: fmt.Sprintf(l.url, port), ended: make(chan struct{})}
	var err error
	if s.hold, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	listens := make(chan struct{})
	go s.follow(cmd, stdout, l.ready, listens)
	select {
	case <-listens:
		return s, nil
	case <-s.ended:
		return nil, fmt.Errorf("%s ended while it started:\n%s", l.args(port)[0], s.out.String())
	case <-time.After(startWithin):
		s.Stop()
		return nil, fmt.Errorf("%s did not listen within %s:\n%s", l.args(port)[0], startWithin, s.out.String())
	}
}

// follow reads what the server prints until it ends, and closes listens when it says that it is ready.
func (s *Server) follow(cmd *exec.Cmd, stdout io.Reader, ready string, listens chan<- struct{}) {
	lines := bufio.NewReader(stdout)
	for {
		line, err := lines.ReadString('\n')
		_, _ = s.out.Write([]byte(line))
		if listens != nil && strings.Contains(line, ready) {
			close(listens)
			listens = nil
		}
		if err != nil {
			break
		}
	}
	_ = cmd.Wait()
	close(s.ended)
}

// freePort finds a port that nobody listens on.
func freePort() int {
	for {
		port := 16384 + rand.IntN(16384)
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err == nil {
			_ = l.Close()
			return port
		}
	}
}

// tail keeps the last of what a server said, for a message.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if keep := 4 << 10; len(t.text) > keep {
		t.text = t.text[len(t.text)-keep:]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}
