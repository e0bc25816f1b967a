package config

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func under(t *testing.T, file string) Datasets {
	t.Helper()
	c, _, err := Load(sources(t, file, nil))
	if err != nil {
		t.Fatal(err)
	}
	return c.Datasets
}

// TestDatasetsFile shows which of the four places counts: the dataset and the
// defaults of the file, then the dataset and the defaults of the main configuration.
func TestDatasetsFile(t *testing.T) {
	main := under(t, `
syncFrequency: 1
clientSyncTimeout: 1h
backendListTimeout: 1m
maxScheduleWaitTime: 1
interceptorTimeout: 1s
datasets:
  both: {clientSyncTimeout: 2h, backendListTimeout: 2m, maxScheduleWaitTime: 2, interceptor: "m:1", interceptorOnFailure: allow}
  main: {adapter: "main:1", maxScheduleWaitTime: 2}
`)
	f, err := ReadDatasets("d.yaml", []byte(`
defaults:
  backendListTimeout: 3m
  maxScheduleWaitTime: 3
  syncOnChange: false
  adapterTls: {caFile: /ca.pem, serverName: adapters}
  queryFields: [owner]
  interceptor: all:1
  interceptorTimeout: 3s
datasets:
  both:
    maxScheduleWaitTime: 4
    adapter: both:1
    adapterTls: off
    queryFields: "*"
    recordHash: {fields: [version, region]}
  plain:
  alias: &a {recordHash: sha256, queryFields: []}
  again: *a
  own:
    adapter: own:1
    adapterTls: {certFile: c, keyFile: k, insecure: true}
    interceptor: own:2
    interceptorTls: {}
    interceptorOnFailure: allow
`), main)
	if err != nil {
		t.Fatal(err)
	}
	base := main.Default
	base.BackendListTimeout, base.MaxScheduleWaitTime, base.SyncOnChange = 3*time.Minute, 3*time.Second, false
	base.AdapterTLS = TLS{Mode: TLSOn, CAFile: "/ca.pem", ServerName: "adapters"}
	base.QueryFields = []string{"owner"}
	base.Interceptor = Interceptor{Timeout: 3 * time.Second, OnFailure: FailureRefuse}
	want := map[string]Dataset{"plain": base}
	both := base
	both.ClientSyncTimeout, both.MaxScheduleWaitTime = 2*time.Hour, 4*time.Second
	both.Adapter, both.AdapterTLS, both.QueryFields = "both:1", TLS{Mode: TLSOff}, nil
	both.RecordHash = "fields:version,region"
	both.Interceptor = Interceptor{Address: "m:1", Timeout: 3 * time.Second, OnFailure: FailureAllow}
	want["both"] = both
	listed := base
	listed.Adapter = "main:1"
	want["main"] = listed
	alias := base
	alias.RecordHash, alias.QueryFields = "sha256", []string{}
	want["alias"], want["again"] = alias, alias
	own := base
	own.Adapter, own.AdapterTLS = "own:1", TLS{Mode: TLSOn, CertFile: "c", KeyFile: "k", Insecure: true}
	own.Interceptor = Interceptor{Address: "own:2", TLS: TLS{Mode: TLSOn}, Timeout: 3 * time.Second, OnFailure: FailureAllow}
	want["own"] = own
	if diff := cmp.Diff(want, f.ByID); diff != "" {
		t.Error(diff)
	}
	if got, _ := f.For("unlisted"); !cmp.Equal(got, base) {
		t.Error(cmp.Diff(base, got))
	}
	if diff := cmp.Diff(Interceptor{Address: "all:1", Timeout: 3 * time.Second, OnFailure: FailureRefuse}, f.Interceptor); diff != "" {
		t.Error(diff)
	}
	for key, line := range map[string]int{"datasets.own.adapterTls": 22, "datasets.own.adapterTls.certFile": 22, "defaults.adapterTls.caFile": 6, "nowhere": 0} {
		if got := f.Line(key); got != line {
			t.Errorf("%s: line %d, want %d", key, got, line)
		}
	}
	if len(main.ByID) != 2 || main.Default.SyncOnChange != true {
		t.Error("the main configuration was changed")
	}
}

