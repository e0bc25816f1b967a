// Package fleet is a crowd of devices at work on a running Tandem over the real
// protocol, and the judge of what became of their changes. The tests that do
// harm to real processes share it.
//
//	f := fleet.Start(fleet.Config{...})       // users begin to create, edit and delete
//	f.Await(t, 100)                           // the server has acknowledged 100 changes more
//	f.Settle(t, time.Minute, queued)          // users rest; every device has everything
//	f.Stop()
//	f.Check(t, evidence)                      // what devices were told against what is there
//
// Every record carries the list of the edits that made it what it is, so that what
// was applied, how often and in which order can be read from the backend at the end.
// Each device notes what the server acknowledged (a request with a change in it that
// was answered) and the results that it was told.
//
// The package knows the protocol, through package device, and nothing of how the
// server keeps what it keeps: tests read that and hand it over as Evidence.
package fleet
