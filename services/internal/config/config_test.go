package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tandem-sync/tandem/services/internal/record"
)

// TestDefaultsAreDocumented holds the defaults to the reference server's.
func TestDefaultsAreDocumented(t *testing.T) {
	documented := map[string]string{
		"pendingWorkerInterval": "1", "pendingWorkerConcurrency": "1", "pendingWorkerBackoff": "exp:60000",
		"pendingWorkerRetryLimit": "1", "pendingWorkerRetryIntervalInSeconds": "10",
		"ackWorkerInterval": "1", "ackWorkerConcurrency": "1", "ackWorkerBackoff": "exp:60000",
		"syncWorkerInterval": "1", "syncWorkerConcurrency": "1", "syncWorkerBackoff": "exp:1000",
		"schedulerInterval": "500", "schedulerLockMaxTime": "20000", "schedulerLockName": "locks:sync:SyncScheduler",
		"datasetClientUpdateConcurrency": "10", "collectStats": "true", "statsRecordsToKeep": "1000", "collectStatsInterval": "5000",
		"metricsInfluxdbHost": "", "metricsInfluxdbPort": "0", "metricsReportConcurrency": "10", "useCache": "false",
		"queueMessagesTTL": "86400", "datasetClientCleanerRetentionPeriod": "24h", "datasetClientCleanerCheckFrequency": "1h",
		"syncReqWaitForAck": "true", "syncReqAckLimit": "-1",
		"syncFrequency": "10", "clientSyncTimeout": "3600", "backendListTimeout": "300", "maxScheduleWaitTime": "0",
	}
	want, got := Default(), Default()
	seen := map[string]bool{}
	for _, s := range settings(&got) {
		seen[s.Key] = true
		if text, ok := documented[s.Key]; ok {
			if err := s.value.set(text); err != nil {
				t.Errorf("%s: %v", s.Key, err)
			}
		}
	}
	for key := range documented {
		if !seen[key] {
			t.Errorf("%s is no setting", key)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the documented defaults differ:\n%s", diff)
	}
	if err := want.Validate(); err != nil {
		t.Error(err)
	}
}

func TestTable(t *testing.T) {
	c := Default()
	names := map[string]bool{}
	for _, s := range settings(&c) {
		if s.Doc == "" || s.value.kind() == "" {
			t.Errorf("%s is not documented", s.Key)
		}
		if names[s.Key] || names[flagName(s.Key)] || names[envName(s.Key)] {
			t.Errorf("%s is there twice", s.Key)
		}
		names[s.Key], names[flagName(s.Key)], names[envName(s.Key)] = true, true, true
		if err := s.value.set(s.value.String()); err != nil {
			t.Errorf("%s does not take back its own text: %v", s.Key, err)
		}
	}
	if diff := cmp.Diff(Default(), c); diff != "" {
		t.Errorf("a text does not hold its whole value:\n%s", diff)
	}
}

func TestNames(t *testing.T) {
	for key, want := range map[string][2]string{
		"listen":                              {"listen", "TANDEM_LISTEN"},
		"pendingWorkerRetryIntervalInSeconds": {"pending-worker-retry-interval-in-seconds", "TANDEM_PENDING_WORKER_RETRY_INTERVAL_IN_SECONDS"},
		"queueMessagesTTL":                    {"queue-messages-ttl", "TANDEM_QUEUE_MESSAGES_TTL"},
	} {
		if got := [2]string{flagName(key), envName(key)}; got != want {
			t.Errorf("%s: got %v, want %v", key, got, want)
		}
	}
}

func TestDatasetsFor(t *testing.T) {
	listed := Dataset{Adapter: "a:1", SyncConfig: record.SyncConfig{SyncFrequency: time.Second}}
	d := Datasets{Default: Dataset{Adapter: "b:2"}, ByID: map[string]Dataset{"known": listed}}
	if got, ok := d.For("known"); !ok || !cmp.Equal(got, listed) {
		t.Errorf("known: got %v, %v", got, ok)
	}
	if _, ok := d.For("other"); ok {
		t.Error("other is served")
	}
	d.AllowUnknown = true
	if got, ok := d.For("other"); !ok || !cmp.Equal(got, d.Default) {
		t.Errorf("other: got %v, %v", got, ok)
	}
}

func TestSyncOnChangeByDefault(t *testing.T) {
	if d := Default().Datasets.Default; !d.SyncOnChange || d.ChangeGap != time.Second {
		t.Errorf("syncOnChange %t, syncOnChangeGap %v; want it on, with 1s", d.SyncOnChange, d.ChangeGap)
	}
}
