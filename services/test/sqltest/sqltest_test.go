package sqltest_test

import (
	"bufio"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/test/sqltest"
)

func TestDatabases(t *testing.T) {
	for name, get := range map[string]func(testing.TB) string{"postgres": sqltest.Postgres, "mariadb": sqltest.MariaDB} {
		t.Run(name, func(t *testing.T) {
			var first string
			t.Run("with a database", func(t *testing.T) {
				first = get(t)
				if second := get(t); second == first {
					t.Error("one database for two:", first)
				}
				if _, err := sqltest.Open(t, first).Exec("CREATE TABLE x (y int)"); err != nil {
					t.Error(err)
				}
			})
			if err := sqltest.Open(t, first).Ping(); err == nil {
				t.Error("it is still there after its test")
			}
		})
	}
}

func TestStop(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *sqltest.Server{"postgres": sqltest.StartPostgres, "mariadb": sqltest.StartMariaDB} {
		t.Run(name, func(t *testing.T) {
			tmp := t.TempDir()
			for dir := tmp; dir != "/" && strings.HasPrefix(dir, os.TempDir()+"/"); dir = filepath.Dir(dir) {
				if err := os.Chmod(dir, 0o777); err != nil { // PostgreSQL may be run by another user
					t.Fatal(err)
				}
			}
			t.Setenv("TMPDIR", tmp)
			s := start(t)
			if err := sqltest.Open(t, s.URL()).Ping(); err != nil {
				t.Error(err)
			}
			s.Stop()
			s.Stop()
			waitGone(t, s.URL())
			if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// The helper process of TestKilled: starts servers, says where, and stays.
func TestHelperProcess(t *testing.T) {
	if os.Getenv("SQLTEST_HELPER") == "" {
		return
	}
	_, _ = os.Stdout.WriteString("\nAT " + sqltest.StartPostgres(t).URL() + "\nAT " + sqltest.StartMariaDB(t).URL() + "\n")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// A test process that is killed takes its servers with it.
func TestKilled(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestHelperProcess$")
	cmd.Env = append(os.Environ(), "SQLTEST_HELPER=1")
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
	var urls []string
	for lines := bufio.NewScanner(stdout); len(urls) < 2 && lines.Scan(); {
		if u, ok := strings.CutPrefix(lines.Text(), "AT "); ok {
			urls = append(urls, u)
		}
	}
	if len(urls) < 2 {
		t.Fatal("the helper did not say where its servers are")
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	for _, u := range urls {
		waitGone(t, u)
	}
}

// waitGone waits until nobody listens at u.
func waitGone(t *testing.T, u string) {
	t.Helper()
	at, err := url.Parse(u)
	if err != nil {
		t.Fatal(err)
	}
	tick, deadline := time.NewTicker(20*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for {
		c, err := net.Dial("tcp", at.Host)
		if err != nil {
			return
		}
		_ = c.Close()
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("still listening:", u)
		}
	}
}
