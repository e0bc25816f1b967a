// Package apply decides what is to be done with a pending change.
//
// It is one of the two pure decisions of Tandem (the other is delta): given what
// is known of a change and of the record in the backend, Next names the next
// step. The pending-worker takes the step, adds what it learned to the facts and
// asks again. No I/O, no clock, no retry policy: those are the worker's.
//
// The rules are protocol section 4 with its traps. The step order makes a crash
// repeat work, and the rules make the repetition harmless: a change that is in
// effect already is recognised by its hash.
package apply

import "github.com/tandem-sync/tandem/services/internal/record"

// Facts is what is known of a change.
type Facts struct {
	Change record.Change
	// RecordUID is the record's uid as known now; it differs from Change.UID when
	// that was made up by the device for a create that is done.
	RecordUID string
	// Earlier tells that an older version of the change (same hash, other content)
	// was applied; Base is the hash of what that version left in the backend, "" when unknown.
	Earlier bool
	Base    string

	// What the backend holds, once it was read.
	Read        bool
	Found       bool
	CurrentHash string // hash of the record found

	// Hasher is the dataset's record hash, by which it is decided whether the record
	// found is the version that the device changed; nil: record.Hash. CurrentMark is
	// that of the record found. Whether the change is in effect goes by CurrentHash
	// all the same: to a hash that leaves parts out, a change of those parts alone
	// would look as if it were.
	Hasher      record.Hasher
	CurrentMark string
}

// Step is what to do next.
type Step int

// The steps.
const (
	StepCreate  Step = iota + 1 // make the record
	StepRead                    // read the record, then ask again
	StepUpdate                  // write post over what was read
	StepDelete                  // delete what was read
	StepApplied                 // done: it is in effect already
	StepCollide                 // the record was changed by somebody else
	StepFail                    // it can't be applied; see Decision.Msg
)

// Decision is a step and, for StepFail, its reason in words for the device's user.
type Decision struct {
	Step Step
	Msg  string
}

// Next decides. It needs valid JSON in pre and post, which decoding has made sure of.
func Next(f Facts) (Decision, error) {
	if msg := f.Change.Problem(); msg != "" {
		return Decision{StepFail, msg}, nil
	}
	if f.Change.Action == record.ActionCreate && !f.exists() {
		return Decision{Step: StepCreate}, nil
	}
	if !f.Read {
		return Decision{Step: StepRead}, nil
	}
	if f.Change.Action == record.ActionDelete {
		return f.delete()
	}
	return f.write()
}

// exists tells that a create is a newer version of one that made its record
// (trap 1): it becomes an update of that record.
func (f Facts) exists() bool { return f.Earlier || f.RecordUID != f.Change.UID }

func (f Facts) write() (Decision, error) {
	post, err := record.Hash(f.Change.Post)
	if err != nil {
		return Decision{}, err
	}
	if f.Found && f.CurrentHash == post {
		return Decision{Step: StepApplied}, nil
	}
	mine, err := f.holdsMyBase()
	if err != nil {
		return Decision{}, err
	}
	switch {
	case mine && f.Found:
		return Decision{Step: StepUpdate}, nil
	case mine:
		// No pre and no record: there is nothing to update, and nobody to collide with.
		return Decision{StepFail, "there is no record " + f.RecordUID + " to update, and the change has no pre"}, nil
	}
	return Decision{Step: StepCollide}, nil
}

func (f Facts) delete() (Decision, error) {
	if !f.Found {
		return Decision{Step: StepApplied}, nil
	}
	mine, err := f.holdsMyBase()
	if err != nil {
		return Decision{}, err
	}
	if mine {
		return Decision{Step: StepDelete}, nil
	}
	return Decision{Step: StepCollide}, nil
}

// holdsMyBase tells whether the backend holds what the device changed: its pre,
// or what an older version of this very change wrote.
func (f Facts) holdsMyBase() (bool, error) {
	if f.Base != "" && f.Found && f.CurrentHash == f.Base {
		return true, nil
	}
	if f.Change.Action == record.ActionCreate {
		return false, nil // a create has no pre to go by
	}
	hasher, current := f.Hasher, f.CurrentMark
	if hasher == nil {
		hasher, current = record.Hash, f.CurrentHash
	}
	if !f.Found {
		current = ""
	}
	pre, err := hasher(f.Change.Pre)
	return err == nil && pre == current, err
}
