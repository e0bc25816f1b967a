package cluster

import (
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// Binary returns the path of a tandem binary made of the code under test. It is
// built once per test process.
func Binary(t testing.TB) string {
	t.Helper()
	return path(t, thisVersion)
}

// NextBinary returns the path of a binary that stands for the version after the one
// under test: its data take a migration more (services/internal/store/mongo, next.go).
func NextBinary(t testing.TB) string {
	t.Helper()
	return path(t, nextVersion)
}

var (
	thisVersion = sync.OnceValues(func() (string, error) { return build("tandem") })
	nextVersion = sync.OnceValues(func() (string, error) {
		return build("tandem-next", "-tags", "tandem_next", "-ldflags", "-X main.version=next")
	})
)

func path(t testing.TB, built func() (string, error)) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func build(name string, flags ...string) (string, error) {
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		return "", fmt.Errorf("cluster: built without the paths of its source")
	}
	// One file for all, which outlives the test process: one that is killed removes
	// nothing. It is put in its place whole, and who runs the one before keeps that.
	// Each checkout has its own.
	checkout := fnv.New32a()
	_, _ = checkout.Write([]byte(here))
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("tandem-test-%d-%08x", os.Getuid(), checkout.Sum32()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(dir, name)
	fresh := fmt.Sprintf("%s.%d", path, os.Getpid())
	cmd := exec.Command("go", append(append([]string{"build", "-o", fresh}, flags...), "./cmd/tandem")...) //nolint:noctx,gosec // bounded by the test
	cmd.Dir = filepath.Join(filepath.Dir(here), "..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, os.Rename(fresh, path)
}
