// Package story says in words what became of a change, for somebody who misses it.
//
// Tell gets the facts that the administration API gives (FindChanges) and decides
// what they mean: where the change stands, why it stands there, and what to do next.
// It is a pure function: no clock, no store, no network, so that every situation has
// its row in a test. It tells no record data, since the facts have none.
//
// A change can be missed at three places, and the story goes through them in order:
// it is not done yet (waiting.go); it is done, and the device does not know (done.go);
// it is applied, and other devices do not see it (spread.go). What was never received
// has no story: NotFound says how that comes.
package story
