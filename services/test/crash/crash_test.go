package crash

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/test/fleet"
)

var (
	roundsFlag = flag.Int("crash.rounds", 20, "how often the server is killed")
	seedFlag   = flag.Uint64("crash.seed", 1, "decides what users do and when the server is killed")
)

const fleetSize = 20

var datasets = []string{"tasks", "notes"}

// TestKill kills the server under load, lets all devices come to rest and then
// checks what every one of them was told against what is on disk.
func TestKill(t *testing.T) {
	s := build(t)
	s.start()
	f := fleet.Start(fleet.Config{
		Devices: fleetSize, Seed: *seedFlag, URL: func() string { return s.url.Load().(string) },
		Datasets: datasets, Pace: 15 * time.Millisecond, Idleness: 3,
	})
	defer f.Stop()
	chance := rand.New(rand.NewPCG(*seedFlag, 0))
	start := time.Now()
	for range *roundsFlag {
		f.Await(t, 100+chance.IntN(400))
		<-time.After(time.Duration(chance.IntN(20_000)) * time.Microsecond)
		s.kill()
		s.start()
	}
	t.Logf("killed %d times in %v", *roundsFlag, time.Since(start).Round(time.Millisecond))
	f.Settle(t, time.Minute, s.queued)
	f.Stop()
	s.stop()
	t.Logf("at rest after %v", time.Since(start).Round(time.Millisecond))
	check(t, s.data, f)
}
