// Package syncworker is the role that does sync runs: list the backend for one
// dataset client, compare with the stored records, store the difference, then
// the new content hash (protocol section 5).
//
// It promises: runs of one dataset client never overlap; nothing is stored before the
// list is complete, so that an error or a time-out leaves the records as they
// were; what is written follows what changed; a run that was replaced while it
// was paused can't commit.
//
// It knows adapters and the store, and nothing of devices.
package syncworker
