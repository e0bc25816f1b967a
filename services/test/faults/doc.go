// Package faults does harm to a cluster of real processes while devices work on it,
// and then checks that nobody noticed: no change lost, none applied twice, each told
// its result, all devices equal to the backend, all queues empty.
//
// The cluster is package cluster's (two of each role, MongoDB behind a proxy, NATS),
// the devices and the judge are package fleet's. One dataset has an adapter of its
// own, as a team would write it, which lives in the test and can be slow, fail, go
// away and come back.
//
// A fault has a beginning and an end, and whatever it broke is whole after the end;
// fault_test.go lists all. After each the test waits until devices get results again.
// In `make test` each happens once, with few devices. `make faults` takes longer:
//
//	go test ./test/faults -v -faults.rounds 4 -faults.devices 50 -faults.seed 7
//
// Round 1 is each fault in turn, the others mix them at random, two or three at a
// time, with clocks that are wrong. Each round has a cluster and a database of its
// own. The seed decides who does what and which faults come when; what the processes
// make of it is up to them, so that the same seed is not the same run.
package faults
