package simulation

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	seedsFlag = flag.Int("seeds", 0, "how many seeds to simulate (default: $SEEDS, or 200)")
	seedFlag  = flag.Uint64("seed", 0, "the one seed to simulate, with all its events")
)

const defaultSeeds = 200

func seeds(t *testing.T) int {
	if *seedsFlag > 0 {
		return *seedsFlag
	}
	text := os.Getenv("SEEDS")
	if text == "" {
		return defaultSeeds
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("SEEDS=%s is no number", text)
	}
	return n
}

// TestSimulation simulates many seeds, or the one of -seed.
func TestSimulation(t *testing.T) {
	if *seedFlag != 0 {
		s := simulate(*seedFlag, breakage{})
		t.Logf("seed %d\n%s%v", *seedFlag, s.trace.String(), s.counts)
		report(t, s)
		return
	}
	n, start := seeds(t), time.Now()
	shards := runtime.GOMAXPROCS(0)
	var mu sync.Mutex
	total := map[string]int{}
	t.Cleanup(func() {
		lines := make([]string, 0, len(total))
		for _, k := range slices.Sorted(maps.Keys(total)) {
			lines = append(lines, fmt.Sprintf("%s %d", k, total[k]))
		}
		t.Logf("%d seeds in %v: %s", n, time.Since(start).Round(time.Millisecond), strings.Join(lines, ", "))
	})
	for shard := range shards {
		t.Run(fmt.Sprintf("shard%d", shard), func(t *testing.T) {
			t.Parallel()
			failed := 0
			for i := shard; i < n && failed < 5; i += shards {
				s := simulate(uint64(i+1), breakage{})
				if report(t, s); len(s.violations) > 0 {
					failed++
				}
				mu.Lock()
				for k, v := range s.counts {
					total[k] += v
				}
				mu.Unlock()
			}
		})
	}
}

// simulate runs one seed.
func simulate(seed uint64, broken breakage) *sim {
	s := newSim(seed, broken)
	s.drive()
	s.close()
	s.counts["changes"] = len(s.ledger.versions)
	s.counts["effects"] = len(s.world.log)
	s.counts["events"] = s.trace.n
	return s
}

func report(t *testing.T, s *sim) {
	t.Helper()
	if len(s.violations) == 0 {
		return
	}
	t.Errorf("seed %d (repeat it with -seed %d):\n%s\nlast events:\n%s", s.seed, s.seed, strings.Join(s.violations, "\n"), s.trace.String())
}

// TestSameSeedSameRun holds the simulation to its determinism.
func TestSameSeedSameRun(t *testing.T) {
	for seed := range uint64(5) {
		first, second := simulate(1000+seed, breakage{}), simulate(1000+seed, breakage{})
		if first.trace.n != second.trace.n || first.trace.sum != second.trace.sum {
			t.Errorf("seed %d gives two runs, of %d and %d events", 1000+seed, first.trace.n, second.trace.n)
		}
	}
}
