// Package adapter is the SDK for adapters written in Go: the code that stands
// between Tandem and one backend.
//
// Implement [Adapter] and call [Serve]:
//
//	err := adapter.Serve(ctx, ":8080", myAdapter)
//
// The package promises that an adapter sees only well-formed requests (a
// dataset and a key are named, data are JSON objects, optional JSON is nil when
// absent), that what it answers is checked before it leaves, that its errors
// reach Tandem as the status codes that the contract (proto/adapter/v1)
// documents, and that a panic costs one call, not the process.
//
// Four errors have a meaning: [ErrNotFound], [ErrConflict], [Refuse] and
// [RetryLater]. Every other error is a failed try: Tandem repeats it up to the
// dataset's retry limit and then reports its text to the device.
//
// Calls are repeated after crashes and lost answers. Create, Update, Delete and
// HandleCollision therefore carry a Key, the same one for each repetition; an
// adapter that has seen the key answers as before and changes nothing. For
// creates this is a must. Package adaptertest checks it, and everything else
// that Tandem relies on; package memadapter is a small adapter to read first.
//
// The package knows nothing of Tandem's inside: no store, no devices, no
// protocol beyond the contract.
package adapter
