package settings_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/adapters/internal/settings"
)

func TestRead(t *testing.T) {
	type file struct {
		Name string            `yaml:"name"`
		Wait settings.Duration `yaml:"wait"`
	}
	path := filepath.Join(t.TempDir(), "adapter.yaml")
	for text, want := range map[string]string{
		"name: a\nwait: 1m30s\n": "",
		"nam: a\n":               "nam",
		"wait: 10\n":             "no length of time",
		"wait: -1s\n":            "no length of time",
		"":                       "empty",
		"name: a\n---\nname: b":  "more than one",
		"name: [":                "yaml",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out := file{Wait: settings.Duration(time.Second)}
		err := settings.Read(path, &out)
		switch {
		case want == "" && (err != nil || out.Name != "a" || time.Duration(out.Wait) != 90*time.Second):
			t.Errorf("%q: %+v, %v", text, out, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path)):
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if err := settings.Read(path+"x", &file{}); err == nil || !strings.Contains(err.Error(), "adapterConfigFile") {
		t.Error(err)
	}
}

func TestBeside(t *testing.T) {
	for in, want := range map[string]string{"": "", "ca.pem": "/etc/tandem/ca.pem", "/run/ca.pem": "/run/ca.pem"} {
		if got := settings.Beside("/etc/tandem/adapter.yaml", in); got != want {
			t.Errorf("%q: got %q", in, got)
		}
	}
}
