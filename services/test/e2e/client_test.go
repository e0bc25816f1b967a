package e2e_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const clientDir = "client"

// TestRealClient runs client/*.test.mjs against a server of its own. One file or
// scenario: see client/README.md.
func TestRealClient(t *testing.T) {
	server := startTandem(t, serveFailing(t))
	runClient(t, server.url, server.admin)
	server.stop(t)
}

// runClient runs the client's tests against the server at url. "stop DATASET" and
// "start DATASET" are added to the shell command admin.
func runClient(t *testing.T, url, admin string) {
	t.Helper()
	node := findNode(t)
	installClient(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "--test", "--test-reporter=spec")
	cmd.Dir = clientDir
	cmd.Env = append(os.Environ(), "TANDEM_URL="+url, "TANDEM_ADMIN="+admin)
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Run(); err != nil {
		t.Errorf("node --test in %s: %v", clientDir, err)
	}
}

func findNode(t *testing.T) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("this test needs Node.js 20 or newer on the PATH (it runs npm fh-sync-js): ", err)
	}
	out, err := exec.CommandContext(t.Context(), node, "--version").Output()
	if err != nil {
		t.Fatalf("%s --version: %v", node, err)
	}
	version := strings.TrimSpace(string(out))
	major, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < 20 {
		t.Fatalf("this test needs Node.js 20 or newer, %s is %s", node, version)
	}
	return node
}

// installClient runs npm ci unless what the lock file names is there.
func installClient(t *testing.T) {
	t.Helper()
	lock, err := os.Stat(filepath.Join(clientDir, "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	// npm writes this file at the end of an installation.
	installed, err := os.Stat(filepath.Join(clientDir, "node_modules", ".package-lock.json"))
	if err == nil && !installed.ModTime().Before(lock.ModTime()) {
		return
	}
	cmd := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	cmd.Dir = clientDir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm ci in %s: %v\n%s", clientDir, err, out)
	}
}
