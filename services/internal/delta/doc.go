// Package delta decides what a device must be told so that its copy of a view
// becomes the server's (protocol section 2, syncRecords). It is one of the two
// pure decisions of Tandem: uids and hashes in, uids out.
//
// It promises that its memory follows the device's records and the difference, never
// the size of the dataset, and that a device that does what the delta says holds
// the server's view, but for what it must not see yet.
//
// It knows no store, no record data and no HTTP; what is left out, and why, is
// decided by its caller.
package delta
