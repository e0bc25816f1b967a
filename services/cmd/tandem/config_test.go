package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/tandem-sync/tandem/services/internal/config"
)

func runConfig(t *testing.T, args ...string) (string, error) {
	t.Helper()
	t.Setenv("TANDEM_ACK_WORKER_CONCURRENCY", "3")
	var out bytes.Buffer
	cmd := newConfigCommand()
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceUsage = true
	cmd.SetArgs(args)
	err := cmd.Execute()
	return out.String(), err
}

func TestConfigCommand(t *testing.T) {
	out, err := runConfig(t, "--listen", "0.0.0.0:9000")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"0.0.0.0:9000", "flag --listen", "environment TANDEM_ACK_WORKER_CONCURRENCY"} {
		if !strings.Contains(out, want) {
			t.Errorf("missing %s in:\n%s", want, out)
		}
	}
}

func TestConfigCommandJSON(t *testing.T) {
	out, err := runConfig(t, "--json")
	if err != nil {
		t.Fatal(err)
	}
	var list []config.Setting
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(err)
	}
	if len(list) < 40 || list[0].Key == "" || list[0].Source == "" {
		t.Errorf("got %v", list)
	}
}

func TestConfigCommandErrors(t *testing.T) {
	if _, err := runConfig(t, "--lisen", ":1"); err == nil || !strings.Contains(err.Error(), "did you mean --listen?") {
		t.Errorf("got %v", err)
	}
	if _, err := runConfig(t, "--listen", "nowhere"); err == nil || !strings.Contains(err.Error(), "expected HOST:PORT") {
		t.Errorf("got %v", err)
	}
}
