package stats

import (
	"encoding/json"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var byTitle = map[string]Metric{
	"CPU usage": CPU, "RSS Memory Usage": Memory, "Job Process Time": JobTime,
	"Job Queue Size": QueueSize, "API Process Time": APITime, "Mongodb Operation Time": StorageTime,
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// asJSON is the answer as a device's developer sees it.
func asJSON(t *testing.T, s *Stats) any {
	t.Helper()
	text, err := json.Marshal(s.Snapshot())
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestSameAsReference compares with what testdata/reference.js printed.
func TestSameAsReference(t *testing.T) {
	var samples []struct {
		Metric string  `json:"metric"`
		Group  string  `json:"group"`
		Value  float64 `json:"value"`
		At     int64   `json:"at"`
	}
	var want any
	readJSON(t, "testdata/samples.json", &samples)
	readJSON(t, "testdata/reference.json", &want)

	var now time.Time
	s := New(Options{Keep: 1000, Clock: func() time.Time { return now }})
	for _, x := range samples {
		now = time.UnixMilli(x.At)
		s.Observe(byTitle[x.Metric], x.Group, x.Value)
	}
	if diff := cmp.Diff(want, asJSON(t, s)); diff != "" {
		t.Error(diff)
	}
}

func TestNothingYet(t *testing.T) {
	want := map[string]any{}
	for title := range byTitle {
		want[title] = map[string]any{"message": "no stats available"}
	}
	var none *Stats
	none.Observe(APITime, "sync", 1)
	for name, s := range map[string]*Stats{"new": New(Options{Keep: 1}), "switched off": none} {
		if diff := cmp.Diff(want, asJSON(t, s)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestKeepsTheLast(t *testing.T) {
	at := time.UnixMilli(0)
	s := New(Options{Keep: 3, Clock: func() time.Time { return at }})
	for i := range 8 {
		at = time.UnixMilli(int64(i))
		s.Observe(QueueSize, AckWorker, float64(i))
	}
	want := Summary{7.0, 7.0, 5.0, 6.0, 3, "1970-01-01T00:00:00.005Z", "1970-01-01T00:00:00.007Z"}
	if diff := cmp.Diff(want, s.Snapshot().QueueSize[AckWorker]); diff != "" {
		t.Error(diff)
	}
}

func TestObserveSince(t *testing.T) {
	s := New(Options{Keep: 3})
	s.ObserveSince(APITime, "sync", time.Now().Add(-time.Hour))
	if got := s.Snapshot().APITime["sync"].Current.(string); len(got) < len("3600000.00ms") {
		t.Errorf("got %s", got)
	}
}

func TestConcurrent(t *testing.T) {
	s := New(Options{Keep: 100})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 500 {
				s.Observe(JobTime, SyncWorker, float64(i))
				if i%100 == 0 {
					s.Snapshot()
				}
			}
		})
	}
	wg.Wait()
	if got := s.Snapshot().JobTime[SyncWorker].NumberOfRecords; got != 100 {
		t.Errorf("got %d samples", got)
	}
}

func BenchmarkObserve(b *testing.B) {
	s := New(Options{Keep: 1000})
	b.ReportAllocs()
	for b.Loop() {
		s.Observe(APITime, "sync", 1)
	}
}
