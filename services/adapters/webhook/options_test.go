package webhook

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/adapters/webhook/example"
	"github.com/tandem-sync/tandem/services/internal/endpoint/certtest"
)

func TestReadOptions(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "adapter.yaml")
	for _, name := range []string{"webhook-secret", "orders-secret"} {
		writeFile(t, filepath.Join(dir, name), testSecret)
	}
	text, err := os.ReadFile("example/adapter.yaml")
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, path, string(text))
	o, err := ReadOptions(path)
	if err != nil {
		t.Fatal(err)
	}
	orders := Target{"https://orders.example/hook", filepath.Join(dir, "orders-secret")}
	if o.URL != "https://shop.example/tandem" || o.Datasets["orders"] != orders || o.Timeout != 10*time.Second || o.Retries != 3 ||
		!o.CompareAndWrite || o.RemembersKeys || o.CAFile != filepath.Join(dir, "ca.pem") || o.MaxResponse != defaultMaxResponse {
		t.Errorf("%+v", o)
	}
	for text, want := range map[string]string{
		"secretFile: webhook-secret":                                               "url is missing",
		"url: https://a.example":                                                   "secretFile is missing",
		"url: a.example\nsecretFile: webhook-secret":                               "must begin with https://",
		"url: https://u:p@a.example\nsecretFile: webhook-secret":                   "must not hold a user",
		"url: https://a.example\nsecretFile: nowhere":                              "nowhere",
		"url: https://a.example\nsecretFile: webhook-secret\nretry: 1":             "retry",
		"url: https://a.example\nsecretFile: webhook-secret\ndatasets: {..: {}}":   "dataset id",
		"url: https://a.example\nsecretFile: webhook-secret\ntls: {certFile: a}":   "go together",
		"secretFile: webhook-secret\ndatasets: {orders: {url: 'ftp://a.example'}}": "datasets.orders.url",
	} {
		writeFile(t, path, text)
		if _, err := ReadOptions(path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	writeFile(t, path, "url: https://a.example\nsecretFile: webhook-secret\nretries: 0\ndatasets: {orders: {url: 'https://b.example/{dataset}?o={operation}'}}")
	o, err = ReadOptions(path)
	if err != nil || o.Retries >= 0 || o.Datasets["orders"].SecretFile != o.SecretFile {
		t.Errorf("%+v, %v", o, err)
	}
	if got := o.Datasets["orders"].address("list", "é/x"); got != "https://b.example/%C3%A9%2Fx?o=list" {
		t.Error(got)
	}
}

// A dataset goes to the service that is set for it, and one without any waits.
func TestServicePerDataset(t *testing.T) {
	record := func(name string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"data":{"from":"` + name + `"}}`))
		}
	}
	file := secretFile(t, testSecret)
	read := func(o Options, dataset string) string {
		t.Helper()
		a, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		data, err := a.Read(t.Context(), adapter.ReadRequest{Dataset: dataset, UID: "u"})
		if err != nil {
			return err.Error()
		}
		return string(data)
	}
	own := map[string]Target{"orders": {URL: serve(t, record("orders"))}}
	both := Options{Target: Target{serve(t, record("all")), file}, Datasets: own}
	if a, b := read(both, "orders"), read(both, "x"); a != `{"from":"orders"}` || b != `{"from":"all"}` {
		t.Error(a, b)
	}
	if got := read(Options{Target: Target{SecretFile: file}, Datasets: own}, "x"); !strings.Contains(got, "datasets.x.url") {
		t.Error(got)
	}
}

func TestTLS(t *testing.T) {
	dir, other := t.TempDir(), t.TempDir()
	certtest.New(t).Write(dir, "localhost")
	certtest.New(t).Write(other, "localhost")
	in := func(dir, name string) string { return filepath.Join(dir, name+".pem") }
	pair, err := tls.LoadX509KeyPair(in(dir, "cert"), in(dir, "key"))
	if err != nil {
		t.Fatal(err)
	}
	authority, err := os.ReadFile(in(dir, "ca"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	s := httptest.NewUnstartedServer(example.New(testSecret))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	for name, c := range map[string]struct {
		ca, cert string
		ok       bool
	}{"both": {dir, dir, true}, "no certificate": {dir, "", false}, "another authority": {other, dir, false}, "a stranger": {dir, other, false}, "the machine's": {"", dir, false}} {
		o := Options{Retries: -1}
		if c.ca != "" {
			o.CAFile = in(c.ca, "ca")
		}
		if c.cert != "" {
			o.CertFile, o.KeyFile = in(c.cert, "cert"), in(c.cert, "key")
		}
		if err := open1(t, strings.Replace(s.URL, "127.0.0.1", "localhost", 1), o).Ping(t.Context()); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
