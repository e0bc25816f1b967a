package faults

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/test/cluster"
	"github.com/tandem-sync/tandem/services/test/fleet"
)

// settings make everything happen within seconds; what follows from them is below.
const settings = `
syncFrequency: 1s
maxScheduleWaitTime: 3s
backendListTimeout: 3s
syncOnChangeGap: 300ms
schedulerInterval: 100ms
schedulerLockMaxTime: 1s
pendingWorkerConcurrency: 4
pendingWorkerRetryIntervalInSeconds: 1
pendingWorkerBackoff: exp:500ms
ackWorkerBackoff: exp:500ms
syncWorkerBackoff: exp:500ms
syncWorkerConcurrency: 2
adapterTimeout: 3s
collectStats: false
`

const (
	// claimWindow is how long a sync run or an acknowledgement stays with a worker that is gone.
	claimWindow = 30 * time.Second
	// patience bounds each wait: a claim that nobody holds has to run out, and machines
	// for tests are slow.
	patience = 90 * time.Second
	// settingLock and settingPoll are what settings say of the scheduler.
	settingLock, settingPoll = time.Second, 100 * time.Millisecond
	// adapterTimeout is how long a caller of an adapter waits.
	adapterTimeout = 3 * time.Second
)

// datasets: the first two are the mongo adapter's, the last is the team's.
var datasets = []string{"tasks", "notes", "orders"}

const teamDataset = "orders"

// world is a cluster, who works on it, and who does it harm.
type world struct {
	*testing.T
	c     *cluster.Cluster
	f     *fleet.Fleet
	db    database
	team  *teamAdapter
	rand  *rand.Rand
	began time.Time
	busy  map[any]bool // what a fault has hold of
	done  int
	// mixing: several faults at a time
	mixing bool
	later  []func() // to be done when all faults have ended
}

// start starts the cluster and lets the devices work. env may be nil.
func start(t *testing.T, seed uint64, env func(process string) []string) *world {
	t.Helper()
	began := time.Now()
	a := serveTeam(t, seed)
	c := cluster.Start(t, cluster.Options{
		Config: settings, Proxied: true, Env: env,
		Datasets: fmt.Sprintf("datasets:\n  %s: {adapter: %q}\n", teamDataset, a.address),
	})
	w := &world{
		T: t, c: c, db: look(t, c), team: a, rand: rand.New(rand.NewPCG(seed, 1)), began: began, busy: map[any]bool{},
		// Together the devices make some ten changes a second, however many they are.
		f: fleet.Start(fleet.Config{
			Devices: *devicesFlag, Seed: seed, URL: func() string { return c.URL }, Datasets: datasets,
			Pace: time.Duration(*devicesFlag) * 15 * time.Millisecond, Idleness: 8,
		}),
	}
	t.Cleanup(w.f.Stop)
	w.recover()
	w.say("%d processes and %d devices are at work", len(c.All()), *devicesFlag)
	return w
}

// say prints a line for who watches.
func (w *world) say(format string, args ...any) {
	w.Helper()
	w.Logf("%5.1fs  %s", time.Since(w.began).Seconds(), fmt.Sprintf(format, args...))
}

// do lets faults happen at the same time, each for as long as it lasts, and waits
// until devices get results again.
func (w *world) do(all ...fault) {
	w.Helper()
	var names []string
	var ends []func()
	w.mixing = len(all) > 1
	began, lasts := time.Now(), time.Duration(0)
	for _, f := range all {
		if end := f.begin(w); end != nil {
			names, ends, lasts = append(names, f.name), append(ends, end), max(lasts, f.lasts)
		}
	}
	if len(ends) == 0 {
		w.say("nobody was there for %s", all[0].name)
		return
	}
	w.rest(lasts)
	for _, f := range all {
		for f.enough != nil && !f.enough(w) && time.Since(began) < hold {
			w.rest(100 * time.Millisecond)
		}
	}
	lasts = time.Since(began)
	for _, end := range ends {
		end()
	}
	for _, do := range w.later {
		do()
	}
	w.later = nil
	w.done += len(ends)
	took := w.recover()
	w.say("%s for %v; results again after %v", strings.Join(names, " + "), lasts.Round(100*time.Millisecond), took.Round(10*time.Millisecond))
}

// recover waits until the server takes changes and devices get results.
func (w *world) recover() time.Duration {
	w.Helper()
	began, before := time.Now(), w.f.Resolved()
	w.f.Await(w, 5)
	fleet.Wait(w, patience, "devices get no results", func() bool { return w.f.Resolved() >= before+5 })
	return time.Since(began)
}

// rest lets the world go on for d.
func (w *world) rest(d time.Duration) {
	if d > 0 {
		<-time.After(d)
	}
}

// free picks a running process of a role that no fault has hold of; nil if there is none.
func (w *world) free(role string) *cluster.Process {
	all := w.c.Role(role)
	for _, i := range w.rand.Perm(len(all)) {
		if !w.busy[all[i]] {
			return all[i]
		}
	}
	return nil
}

// finish lets all come to rest and checks.
func (w *world) finish() {
	w.Helper()
	w.say("%d faults are over; the users rest", w.done)
	w.f.Settle(w, patience, w.db.queued)
	w.db.awaitRuns(patience)
	w.f.Stop()
	w.say("at rest; claims lost by who was paused: %d by workers, %d leases of schedulers", w.c.Said(lostClaim), w.c.Said("lease has passed"))
	for _, p := range w.c.All() {
		if !p.Running() {
			w.Errorf("%s has ended by itself", p.Name)
		}
	}
	figures := w.check()
	w.c.Stop()
	w.say("checked: %s", figures)
}
