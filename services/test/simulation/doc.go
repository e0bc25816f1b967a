// Package simulation runs a whole Tandem, with its devices and a backend, in
// virtual time and by chance that a seed decides, and checks the promises.
//
// Every piece of work (a request, a change in a worker, a sync run, a scheduler
// pass, a device's sync) is a coroutine that stops before and after each call to
// the store and to the backend. One runs at a time. The driver picks by the seed
// what happens next: one of them goes on, its call fails, its process dies with
// all that was in it, the clock moves on, a request or an answer is lost, comes late
// or comes twice, a user edits, somebody writes to the backend. So any two pieces
// of work meet at any point, and the same seed gives the same run.
//
// Over the mongo engine (-engine mongo) work stops also before each command to the
// database, in the middle of an operation: that engine has no transactions, and this is
// the proof of its rules for crashes (package mongo). In each run, operations stall before
// certain commands for long, so that others complete what was begun.
//
// Then all faults end, and within a bounded time everything must be at rest. What
// is checked, at once where it can be and else at the end:
//   - a change that was queued has exactly one outcome, and its outcome is true: applied
//     means that the backend has seen it, failed or collision that it has not;
//   - no change takes effect twice, none overwrites what its device had not seen, and
//     those of one device to one record take effect in the order in which they were made;
//   - an answer comes after the changes of its request are durable; a result is kept
//     until its device has seen it, and what a device takes for the result of a change is;
//   - nobody commits with a claim, run or lease that has passed to another;
//   - at rest all queues are empty, no result waits, no change is pending, and every
//     device holds exactly the records that the backend holds for its view.
//
// The tests (all code is in them) print the seed and the last events of a run that
// fails; `go test ./test/simulation -run TestSimulation -seed N` repeats it.
//
// Where to start: driver_test.go (what can happen), ledger_test.go and
// recorder_test.go (what is checked), crew_test.go (coroutines), engine_test.go (what is
// within an operation).
package simulation
