package faults

import (
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/tandem-sync/tandem/services/test/cluster"
	"github.com/tandem-sync/tandem/services/test/fleet"
)

// slack is what a slow machine may take beyond what the settings say.
const slack = 10 * time.Second

// holder is the scheduler that holds the lease, nil if nobody is known to.
func (w *world) holder() *cluster.Process {
	name := w.db.leaseHolder()
	for _, p := range w.c.Role("scheduler") {
		if strings.Contains(name, fmt.Sprintf("-%d-", p.PID())) {
			return p
		}
	}
	return nil
}

// loseScheduler kills the scheduler that works: the other takes over once the lease
// has run out.
func loseScheduler(lasts time.Duration) fault {
	return fault{name: "kill -9 of the scheduler that works", lasts: lasts, begin: func(w *world) func() {
		p := w.holder()
		if p == nil || w.busy[p] || w.free("scheduler") == nil {
			return nil
		}
		before := w.db.leaseHolder()
		end := w.kill(p)
		killed := time.Now()
		if w.mixing {
			return end // other faults may keep the other one from it
		}
		fleet.Wait(w, settingLock+settingPoll+slack, "no other scheduler has taken over", func() bool { return w.db.leaseHolder() != before })
		w.say("the other scheduler took over after %v (lease %v)", time.Since(killed).Round(10*time.Millisecond), settingLock)
		return end
	}}
}

// leaseHolder reads who holds the scheduler's lease.
func (d database) leaseHolder() string {
	d.Helper()
	var lease struct{ Holder string }
	if err := d.Collection("fhsync_locks").FindOne(d.Context(), bson.M{"name": "locks:sync:SyncScheduler"}).Decode(&lease); err != nil {
		d.Fatal(err)
	}
	return lease.Holder
}