// TestBadDatasetsFiles holds the words: file:line: reason, and all of it.
func TestBadDatasetsFiles(t *testing.T) {
	const seconds = "; expected a number of seconds or a time such as 500ms, 90m, 24h, 1d, of at least 1ms"
	for name, c := range map[string]struct{ file, want string }{
		"all at once": {`defaults:
  syncFrequence: 1
  syncFrequency: soon
datasets:
  a:
    adapter: nowhere
    adapter: a:1
  b: [1]
  a: {}
  fhsync_x: {}
`, `d.yaml:2: defaults.syncFrequence: unknown setting; did you mean syncFrequency?
d.yaml:3: defaults.syncFrequency: "soon" is no time` + seconds + `
d.yaml:6: datasets.a.adapter: "nowhere" is no HOST:PORT; expected HOST:PORT or nothing
d.yaml:7: datasets.a: adapter: it is set twice, first in line 6
d.yaml:8: datasets.b: expected keys with values
d.yaml:9: datasets: a: it is set twice, first in line 5
d.yaml:10: datasets: dataset id "fhsync_x": names that begin with "fhsync_" belong to the sync server`},
		"empty":         {"# nothing\n", "d.yaml: it is empty; a file without datasets says `datasets: {}`"},
		"no bytes":      {"", "d.yaml: it is empty; a file without datasets says `datasets: {}`"},
		"null":          {"~\n", "d.yaml: it is empty; a file without datasets says `datasets: {}`"},
		"no YAML":       {"datasets:\n  a: {\n", "d.yaml:2: it is no YAML: did not find expected node content"},
		"two documents": {"datasets: {}\n---\ndatasets: {}\n", "d.yaml:2: a second YAML document begins here; expected one"},
		"a list":        {"- a\n", "d.yaml:1: expected keys with values"},
		"top level":     {"dataset: {}\n", "d.yaml:1: dataset: unknown setting; did you mean datasets?"},
		"wrong place":   {"syncFrequency: 1\n", "d.yaml:1: syncFrequency: it stands under defaults or under a dataset, not here"},
		"list as key":   {"datasets:\n  [a]: {}\n", "d.yaml:2: datasets: a key is a list or a mapping; expected a text"},
		"no value":      {"datasets:\n  a:\n    queryFields:\n", "d.yaml:3: datasets.a.queryFields: it has no value; expected a list of field names, or one text with commas; * for all fields"},
		"too short":     {"datasets: {a: {syncFrequency: 0}}\n", "d.yaml:1: datasets.a.syncFrequency: 0 is too short" + seconds},
		"wrong type":    {"datasets:\n  a:\n    syncOnChange: yes\n    syncFrequency: [1]\n", "d.yaml:3: datasets.a.syncOnChange: \"yes\" is neither; expected true or false\nd.yaml:4: datasets.a.syncFrequency: it is a list or a mapping" + seconds},
		"id":            {"datasets:\n  a/b: {}\n", "d.yaml:2: datasets: dataset id \"a/b\": '/' can't stand there; it has 1 to 100 bytes of letters, digits, '_', '-' and '.', the first a letter or digit, the last no '.', and no '..'"},
		"hash":          {"datasets: {a: {recordHash: md5}}\n", `d.yaml:1: datasets.a.recordHash: "md5" is no record hash; expected sha1, sha256, field:NAME, fields:NAME,NAME or {fields: [NAME, NAME]}`},
		"hash form":     {"datasets: {a: {recordHash: {field: v}}}\n", `d.yaml:1: datasets.a.recordHash: it is neither; expected sha1, sha256, field:NAME, fields:NAME,NAME or {fields: [NAME, NAME]}`},
		"fields":        {"datasets: {a: {queryFields: [a, $or]}}\n", `d.yaml:1: datasets.a.queryFields: "$or" is an operator and no field; expected a list of field names, or one text with commas; * for all fields`},
		"fields twice":  {"datasets: {a: {queryFields: [a, a]}}\n", `d.yaml:1: datasets.a.queryFields: a is in it twice; expected a list of field names, or one text with commas; * for all fields`},
		"on failure":    {"datasets: {a: {interceptor: 'i:1', interceptorOnFailure: ignore}}\n", `d.yaml:1: datasets.a.interceptorOnFailure: "ignore" is neither; expected refuse or allow`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadDatasets("d.yaml", []byte(c.file), Default().Datasets)
			var bad *FileError
			if !errors.As(err, &bad) {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(c.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestContradictions(t *testing.T) {
	const tls = "expected {caFile: FILE, certFile: FILE, keyFile: FILE, serverName: NAME, insecure: false}, a text such as caFile=FILE,serverName=NAME, or on, or off for plain text"
	for name, c := range map[string]struct{ file, want string }{
		"TLS of nothing":    {"    adapterTls: {caFile: x}", "d.yaml:3: datasets.a.adapterTls: there is no adapter to call; expected adapter as well"},
		"half a pair":       {"    adapter: a:1\n    adapterTls:\n      certFile: x", "d.yaml:5: datasets.a.adapterTls: certFile and keyFile go together, and one of them is missing; " + tls},
		"trust and no":      {"    adapter: a:1\n    adapterTls: {caFile: x, insecure: true}", "d.yaml:4: datasets.a.adapterTls: insecure does not check what caFile is there to check; " + tls},
		"unknown in TLS":    {"    adapter: a:1\n    adapterTls:\n      keyFile: x\n      cafile: x", `d.yaml:6: datasets.a.adapterTls: it has an unknown key "cafile"; did you mean caFile?; ` + tls},
		"twice in TLS":      {"    adapter: a:1\n    adapterTls:\n      caFile: x\n      caFile: x", "d.yaml:6: datasets.a.adapterTls: caFile is set twice; " + tls},
		"insecure":          {"    adapter: a:1\n    adapterTls:\n      insecure: 1", `d.yaml:5: datasets.a.adapterTls: insecure: "1" is neither true nor false; ` + tls},
		"gap of nothing":    {"    syncOnChange: false\n    syncOnChangeGap: 1", "d.yaml:4: datasets.a.syncOnChangeGap: it has no meaning with syncOnChange: false"},
		"no interceptor":    {"    interceptorTls: on", "d.yaml:3: datasets.a.interceptorTls: there is no interceptor to call; expected interceptor as well"},
		"limits of nothing": {"    interceptorTimeout: 1", "d.yaml:3: datasets.a.interceptorTimeout: the dataset has no interceptor of its own; expected interceptor as well"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ReadDatasets("d.yaml", []byte("datasets:\n  a:\n"+c.file+"\n"), Default().Datasets)
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
	_, err := ReadDatasets("d.yaml", []byte("defaults:\n  interceptorTls: on\n"), Default().Datasets)
	if err == nil || err.Error() != "d.yaml:2: defaults.interceptorTls: there is no interceptor to call; expected interceptor as well" {
		t.Error(err)
	}
}

// TestDatasetTexts are the forms of flags and the environment.
func TestDatasetTexts(t *testing.T) {
	c, list, err := Load(sources(t, "", []string{"TANDEM_INTERCEPTOR_TLS=serverName=x", "TANDEM_INTERCEPTOR=i:1"},
		"--adapter-tls", "caFile=/ca, insecure=false", "--query-fields=a,b.c", "--record-hash=field:v", "--datasets-file=d.yaml", "--datasets-reload-interval=2s"))
	if err != nil {
		t.Fatal(err)
	}
	d := c.Datasets
	if d.Default.AdapterTLS != (TLS{Mode: TLSOn, CAFile: "/ca"}) || d.Interceptor.TLS != (TLS{Mode: TLSOn, ServerName: "x"}) ||
		d.Interceptor.Address != "i:1" || strings.Join(d.Default.QueryFields, " ") != "a b.c" || d.Default.RecordHash != "field:v" ||
		d.File != "d.yaml" || d.ReloadInterval != 2*time.Second {
		t.Errorf("got %+v", d)
	}
	if got := find(t, list, "adapterTls"); got.Value != "caFile=/ca" || got.Default != "" {
		t.Errorf("got %+v", got)
	}
	for _, bad := range []string{"--adapter-tls=maybe", "--adapter-tls=file=x", "--query-fields=$where", "--query-fields=a,a", "--query-fields=*,a", "--record-hash=x"} {
		if _, _, err := Load(sources(t, "", nil, bad)); err == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

// TestDocumentedFile holds the example of docs/08-datasets.md: it is fine, and has
// every key.
func TestDocumentedFile(t *testing.T) {
	page, err := os.ReadFile("../../../docs/08-datasets.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\n")
	example, _, found := strings.Cut(rest, "```\n")
	if !found {
		t.Fatal("no example")
	}
	f, err := ReadDatasets("08-datasets.md", []byte(example), Default().Datasets)
	if err != nil {
		t.Fatal(err)
	}
	var d Dataset
	for _, s := range listedSettings(&d) {
		if f.Line("datasets.orders."+s.Key) == 0 {
			t.Errorf("%s is not in the example", s.Key)
		}
	}
	for _, key := range []string{"caFile", "certFile", "keyFile", "serverName", "insecure"} {
		if f.Line("datasets.orders.adapterTls."+key) == 0 {
			t.Errorf("%s is not in the example", key)
		}
	}
}
