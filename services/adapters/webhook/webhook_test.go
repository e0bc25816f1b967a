package webhook

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/api/adapter/adaptertest"
	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
	"github.com/tandem-sync/tandem/services/adapters/webhook/example"
	"github.com/tandem-sync/tandem/services/internal/backend"
)

const (
	testSecret  = "0123456789abcdef0123456789abcdef"
	otherSecret = "fedcba9876543210fedcba9876543210"
)

func secretFile(t *testing.T, secrets ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	writeFile(t, path, strings.Join(secrets, "\n")+"\n")
	return path
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// open1 opens an adapter on a service; o is completed with its address and secret.
func open1(t *testing.T, url string, o Options) *Adapter {
	t.Helper()
	o.URL = url
	if o.SecretFile == "" {
		o.SecretFile = secretFile(t, testSecret)
	}
	a, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// serve runs a handler over real HTTP.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestConformance(t *testing.T) {
	described := newDescribed(t)
	url := serve(t, described.watch(example.New(testSecret)))
	a := open1(t, url+"/tandem/{dataset}/{operation}", Options{CompareAndWrite: true, RemembersKeys: true, Timeout: 30 * time.Second})
	cc, stop := backend.InProcess(a)
	defer stop()
	adaptertest.Exercise(t, adapterv1.NewAdapterServiceClient(cc), adaptertest.Options{})
	described.complete("ping")
}

func TestPing(t *testing.T) {
	if err := open1(t, serve(t, example.New(testSecret).ServeHTTP), Options{}).Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if err := open1(t, serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotImplemented) }), Options{}).Ping(t.Context()); err != nil {
		t.Error("a service that does not know ping has answered:", err)
	}
	if err := open1(t, serve(t, example.New(otherSecret).ServeHTTP), Options{Retries: -1}).Ping(t.Context()); err == nil {
		t.Error("no error with the wrong secret")
	}
}
