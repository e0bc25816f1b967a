// Package takeover lets Tandem take over the database of a reference server in the
// middle of its work, and gives it back.
//
// The reference server is npm fh-sync itself (folder node), on a MongoDB wire server;
// the devices are npm fh-sync-js. Each device is one instance from beginning to end:
// what is behind the address that it calls changes, and it is not told. What the
// backend holds is read from the dataset's own collection, which the default data
// handlers of the one and `tandem adapter mongo` of the other share.
//
// The tests prove that what a device was told is stored is applied once, reported
// as what became of it, and seen by all others, whichever server was asked.
package takeover
