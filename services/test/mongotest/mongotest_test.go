package mongotest_test

import (
	"bufio"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-sync/tandem/services/test/mongotest"
)

func connect(t *testing.T, uri string) *mongo.Client {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(t.Context()) })
	return client
}

func TestShared(t *testing.T) {
	var name string
	t.Run("a test with a database", func(t *testing.T) {
		var uri string
		uri, name = mongotest.Database(t)
		if uri != mongotest.URI(t) {
			t.Error("two servers:", uri, mongotest.URI(t))
		}
		if _, other := mongotest.Database(t); other == name {
			t.Error("the same name twice:", name)
		}
		if _, err := connect(t, uri).Database(name).Collection("c").InsertOne(t.Context(), bson.M{"a": 1}); err != nil {
			t.Fatal(err)
		}
	})
	names, err := connect(t, mongotest.URI(t)).ListDatabaseNames(t.Context(), bson.M{"name": name})
	if err != nil || len(names) > 0 {
		t.Errorf("after the test: %v, %v", names, err)
	}
}

func TestStop(t *testing.T) {
	s := mongotest.Start(t)
	if s.URI() == mongotest.URI(t) {
		t.Error("not a server of its own")
	}
	if err := connect(t, s.URI()).Ping(t.Context(), nil); err != nil {
		t.Error(err)
	}
	s.Stop()
	s.Stop()
	waitGone(t, s.URI())
}

// mongod on the PATH goes first. This one is the server of hack/mongo behind a script with the same arguments,
// whose first start fails as with a port that is taken.
func TestMongod(t *testing.T) {
	mongotest.URI(t) // builds it
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	bin, tmp := t.TempDir(), t.TempDir()
	fake := `#!/bin/sh
test "$1 $3 $5" = "--dbpath --port --bind_ip" && test -d "$2" || exit 1
touch "$2/data"
test -e "$0.tried" || { touch "$0.tried"; echo "port in use"; exit 48; }
exec java -Xmx256m -cp '` + root + `/hack/mongo/target/classes:` + root + `/hack/mongo/target/lib/*' TestMongo "$4"
`
	if err := os.WriteFile(filepath.Join(bin, "mongod"), []byte(fake), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	t.Setenv("TMPDIR", tmp)
	s := mongotest.Start(t)
	if err := connect(t, s.URI()).Ping(t.Context(), nil); err != nil {
		t.Error(err)
	}
	s.Stop()
	waitGone(t, s.URI())
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// The helper process of TestKilled: starts a server, says where, and stays.
func TestHelperProcess(t *testing.T) {
	if os.Getenv("MONGOTEST_HELPER") == "" {
		return
	}
	_, _ = os.Stdout.WriteString("\nAT " + mongotest.Start(t).URI() + "\n")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// A test process that is killed takes its server with it.
func TestKilled(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestHelperProcess$")
	cmd.Env = append(os.Environ(), "MONGOTEST_HELPER=1")
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	uri := ""
	for lines := bufio.NewScanner(stdout); uri == "" && lines.Scan(); {
		uri, _ = strings.CutPrefix(lines.Text(), "AT ")
		if uri == lines.Text() {
			uri = ""
		}
	}
	if uri == "" {
		t.Fatal("the helper did not say where its server is")
	}
	if err := connect(t, uri).Ping(t.Context(), nil); err != nil {
		t.Error(err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	waitGone(t, uri)
}

// waitGone waits until nobody listens at uri.
func waitGone(t *testing.T, uri string) {
	t.Helper()
	tick, deadline := time.NewTicker(20*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for {
		c, err := net.Dial("tcp", strings.TrimPrefix(uri, "mongodb://"))
		if err != nil {
			return
		}
		_ = c.Close()
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("still listening:", uri)
		}
	}
}
