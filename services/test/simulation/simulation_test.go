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
	seedsFlag  = flag.Int("seeds", 0, "how many seeds to simulate (default: $SEEDS, or 200)")
	firstFlag  = flag.Uint64("first", 1, "the first of them")
	engineFlag = flag.String("engine", "sqlite", "the store engine of TestSimulation: sqlite or mongo")
	seedFlag   = flag.Uint64("seed", 0, "the one seed to simulate, with all its events")
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
	var on engine
	switch *engineFlag {
	case "sqlite":
		on = onSQLite()
	case "mongo":
		on = onMongo(t)
	default:
		t.Fatalf("-engine %s: there are sqlite and mongo", *engineFlag)
	}
	if *seedFlag != 0 {
		s := simulate(on, *seedFlag, breakage{})
		t.Logf("seed %d\n%s%v", *seedFlag, s.trace.String(), s.counts)
		report(t, s)
		return
	}
	simulateAll(t, on, seeds(t))
}

// simulateAll simulates n seeds.
func simulateAll(t *testing.T, on engine, n int) {
	first := *firstFlag
	start := time.Now()
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
				s := simulate(on, first+uint64(i), breakage{})
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
func simulate(on engine, seed uint64, broken breakage) *sim {
	s := newSim(on, seed, broken)
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
	again := fmt.Sprintf("-seed %d", s.seed)
	if s.on.stepwise {
		again += " -engine mongo"
	}
	t.Errorf("seed %d (repeat it with %s):\n%s\nlast events:\n%s", s.seed, again, strings.Join(s.violations, "\n"), s.trace.String())
}

// TestSameSeedSameRun holds the simulation to its determinism.
func TestSameSeedSameRun(t *testing.T) {
	sameRuns(t, onSQLite(), 5)
}

func sameRuns(t *testing.T, on engine, seeds uint64) {
	t.Helper()
	for seed := range seeds {
		first, second := simulate(on, 1000+seed, breakage{}), simulate(on, 1000+seed, breakage{})
		if first.trace.n != second.trace.n || first.trace.sum != second.trace.sum {
			t.Errorf("seed %d gives two runs, of %d and %d events", 1000+seed, first.trace.n, second.trace.n)
		}
	}
}
