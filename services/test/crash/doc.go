// Package crash kills a real `tandem all` with SIGKILL, again and again, while
// devices work on it over the real protocol, and then looks into its files.
//
// Where the simulation meets every interleaving in virtual time, this test meets
// the real disk, the real network and the real process. The devices, and what is checked
// at the end, are package fleet's.
//
// The tests (all code is in them) take `-crash.rounds` and `-crash.seed`.
package crash
