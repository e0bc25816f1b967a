package faults

import "time"

// fault is one thing that goes wrong for a while. begin returns the function that
// ends it, nil when there is nothing to do: it was chosen while it could not be.
type fault struct {
	name  string
	begin func(*world) (end func())
	lasts time.Duration
	// enough tells whether it has done what it is about; it lasts until then, but no
	// longer than hold. nil: it has.
	enough func(*world) bool
}

// hold bounds the wait for a fault that finds nobody to hurt.
const hold = 20 * time.Second

// faults are all that may come at any time and together; unit is how long most last.
func faults(unit time.Duration) []fault {
	return []fault{
		// A claim whose answer was lost runs out after claimWindow: these come first, so
		// that none is left at the end.
		mongo("MongoDB answers late", 2*unit, delays),
		mongo("MongoDB's connections are reset", unit, resets),
		mongo("MongoDB's answers break off", 2*unit, breaksOff),
		mongo("MongoDB answers nothing", 2*unit, swallows),
		kill("sync-worker", unit),
		kill("ack-worker", unit),
		kill("pending-worker", unit),
		kill("gateway", unit),
		kill("adapter mongo", unit),
		kill("scheduler", unit),
		loseScheduler(unit),
		fence("pending-worker", true, "Create", "Update"),
		fence("sync-worker", false, "List"),
		pause("pending-worker", 2*unit+time.Second),
		pause("scheduler", 2*unit+time.Second),
		pause("adapter mongo", 2*unit+time.Second),
		stopNATS(2 * unit),
		team("the team's adapter is slow", 2*unit+time.Second, slow),
		team("the team's adapter fails", 2*unit, failing),
		teamGone(2 * unit),
	}
}
