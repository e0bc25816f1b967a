package stats

import (
	"sync"
	"time"

	"github.com/tandem-sync/tandem/services/internal/clock"
)

// Metric is a kind of sample. Each has groups, in which it is summed up.
type Metric int

// The metrics that the reference server has.
const (
	CPU         Metric = iota // a fraction of one CPU, by process
	Memory                    // resident bytes, by process
	JobTime                   // milliseconds, by worker (SyncWorker ...)
	QueueSize                 // jobs that wait, by worker
	APITime                   // milliseconds, by fn (sync, syncRecords ...)
	StorageTime               // milliseconds, by operation
	metricCount               // how many there are
)

// The groups of JobTime and QueueSize.
const (
	SyncWorker    = "sync_worker"
	AckWorker     = "ack_worker"
	PendingWorker = "pending_worker"
)

// Options is what New needs.
type Options struct {
	Keep  int         // samples kept per metric and group: statsRecordsToKeep
	Clock clock.Clock // nil: the machine's
}

// Stats keeps samples. Make one with New, or use a nil one, which keeps nothing.
type Stats struct {
	keep    int
	now     clock.Clock
	metrics [metricCount]groups
}

type groups struct {
	sync.Mutex
	rings map[string]*ring
}

// New returns a Stats without samples.
func New(o Options) *Stats {
	s := &Stats{keep: max(o.Keep, 1), now: o.Clock}
	if s.now == nil {
		s.now = clock.System
	}
	for i := range s.metrics {
		s.metrics[i].rings = map[string]*ring{}
	}
	return s
}

// Observe adds a sample. Groups are few and known beforehand: never make one of
// what a device sent.
func (s *Stats) Observe(m Metric, group string, value float64) {
	if s == nil {
		return
	}
	at := s.now()
	g := &s.metrics[m]
	g.Lock()
	defer g.Unlock()
	r := g.rings[group]
	if r == nil {
		r = &ring{keep: s.keep}
		g.rings[group] = r
	}
	r.add(sample{value, at.UnixMilli()})
}

// ObserveSince adds the milliseconds that have passed since start, to be used
// with a metric of time.
func (s *Stats) ObserveSince(m Metric, group string, start time.Time) {
	s.Observe(m, group, float64(time.Since(start))/float64(time.Millisecond))
}
