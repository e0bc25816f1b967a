package datasets_test

import (
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandem-sync/tandem/services/internal/config"
	"github.com/tandem-sync/tandem/services/internal/datasets"
	"github.com/tandem-sync/tandem/services/internal/endpoint"
	"github.com/tandem-sync/tandem/services/internal/endpoint/certtest"
)

func addresses(list []endpoint.Endpoint) string {
	var out []string
	for _, e := range list {
		out = append(out, e.Address)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestSnapshot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "d.yaml")
	write(t, path, `
defaults: {interceptor: "all:1", interceptorOnFailure: allow, queryFields: [owner]}
datasets:
  a: {adapter: "x:1", interceptor: "own:1", interceptorTimeout: 1s, interceptorOnFailure: refuse, syncOnChangeGap: 3}
  b: {adapter: "x:1", adapterTls: off, syncOnChange: false, recordHash: "field:v"}
  c: {queryFields: "*", adapter: "x:1"}
`)
	under := config.Default().Datasets
	under.File, under.AllowUnknown = path, false
	s, err := datasets.Open(datasets.Options{Under: under, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	i := s.Interceptors("a")
	if len(i) != 2 || i[0].Endpoint.Address != "all:1" || !i[0].AllowOnFailure || i[0].Timeout != 5*time.Second ||
		i[1].Endpoint.Address != "own:1" || i[1].AllowOnFailure || i[1].Timeout != time.Second {
		t.Errorf("interceptors of a: %+v", i)
	}
	if i := s.Interceptors("b"); len(i) != 1 || i[0].Endpoint.Address != "all:1" {
		t.Errorf("interceptors of b: %+v", i)
	}
	if a, b, c := s.Adapter("a"), s.Adapter("b"), s.Adapter("c"); a.Key() == b.Key() || a.Key() != c.Key() || b.Credentials() == nil || a.Credentials() != nil {
		t.Errorf("adapters %+v %+v %+v", a, b, c)
	}
	if got := addresses(s.Current().Adapters()); got != "x:1 x:1" {
		t.Errorf("adapters %s, want each way once", got)
	}
	if got := addresses(s.Current().Interceptors()); got != "all:1 own:1" {
		t.Errorf("interceptors %s", got)
	}
	if got := s.Adapter("unlisted").Address; got != "" {
		t.Errorf("adapter of what is not listed: %s", got)
	}
	if !slices.Equal(s.QueryFields("a"), []string{"owner"}) || s.QueryFields("c") != nil {
		t.Errorf("fields %v, %v", s.QueryFields("a"), s.QueryFields("c"))
	}
	if gap, on := s.RefreshAfter("a"); gap != 3*time.Second || !on {
		t.Errorf("a: %v %t", gap, on)
	}
	for _, id := range []string{"b", "unlisted"} {
		if _, on := s.RefreshAfter(id); on {
			t.Errorf("%s is refreshed", id)
		}
	}
	if _, known := s.Dataset("unlisted"); known {
		t.Error("what is not listed is served")
	}
	one, _ := s.Hasher("b")([]byte(`{"v":1,"x":1}`))
	if two, _ := s.Hasher("b")([]byte(`{"v":1,"x":2}`)); one != two || one == "" {
		t.Error("the record hash of b does not go by v")
	}
}

// TestWithoutFile: the main configuration alone.
func TestWithoutFile(t *testing.T) {
	under := config.Default().Datasets
	under.ByID = map[string]config.Dataset{"a": under.Default}
	s, err := datasets.Open(datasets.Options{Under: under, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s.Run(t.Context()) // returns
	if cfg, known := s.Dataset("a"); !known || cfg != under.Default.SyncConfig {
		t.Errorf("got %+v, %t", cfg, known)
	}
	if s.Hasher("x") == nil || s.Loaded().Path != "" || s.Problem() != nil {
		t.Error("no hasher, or a file from nowhere")
	}
}

// A certificate that is renewed on disk is a change; the file need not be touched.
func TestRenewedCertificate(t *testing.T) {
	dir := t.TempDir()
	authority := certtest.New(t)
	authority.Write(dir, "tandem")
	path := filepath.Join(dir, "d.yaml")
	write(t, path, "datasets: {a: {adapter: 'x:1', adapterTls: {caFile: "+dir+"/ca.pem, certFile: "+dir+"/cert.pem, keyFile: "+dir+"/key.pem}}}\n")
	synctest.Test(t, func(t *testing.T) {
		w := watch(t, path)
		before := w.Adapter("a").Key()
		w.looks(3)
		if len(w.told) != 1 {
			t.Error("told without a change")
		}
		authority.Write(dir, "tandem")
		w.looks(2)
		if w.Adapter("a").Key() == before || len(w.told) != 2 {
			t.Error("the renewed certificate is not in force")
		}
		renewed := w.Adapter("a").Key()
		write(t, filepath.Join(dir, "ca.pem"), "junk")
		w.looks(2)
		want := path + ":1: datasets.a.adapterTls.caFile: " + dir + "/ca.pem holds no PEM certificate"
		if p := w.Problem(); p == nil || p.Err.Error() != want || w.Adapter("a").Key() != renewed {
			t.Errorf("a broken certificate: %+v, want %s", p, want)
		}
		write(t, filepath.Join(dir, "ca.pem"), string(authority.CA()))
		w.looks(2)
		if p := w.Problem(); p != nil || w.Adapter("a").Key() != renewed {
			t.Errorf("mended: %+v", p)
		}
	})
}
