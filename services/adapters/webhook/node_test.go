package webhook

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/tandem-sync/tandem/api/adapter/adaptertest"
	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
	"github.com/tandem-sync/tandem/services/internal/backend"
)

// node runs the example service for Node.js and returns its address.
func node(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, "node", "example/service.mjs")
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Env = append(os.Environ(), "SECRET="+testSecret, "PORT=0")
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // ended by the signal
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	port, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		t.Fatalf("the service said %q (%v)", line, err)
	}
	return "http://127.0.0.1:" + port
}

func TestNodeService(t *testing.T) {
	cc, stop := backend.InProcess(open1(t, node(t), Options{RemembersKeys: true}))
	defer stop()
	skip := map[string]string{"RoundTrip/LoneSurrogates": "Node.js writes no lone surrogates into UTF-8"}
	for _, name := range []string{"None", "LifeCycle", "Repeated", "RepeatedAfterRemoval", "WithoutBackendRecord", "WithoutPreAndPost", "HostileHash", "OtherDataset"} {
		skip["Collisions/"+name] = "the example keeps no collisions"
	}
	adaptertest.Exercise(t, adapterv1.NewAdapterServiceClient(cc), adaptertest.Options{Skip: skip})
}
