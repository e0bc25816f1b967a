package sqlite

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

func TestOnePerFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tandem.db")
	first := open(t, Options{Path: path})
	_, err := Open(t.Context(), Options{Path: path})
	if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want one that names %s", err, path)
	}
	if err := first.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	open(t, Options{Path: path})
}

func TestOddPaths(t *testing.T) {
	for _, name := range []string{"with space", "a?b=c&d", "100%41", "#x", "æ🦊", "'quote\""} {
		path := filepath.Join(t.TempDir(), name, name+".db")
		s := open(t, Options{Path: path})
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}
}

func TestRefusesNewerSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tandem.db")
	s := open(t, Options{Path: path})
	err := s.write(t.Context(), "test", func(tx session) error {
		_, err := tx.conn.raw.ExecContext(tx.ctx, fmt.Sprintf("PRAGMA user_version = %d", len(migrations)+1))
		return err
	})
	if err = errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), Options{Path: path})
	if err == nil || !strings.Contains(err.Error(), "newer version") || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want one that tells of a newer version", err)
	}
	// The refusal let go of the file.
	if _, err := Open(t.Context(), Options{Path: path}); errors.Is(err, store.ErrUnavailable) {
		t.Errorf("error %v after a refused Open", err)
	}
}

func TestRefusesWhatIsNoDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tandem.db")
	if err := os.WriteFile(path, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Path: path}); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v, want one that names the file", err)
	}
	if _, err := Open(t.Context(), Options{Path: filepath.Join(path, "below a file", "x.db")}); err == nil {
		t.Error("no error for a directory that can't be made")
	}
}

// TestMigrationThatFails leaves the database as it was.
func TestMigrationThatFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tandem.db")
	if err := open(t, Options{Path: path}).Close(); err != nil {
		t.Fatal(err)
	}
	defer func(old []string) { migrations = old }(migrations)
	migrations = append(slices.Clone(migrations), "CREATE TABLE extra (a); CREATE TABLE extra (a);")
	if _, err := Open(t.Context(), Options{Path: path}); err == nil || !strings.Contains(err.Error(), fmt.Sprint("version ", len(migrations))) {
		t.Errorf("error %v, want one that names the version", err)
	}
	migrations[len(migrations)-1] = "CREATE TABLE extra (a);"
	s := open(t, Options{Path: path})
	err := s.read(t.Context(), "test", func(tx session) error {
		_, err := tx.exists("SELECT 1 FROM extra")
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

const childPath = "TANDEM_TEST_CHILD_PATH"

// TestKilled kills a process that writes, without warning, and finds in the file
// all that the process was told is stored, and no lock that keeps us out.
func TestKilled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tandem.db")
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledChild$")
	child.Env = append(os.Environ(), childPath+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var stored []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if stored = append(stored, lines.Text()); len(stored) == 100 {
			if _, err := Open(t.Context(), Options{Path: path}); !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("a second process: %v, want %v", err, store.ErrUnavailable)
			}
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = child.Wait()
	if len(stored) < 100 {
		t.Fatalf("the child stored %d changes", len(stored))
	}
	s := open(t, Options{Path: path})
	wantConsistent(t, s)
	claimed, err := s.ClaimChanges(t.Context(), 1_000_000, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, c := range claimed {
		found[c.Change.Hash] = true
	}
	for _, hash := range stored {
		if !found[hash] {
			t.Errorf("%s was stored and is gone", hash)
		}
	}
}

// TestKilledChild is the process that TestKilled kills.
func TestKilledChild(t *testing.T) {
	path := os.Getenv(childPath)
	if path == "" {
		return // by itself it is no test: TestKilled judges it
	}
	s := open(t, Options{Path: path})
	for i := 0; ; i++ {
		hash := fmt.Sprint("h", i)
		if _, err := s.EnqueueChanges(t.Context(), []record.Change{change(hash, "{}")}); err != nil {
			t.Fatal(err)
		}
		fmt.Println(hash)
	}
}

// What a device was promised survives a power cut, which no test can try.
func TestDurability(t *testing.T) {
	s := open(t, Options{Path: filepath.Join(t.TempDir(), "tandem.db")})
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal"} { // 2: FULL
		var got string
		if err := s.writer.conn.raw.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, want %q (%v)", pragma, got, want, err)
		}
	}
}
