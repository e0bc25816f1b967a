package endpoint_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-sync/tandem/services/internal/endpoint"
	"github.com/tandem-sync/tandem/services/internal/endpoint/certtest"
)

func load(t *testing.T, files endpoint.TLS) endpoint.Endpoint {
	t.Helper()
	s, err := endpoint.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	return endpoint.Endpoint{Address: "a:1", Security: s}
}

// TestKey: the same way to a service is the same key, another way is another.
func TestKey(t *testing.T) {
	dir := t.TempDir()
	authority := certtest.New(t)
	authority.Write(dir, "tandem")
	files := endpoint.TLS{CAFile: filepath.Join(dir, "ca.pem"), CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	first := load(t, files)
	if again := load(t, files); again.Key() != first.Key() {
		t.Error("loaded again it is another")
	}
	named := files
	named.ServerName = "x"
	keys := map[string]string{
		"as before": first.Key(), "another name": load(t, named).Key(), "the machine's authorities": load(t, endpoint.TLS{}).Key(),
		"unchecked": load(t, endpoint.TLS{Insecure: true}).Key(), "not said": endpoint.Endpoint{Address: "a:1"}.Key(),
		"plain": endpoint.Endpoint{Address: "a:1", Security: endpoint.Plain()}.Key(),
		"other": endpoint.Endpoint{Address: "b:1", Security: first.Security}.Key(),
	}
	authority.Write(dir, "tandem") // renewed
	keys["renewed"] = load(t, files).Key()
	seen := map[string]string{}
	for name, key := range keys {
		if other, twice := seen[key]; twice {
			t.Errorf("%s and %s have one key", name, other)
		}
		seen[key] = name
	}
}

func TestLoadErrors(t *testing.T) {
	dir := t.TempDir()
	certtest.New(t).Write(dir, "one")
	other := t.TempDir()
	certtest.New(t).Write(other, "two")
	junk := filepath.Join(dir, "junk.pem")
	if err := os.WriteFile(junk, []byte("junk"), 0o600); err != nil {
		t.Fatal(err)
	}
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(other, "key.pem")
	for want, files := range map[string]endpoint.TLS{
		"caFile: open " + dir + "/absent: no such file":                          {CAFile: dir + "/absent"},
		"caFile: " + junk + " holds no PEM certificate":                          {CAFile: junk},
		"keyFile: open " + dir + "/absent: no such file":                         {CertFile: cert, KeyFile: dir + "/absent"},
		"certFile: " + cert + " and " + key + " are no certificate with its key": {CertFile: cert, KeyFile: key},
	} {
		_, err := endpoint.Load(files)
		var bad *endpoint.FileError
		if !errors.As(err, &bad) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
