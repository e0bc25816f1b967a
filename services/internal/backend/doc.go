// Package backend is Tandem's side of the adapter contract: which adapter
// serves a dataset, and how to call it without being hurt by it.
//
// It promises that a call ends within its time, that no adapter gets more calls
// at once than allowed, that an adapter which does not answer costs its callers
// nothing after a few tries (and one log line), and that every error says what
// it means for the change at hand: see Kind.
//
// It does not repeat calls: the queues do that, and every call bears it. It
// knows no store, no queue and nothing of what an adapter has behind it.
package backend
