package stats

import (
	"context"
	"log/slog"
	"time"
)

// Collector takes the samples that nobody's work brings: CPU and memory of this
// process, and the sizes of queues.
type Collector struct {
	Stats    *Stats
	Interval time.Duration // collectStatsInterval
	Process  string        // the group of CPU and Memory, such as the role
	Log      *slog.Logger

	// Sizes counts the jobs that wait, by worker (SyncWorker ...).
	Sizes map[string]func(context.Context) (int, error)
}

// Run collects until ctx ends.
func (c Collector) Run(ctx context.Context) {
	if c.Stats == nil {
		return
	}
	cpu := newCPUMeter()
	ticker := time.NewTicker(c.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		c.collect(ctx, cpu)
	}
}

func (c Collector) collect(ctx context.Context, cpu *cpuMeter) {
	if used, ok := cpu.read(); ok {
		c.Stats.Observe(CPU, c.Process, used)
	}
	c.Stats.Observe(Memory, c.Process, float64(residentBytes()))
	for worker, size := range c.Sizes {
		n, err := size(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			c.Log.Warn("could not count a queue", "worker", worker, "error", err)
			continue
		}
		c.Stats.Observe(QueueSize, worker, float64(n))
	}
}
