// Package mongo is the adapter in front of a MongoDB: the default one for clusters, in the place that the
// default data handlers have in the reference server, on the same collections.
//
// The collection named like the dataset holds its records, `<dataset>_collision` the collisions. Both may
// be read and written by others at any time; documents get no field that a device did not send, but for
// the change and deletion fields that the settings name. The adapter's own collection is
// `fhsync_adapter_keys`.
//
// Promises:
//
//   - A repeated create finds its record: the _id is made from dataset and key. Keys of creates and
//     collisions are remembered for KeyTTL besides, so that a repetition does not bring back what was
//     deleted meanwhile.
//   - Update and Delete compare and write in one step: the write carries the whole document that was read
//     and compared, and applies to that document only. No transaction is needed for it, so that a
//     standalone server will do. Keys of updates and deletes are not remembered: that would need one.
//   - What a device did not touch keeps its BSON value and type, down to the fields of nested objects.
//   - Every JSON object comes back as it was sent. Values that JSON has no form for are shown as
//     MongoDB Extended JSON (form.go); what BSON or a server can't hold is kept as JSON text (escape.go).
//   - query_params never reach the database: what package filter lets pass is translated (query.go).
//   - A list is streamed; memory does not grow with the dataset.
//   - A database that is away or slow is "not now"; what it refuses for good is refused with its reason.
//
// The package knows nothing of Tandem's own store, even where that is in the same database.
package mongo
