package stats

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func TestCollector(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Keep: 100})
		size := 0
		c := Collector{
			Stats: s, Interval: 5 * time.Second, Process: "all", Log: slog.New(slog.DiscardHandler),
			Sizes: map[string]func(context.Context) (int, error){
				PendingWorker: func(context.Context) (int, error) { size++; return size, nil },
				AckWorker:     func(context.Context) (int, error) { return 0, errors.New("the store is away") },
			},
		}
		ctx, cancel := context.WithTimeout(t.Context(), 16*time.Second)
		defer cancel()
		c.Run(ctx)

		got := s.Snapshot()
		if n := got.CPU["all"].NumberOfRecords; n != 3 {
			t.Errorf("%d samples of CPU", n)
		}
		if n := got.Memory["all"].NumberOfRecords; n != 3 || got.Memory["all"].Min == "0.00MB" {
			t.Errorf("memory: %v", got.Memory)
		}
		if q := got.QueueSize[PendingWorker]; q.Current != 3.0 || q.Min != 1.0 {
			t.Errorf("queue: %v", q)
		}
		if _, ok := got.QueueSize[AckWorker]; ok {
			t.Error("a size that could not be counted was counted")
		}
	})
}

func TestCollectorSwitchedOff(t *testing.T) {
	Collector{Interval: time.Second}.Run(t.Context())
}

func TestParseStat(t *testing.T) {
	used, err := parseStat([]byte("42 (a) name (x) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0 20 0"))
	if err != nil || used != 2*time.Second {
		t.Errorf("got %v, %v", used, err)
	}
	for _, bad := range []string{"", "1 (x) S 1", "1 (x) S 1 2 3 4 5 6 7 8 9 10 a 50 0", "1 (x) S 1 2 3 4 5 6 7 8 9 10 1 b 0"} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}

// TestCPUMeter burns CPU until the meter sees it.
func TestCPUMeter(t *testing.T) {
	m := newCPUMeter()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		for i := range 10_000_000 {
			_ = i * i
		}
		if used, ok := m.read(); ok && used > 0 {
			return
		}
	}
	t.Error("no CPU used")
}
