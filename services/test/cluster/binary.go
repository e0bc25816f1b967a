package cluster

import (
	"fmt"
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
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var built = sync.OnceValues(func() (string, error) {
	_, here, _, ok := runtime.Caller(0)
	if !ok {
		return "", fmt.Errorf("cluster: built without the paths of its source")
	}
	services := filepath.Join(filepath.Dir(here), "..", "..")
	// One file for all, which outlives the test process: one that is killed removes
	// nothing. It is put in its place whole, and who runs the one before keeps that.
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("tandem-test-%d", os.Getuid()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "tandem")
	fresh := fmt.Sprintf("%s.%d", path, os.Getpid())
	cmd := exec.Command("go", "build", "-o", fresh, "./cmd/tandem") //nolint:noctx // it is bounded by the test
	cmd.Dir = services
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, os.Rename(fresh, path)
})
