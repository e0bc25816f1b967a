package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
	"github.com/tandem-sync/tandem/services/adapters/webhook/example"
)

// inFolder writes files into a folder of the test's own.
func inFolder(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// createAndRead makes a record through an adapter and reads it.
func createAndRead(t *testing.T, addr, data string) string {
	t.Helper()
	cc, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer cc.Close()
	client, in := adapterv1.NewAdapterServiceClient(cc), &adapterv1.Context{Dataset: "shopping"}
	created, err := client.Create(t.Context(), &adapterv1.CreateRequest{Context: in, Data: []byte(data), IdempotencyKey: "k"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.Read(t.Context(), &adapterv1.ReadRequest{Context: in, Uid: created.GetUid()})
	if err != nil {
		t.Fatal(err)
	}
	return string(got.GetData())
}

func TestAdapterWebhook(t *testing.T) {
	const secret = "0123456789abcdef0123456789abcdef"
	service := httptest.NewServer(example.New(secret))
	t.Cleanup(service.Close)
	dir := inFolder(t, map[string]string{"secret": secret, "adapter.yaml": "url: " + service.URL + "\nsecretFile: secret\ncompareAndWrite: true\n"})
	s := launch(t, "adapter", "webhook", "--adapter-listen", "127.0.0.1:0", "--adapter-config-file", filepath.Join(dir, "adapter.yaml"))
	if got := createAndRead(t, s.says(`tandem adapter webhook is ready on (\S+)`), `{"item":"milk"}`); got != `{"item":"milk"}` {
		t.Error(got)
	}
	s.stop()
}

// A second process waits until the first one has given the directory back.
func TestAdapterCSV(t *testing.T) {
	dir := inFolder(t, map[string]string{"shopping.csv": "id,item\n", "adapter.yaml": "directory: .\nsettle: 1ms\n"})
	args := []string{"adapter", "csv", "--adapter-listen", "127.0.0.1:0", "--adapter-config-file", filepath.Join(dir, "adapter.yaml")}
	first := launch(t, args...)
	if got := createAndRead(t, first.says(`tandem adapter csv is ready on (\S+)`), `{"item":"milk"}`); got != `{"item":"milk"}` {
		t.Error(got)
	}
	second := launch(t, args...)
	second.says("another adapter writes to this directory")
	first.stop()
	// The key is still known: no second record.
	createAndRead(t, second.says(`tandem adapter csv is ready on (\S+)`), `{"item":"milk"}`)
	second.stop()
	text, err := os.ReadFile(filepath.Join(dir, "shopping.csv"))
	if err != nil || strings.Count(string(text), "milk") != 1 {
		t.Errorf("%s, %v", text, err)
	}
}

func TestAdapterSettings(t *testing.T) {
	dir := inFolder(t, map[string]string{"bad.yaml": "directori: .\n", "empty.yaml": "{}\n"})
	for _, kind := range []string{"webhook", "csv"} {
		for file, want := range map[string]string{
			"": "--adapter-config-file", filepath.Join(dir, "none.yaml"): "adapterConfigFile",
			filepath.Join(dir, "bad.yaml"): "directori", filepath.Join(dir, "empty.yaml"): "is missing",
		} {
			_, errs, code := run(t, "adapter", kind, "--adapter-listen", "127.0.0.1:0", "--adapter-config-file", file)
			if line := lastLine(errs); code != 1 || !strings.HasPrefix(line, "tandem: ") || !strings.Contains(line, want) {
				t.Errorf("%s %q: exit code %d: %s", kind, file, code, errs)
			}
		}
	}
}
