// Package device is a model of a phone or browser that runs the existing client
// (npm fh-sync-js 1.4.3), for the simulation and the crash test.
//
// It keeps to the client's state machine with all its habits, since the server
// has to live with them: a change is "in flight" until its result comes; after a
// lost answer it counts as crashed, and is sent again after a few more requests;
// an edit of a change that is not in flight is merged into it, under its old
// hash; an edit of one that is in flight waits for its result; a record that was
// created here has a made-up uid until the server's is known.
//
// A Device is passive: it has no goroutine and no timer. Whoever drives it calls
// Create, Update, Delete and SyncStep, one at a time; while SyncStep waits for its
// Transport, edits are allowed, as they are in a browser.
//
// It knows the protocol's JSON and nothing of the server's packages but the hash.
package device
