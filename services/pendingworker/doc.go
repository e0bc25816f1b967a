// Package pendingworker is the role that applies pending changes to backends.
//
// It promises that a change that a device was told is durable is applied exactly
// once and its result reported, whatever dies at whatever moment: what to do is
// decided anew from what the backend holds (package apply), each write carries an
// idempotency key, and the result is saved and the message finished in one step.
//
// It knows adapters and the store, and nothing of HTTP.
package pendingworker
