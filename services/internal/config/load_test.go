package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// sources writes a file, named config.yaml in messages, and parses flags.
func sources(t *testing.T, file string, environ []string, args ...string) Sources {
	t.Helper()
	t.Chdir(t.TempDir())
	src := Sources{Environ: environ}
	if file != "" {
		src.File = "config.yaml"
		if err := os.WriteFile(filepath.Clean(src.File), []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	src.Flags = pflag.NewFlagSet("test", pflag.ContinueOnError)
	AddFlags(src.Flags)
	if err := src.Flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return src
}

func find(t *testing.T, list []Setting, key string) Setting {
	t.Helper()
	for _, s := range list {
		if s.Key == key {
			return s
		}
	}
	t.Fatalf("no setting %s", key)
	return Setting{}
}

func TestPrecedence(t *testing.T) {
	src := sources(t, `
schedulerInterval: 600
ackWorkerInterval: 600
syncWorkerInterval: 600 # the file alone
syncWorkerBackoff:
  strategy: fib
maxScheduleWaitTime: null
corsOrigins: [https://a.example, https://b.example]
`,
		[]string{"TANDEM_SCHEDULER_INTERVAL=700", "TANDEM_ACK_WORKER_INTERVAL=700ms", "TANDEM_LISTEN=", "HOME=/x"},
		"--scheduler-interval=800", "--use-cache", "--collect-stats=false")
	c, list, err := Load(src)
	if err != nil {
		t.Fatal(err)
	}
	want := Default()
	want.Scheduler.Interval = 800 * time.Millisecond
	want.AckWorker.Interval = 700 * time.Millisecond
	want.SyncWorker.Interval = 600 * time.Millisecond
	want.SyncWorker.Backoff = Backoff{BackoffFib, time.Second}
	want.Gateway.CORSOrigins = []string{"https://a.example", "https://b.example"}
	want.Gateway.UseCache = true
	want.Stats.Collect = false
	if diff := cmp.Diff(want, c); diff != "" {
		t.Error(diff)
	}
	for _, s := range []Setting{
		{"schedulerInterval", "800ms", "500ms", "flag --scheduler-interval"},
		{"ackWorkerInterval", "700ms", "1ms", "environment TANDEM_ACK_WORKER_INTERVAL"},
		{"syncWorkerInterval", "600ms", "1ms", "file config.yaml:4"},
		{"syncWorkerBackoff", "fib:1s", "exp:1s", "file config.yaml:6"},
		{"useCache", "true", "false", "flag --use-cache"},
		{"listen", "127.0.0.1:8080", "127.0.0.1:8080", "default"},
		{"maxScheduleWaitTime", "0", "0", "default"},
	} {
		if diff := cmp.Diff(s, find(t, list, s.Key)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestDatasets(t *testing.T) {
	file := `
datasets:
  slow: {syncFrequency: 60, adapter: "orders:9090", syncOnChange: false, syncOnChangeGap: 5}
  plain:
clientSyncTimeout: 2h
`
	c, list, err := Load(sources(t, file, nil, "--sync-frequency", "0.25"))
	if err != nil {
		t.Fatal(err)
	}
	want := Default().Datasets
	want.Default.SyncFrequency = 250 * time.Millisecond
	want.Default.ClientSyncTimeout = 2 * time.Hour
	slow := want.base()
	slow.SyncFrequency, slow.Adapter = time.Minute, "orders:9090"
	slow.SyncOnChange, slow.ChangeGap = false, 5*time.Second
	want.ByID = map[string]Dataset{"slow": slow, "plain": want.base()}
	if diff := cmp.Diff(want, c.Datasets); diff != "" {
		t.Error(diff)
	}
	for _, s := range []Setting{
		{"datasets.slow.syncFrequency", "1m", "250ms", "file config.yaml:3"},
		{"datasets.plain.syncFrequency", "250ms", "250ms", "flag --sync-frequency"},
		{"datasets.plain.clientSyncTimeout", "2h", "2h", "file config.yaml:5"},
	} {
		if diff := cmp.Diff(s, find(t, list, s.Key)); diff != "" {
			t.Error(diff)
		}
	}

	c, list, err = Load(sources(t, file, []string{"TANDEM_DATASETS={a: {backendListTimeout: 1}}"}))
	if err != nil || len(c.Datasets.ByID) != 1 || c.Datasets.ByID["a"].BackendListTimeout != time.Second {
		t.Errorf("got %v, %v", c.Datasets.ByID, err)
	}
	if got := find(t, list, "datasets.a.backendListTimeout").Source; got != "environment TANDEM_DATASETS" {
		t.Error(got)
	}
}

func TestFileIsNamedByFlagOrEnvironment(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"env.yaml", "flag.yaml"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("data: "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	environ := []string{"TANDEM_CONFIG=" + filepath.Join(dir, "env.yaml")}
	for want, args := range map[string][]string{"env.yaml": nil, "flag.yaml": {"--config", filepath.Join(dir, "flag.yaml")}} {
		c, _, err := Load(sources(t, "", environ, args...))
		if err != nil || c.Store.Data != want {
			t.Errorf("got %s, %v, want %s", c.Store.Data, err, want)
		}
	}
	if _, _, err := Load(Sources{File: filepath.Join(dir, "absent.yaml")}); err == nil || !strings.Contains(err.Error(), "absent.yaml") {
		t.Errorf("got %v", err)
	}
}

func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		file    string
		environ []string
		args    []string
		want    []string // each a line of the error, or a part of one
	}{
		"all at once": {
			file:    "pendingWorkerConcurency: 2\nschedulerInterval: soon\nschedulerInterval: 1\n",
			environ: []string{"TANDEM_SYNC_WORKER_CONCURENCY=1", "TANDEM_USE_CACHE=maybe"},
			args:    []string{"--sync-req-ack-limit=-2"},
			want: []string{
				"pendingWorkerConcurency (file config.yaml:1): unknown setting; did you mean pendingWorkerConcurrency?",
				`schedulerInterval (file config.yaml:2): "soon" is no time; expected a number of milliseconds or a time such as`,
				"schedulerInterval (file config.yaml:3): it is set twice",
				"TANDEM_SYNC_WORKER_CONCURENCY (environment): unknown setting; did you mean TANDEM_SYNC_WORKER_CONCURRENCY?",
				`useCache (environment TANDEM_USE_CACHE): "maybe" is neither; expected true or false`,
				"syncReqAckLimit (flag --sync-req-ack-limit): -2 is out of range; expected a whole number of at least -1 (-1: unlimited)",
			},
		},
		"other spelling":  {file: "sync-frequency: 1", want: []string{"did you mean syncFrequency?"}},
		"nothing near":    {file: "colour: red", want: []string{"colour (file config.yaml:1): unknown setting"}},
		"no mapping":      {file: "- a", want: []string{"file config.yaml:1: expected keys with values"}},
		"no YAML":         {file: "a: [", want: []string{"file config.yaml: "}},
		"two documents":   {file: "data: a\n---\ndata: b", want: []string{"expected one YAML document"}},
		"list for number": {file: "schedulerInterval: [1]", want: []string{"it is a list or a mapping; expected a number"}},
		"backoff":         {file: "ackWorkerBackoff: {strategy: exp, maximum: 1}", want: []string{`it has an unknown key "maximum"; expected {strategy:`}},
		"backoff list":    {file: "ackWorkerBackoff: [exp]", want: []string{"ackWorkerBackoff (file config.yaml:1): it is neither"}},
		"dataset key":     {file: "datasets:\n  a:\n    syncFrequence: 1", want: []string{"datasets.a.syncFrequence (file config.yaml:3): unknown setting; did you mean syncFrequency?"}},
		"dataset value":   {file: "datasets:\n  a: {syncFrequency: 0}", want: []string{"datasets.a.syncFrequency (file config.yaml:2): 0 is too short"}},
		"dataset twice":   {file: "datasets:\n  a: {}\n  a: {}", want: []string{"datasets: a (file config.yaml:3): it is set twice"}},
		"dataset list":    {file: "datasets: [a]", want: []string{"file config.yaml:1: datasets: expected keys with values"}},
		"dataset text":    {environ: []string{"TANDEM_DATASETS={"}, want: []string{"datasets (environment TANDEM_DATASETS): it is no YAML"}},
		"two that clash":  {args: []string{"--scheduler-interval=30s"}, want: []string{"schedulerLockMaxTime: 20s would end", "expected more than schedulerInterval (30s)"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := Load(sources(t, c.file, c.environ, c.args...))
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("missing: %s\nin: %v", want, err)
				}
			}
			if name == "nothing near" && strings.Contains(err.Error(), "mean") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestServiceLinks is the trap of a Kubernetes Service named tandem.
func TestServiceLinks(t *testing.T) {
	_, _, err := Load(Sources{Environ: []string{
		"TANDEM_SERVICE_HOST=10.0.0.1", "TANDEM_SERVICE_PORT=80", "TANDEM_SERVICE_PORT_HTTP=80", "TANDEM_PORT=tcp://10.0.0.1:80",
		"TANDEM_GATEWAY_PORT_80_TCP=tcp://10.0.0.1:80", "TANDEM_PORT_80_TCP_ADDR=10.0.0.1", "TANDEM_TEST_SEEDS=1",
		"TANDEM_METRICS_INFLUXDB_PORT=tcp://10.0.0.1:80",
	}})
	if err != nil {
		t.Error(err)
	}
}

func TestFlagError(t *testing.T) {
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	AddFlags(flags)
	err := FlagError(flags, flags.Parse([]string{"--pending-worker-concurency=1"}))
	if want := "--pending-worker-concurency (command line): unknown setting; did you mean --pending-worker-concurrency?"; err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	other := errors.New("other")
	if got := FlagError(flags, other); !errors.Is(got, other) {
		t.Errorf("got %v", got)
	}
}

// TestValidate is for a Config that was made in code.
func TestValidate(t *testing.T) {
	c := Default()
	c.PendingWorker.RetryLimit = 0
	c.Datasets.ByID = map[string]Dataset{"a": {}}
	err := c.Validate()
	for _, want := range []string{"pendingWorkerRetryLimit: 0 is out of range", "datasets.a.syncFrequency: 0 is too short"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("missing: %s in %v", want, err)
		}
	}
}
