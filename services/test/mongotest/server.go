package mongotest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// tries bounds how often a server is started anew since another process took its port in between.
const tries = 5

// startWithin bounds how long a server may take until it accepts connections.
const startWithin = time.Minute

// Server is one running server.
type Server struct {
	port  int
	cmd   *exec.Cmd
	hold  io.Closer     // while this is open the server lives
	ended chan struct{} // closed when it has ended
	out   tail
	once  sync.Once
}

// URI is the server's address for the driver, without a database.
func (s *Server) URI() string { return fmt.Sprintf("mongodb://127.0.0.1:%d", s.port) }

// Stop ends the server at once, as a power cut would, and waits until it is gone. A second call does nothing.
func (s *Server) Stop() {
	s.once.Do(func() { _ = s.hold.Close() })
	<-s.ended
}

// start starts a server, on another port if the first was taken.
func start() (*Server, error) {
	command, err := find()
	if err != nil {
		return nil, err
	}
	for i := 0; ; i++ {
		s, err := startOn(freePort(), command)
		if err == nil || i == tries {
			return s, err
		}
	}
}

// find returns how to start a server: its command line for a port.
func find() (func(port int) (*exec.Cmd, error), error) {
	if path, err := exec.LookPath("mongod"); err == nil {
		return func(port int) (*exec.Cmd, error) { return mongod(path, port) }, nil
	}
	root, err := repository()
	if err != nil {
		return nil, err
	}
	if out, err := exec.Command(filepath.Join(root, "hack/mongo/build.sh")).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("hack/mongo/build.sh: %w\n%s", err, out)
	}
	target := filepath.Join(root, "hack/mongo/target")
	classes := filepath.Join(target, "classes") + string(filepath.ListSeparator) + filepath.Join(target, "lib", "*")
	return func(port int) (*exec.Cmd, error) {
		return exec.Command("java", "-Xmx256m", "-cp", classes, "TestMongo", strconv.Itoa(port), "until-eof"), nil
	}, nil
}

// keeper runs the server in $@ until that ends or its own standard input does, and then removes the folder
// $0. It outlives the signals that a terminal sends to a whole group, so that the folder is always removed.
const keeper = `trap '' INT HUP TERM
exec 3<&0
"$@" 3<&- </dev/null & server=$!
{ cat <&3; kill -9 $server; } >/dev/null 2>&1 & watcher=$!
wait $server
kill -9 $watcher
rm -rf "$0"`

// mongod is kept by a shell, since it does not look at its standard input itself.
func mongod(path string, port int) (*exec.Cmd, error) {
	dir, err := os.MkdirTemp("", "mongotest")
	if err != nil {
		return nil, err
	}
	return exec.Command("sh", "-c", keeper, dir,
		path, "--dbpath", dir, "--port", strconv.Itoa(port), "--bind_ip", "127.0.0.1"), nil
}

// startOn starts a server and waits until it says that it listens.
func startOn(port int, command func(int) (*exec.Cmd, error)) (*Server, error) {
	cmd, err := command(port)
	if err != nil {
		return nil, err
	}
	s := &Server{port: port, cmd: cmd, ended: make(chan struct{})}
	if s.hold, err = cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = &s.out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	listens := make(chan struct{})
	go s.follow(stdout, listens)
	select {
	case <-listens:
		return s, nil
	case <-s.ended:
		return nil, fmt.Errorf("%s ended while it started:\n%s", cmd.Path, s.out.String())
	case <-time.After(startWithin):
		s.Stop()
		return nil, fmt.Errorf("%s did not listen within %s:\n%s", cmd.Path, startWithin, s.out.String())
	}
}

// follow reads what the server prints until it ends, and closes listens when it says so.
func (s *Server) follow(stdout io.Reader, listens chan<- struct{}) {
	lines := bufio.NewReader(stdout)
	for {
		line, err := lines.ReadString('\n')
		_, _ = s.out.Write([]byte(line))
		said := strings.HasPrefix(line, "LISTENING ") || strings.Contains(strings.ToLower(line), "waiting for connections")
		if said && listens != nil {
			close(listens)
			listens = nil
		}
		if err != nil {
			break
		}
	}
	_ = s.cmd.Wait()
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

// repository finds the folder with go.work, from the folder of the test upwards.
func repository() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, e := os.Stat(filepath.Join(dir, "go.work")); e == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.work here or above: the server of hack/mongo is found from within the repository only")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
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
