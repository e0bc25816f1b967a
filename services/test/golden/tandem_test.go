package golden

import (
	"context"
	"encoding/json"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/adapters/embedded"
	"github.com/tandem-sync/tandem/services/internal/config"
	"github.com/tandem-sync/tandem/services/internal/testkit"
)

// TestTandemAnswersAsRecorded replays every scenario against Tandem. Scenarios
// with settings of their own get a Tandem of their own.
func TestTandemAnswersAsRecorded(t *testing.T) {
	replayAll(t, nil, func(t *testing.T, datasets map[string]Dataset, settings map[string]any) Target {
		return startTandem(t, datasets, settings)
	})
}

// replayAll replays every scenario against what start starts, each as adapt makes it.
func replayAll(t *testing.T, adapt func(*Scenario), start func(*testing.T, map[string]Dataset, map[string]any) Target) {
	t.Helper()
	scenarios, err := Load("../../../api/http/golden")
	if err != nil {
		t.Fatal(err)
	}
	frequencies := map[string]Dataset{}
	for _, s := range scenarios {
		maps.Copy(frequencies, s.Datasets)
	}
	shared := start(t, frequencies, nil)
	for _, s := range scenarios {
		if adapt != nil {
			adapt(&s)
		}
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			target := shared
			if len(s.Server) > 0 {
				target = start(t, s.Datasets, s.Server)
			}
			Replay(t, s, target)
		})
	}
}

// startTandem starts a Tandem with these datasets and settings.
func startTandem(t *testing.T, datasets map[string]Dataset, settings map[string]any) *tandem {
	t.Helper()
	target := &tandem{limit: 1 << 20}
	target.Cluster = testkit.Start(t, testkit.Options{
		Adapter: func(backend adapter.Adapter) adapter.Adapter {
			target.faulty = newFaulty(backend.(*embedded.Adapter))
			return target.faulty
		},
		Configure: func(c *config.Config) {
			c.Gateway.BodyLimit = int64(target.limit)
			c.SyncWorker.Concurrency, c.PendingWorker.Concurrency = 8, 8
			c.Datasets.Default.SyncFrequency = time.Second
			c.Datasets.ByID = map[string]config.Dataset{}
			for id, d := range datasets {
				ds := c.Datasets.Default
				ds.SyncFrequency = time.Duration(d.SyncFrequency) * time.Second
				c.Datasets.ByID[id] = ds
			}
			for key, value := range settings {
				set(t, c, key, int(value.(float64)))
			}
		},
	})
	return target
}

func set(t *testing.T, c *config.Config, key string, value int) {
	t.Helper()
	switch key {
	case "syncReqAckLimit":
		c.Gateway.SyncReqAckLimit = value
	case "pendingWorkerRetryLimit":
		c.PendingWorker.RetryLimit = value
	case "pendingWorkerRetryIntervalInSeconds":
		c.PendingWorker.RetryInterval = time.Duration(value) * time.Second
	default:
		t.Fatalf("the scenario sets %s, which this test does not know: add it", key)
	}
}

// tandem is a Target in this process.
type tandem struct {
	*testkit.Cluster
	*faulty
	limit int
}

func (x *tandem) URL() string    { return x.Cluster.URL }
func (x *tandem) BodyLimit() int { return x.limit }

func (f *faulty) Lists(dataset string) int { return f.listed(dataset) }

func (f *faulty) Put(ctx context.Context, dataset, uid string, data json.RawMessage) error {
	return f.Adapter.Put(ctx, dataset, uid, data)
}

func (f *faulty) Replace(ctx context.Context, dataset, uid string, data json.RawMessage) error {
	return f.Adapter.Put(ctx, dataset, uid, data)
}

func (f *faulty) Remove(ctx context.Context, dataset, uid string) error {
	return f.Adapter.Remove(ctx, dataset, uid)
}

func (f *faulty) Records(ctx context.Context, dataset string) (map[string]json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	err := f.Adapter.List(ctx, adapter.ListRequest{Dataset: dataset, QueryParams: json.RawMessage("{}")}, func(r adapter.Record) error {
		all[r.UID] = r.Data
		return nil
	})
	return all, err
}

// faulty is the embedded adapter with the faults that records ask for; the rules
// are in api/http/golden/README.md.
type faulty struct {
	*embedded.Adapter

	mu     sync.Mutex
	lists  map[string]int
	played map[string]int // how often a fault failed, by dataset, operation and record
}

func newFaulty(a *embedded.Adapter) *faulty {
	return &faulty{Adapter: a, lists: map[string]int{}, played: map[string]int{}}
}

func (f *faulty) listed(dataset string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lists[dataset]
}
