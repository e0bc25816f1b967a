// Package csv is the adapter in front of a directory of CSV files, `<dataset>.csv`
// each, that other people and programs read and write too.
//
// Promises:
//
//   - A list is whole or an error. A row that can't be read makes it fail, with file
//     and line; a file that is missing, empty, or being written is never taken for
//     one with fewer records.
//   - A write is atomic: a new file takes the place of the old one by rename, after
//     fsync. What comes at the same time is written together.
//   - Update and Delete compare and write in one step towards everybody who goes
//     through this adapter. A change by others is seen up to the moment before the
//     rename, and then all is decided anew; only a write in that instant can be lost,
//     since files have no locks that editors know of.
//   - A repeated create finds its record: the uid is made from dataset and key. The
//     keys of creates and collisions are noted after the write for KeyTTL, so that a
//     repetition does not bring back what was deleted.
//   - What a device did not touch keeps its bytes: other rows, other columns, comments,
//     blank lines, quotes, byte order mark and line ends.
//   - Data that the file can't hold are refused, never bent. A file with a column for
//     the rest (`rest`) holds every JSON object.
//   - Rows are streamed; of each only 8 bytes are kept, to see that uids are unique.
//
// Side files are in the folder .tandem of the directory: the lock of the one adapter
// that may write, keys and collisions. Nothing but this package touches them.
package csv
