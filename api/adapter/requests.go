package adapter

import "encoding/json"

// What the fields of the requests have in common:
//
//   - Dataset is never empty;
//   - MetaData is the meta_data of the device's request, JSON, nil when absent;
//   - Key is the idempotency key, never empty: the same for each repetition of one
//     change, different for different changes. Compare keys of one method and one
//     dataset only.

// ListRequest asks for the records of one view.
type ListRequest struct {
	Dataset  string
	MetaData json.RawMessage
	// QueryParams is what the device asked with, a JSON object, never nil. It comes
	// from outside: never hand it to a database as a query language.
	QueryParams json.RawMessage
}

// ListChangesRequest asks for what changed in one view.
type ListChangesRequest struct {
	Dataset     string
	MetaData    json.RawMessage
	QueryParams json.RawMessage // as in ListRequest
	Cursor      string          // what the last call returned; "" at first
}

// CreateRequest asks for a new record.
type CreateRequest struct {
	Dataset  string
	MetaData json.RawMessage
	Data     json.RawMessage // a JSON object
	Key      string
}

// ReadRequest asks for one record.
type ReadRequest struct {
	Dataset  string
	MetaData json.RawMessage
	UID      string
}

// UpdateRequest asks to replace the data of one record.
type UpdateRequest struct {
	Dataset  string
	MetaData json.RawMessage
	UID      string
	Data     json.RawMessage // a JSON object
	// Expected is what the record must hold for the change to be right, a JSON object;
	// nil: anything. An adapter that can't compare ignores it.
	Expected json.RawMessage
	Key      string
}

// DeleteRequest asks to remove one record.
type DeleteRequest struct {
	Dataset  string
	MetaData json.RawMessage
	UID      string
	Expected json.RawMessage // as in UpdateRequest
	Key      string
}

// HandleCollisionRequest tells of a change that could not be applied since
// somebody else had changed the record.
type HandleCollisionRequest struct {
	Dataset   string
	MetaData  json.RawMessage
	UID       string
	Hash      string          // of the data that the backend holds; "" when it holds none
	Timestamp int64           // when the device made the change, milliseconds since 1970
	Pre       json.RawMessage // JSON, nil when absent
	Post      json.RawMessage // JSON, nil when absent
	Key       string
}

// ListCollisionsRequest asks for the collisions kept for a dataset.
type ListCollisionsRequest struct {
	Dataset  string
	MetaData json.RawMessage
}

// RemoveCollisionRequest asks to forget the collisions with a hash.
type RemoveCollisionRequest struct {
	Dataset  string
	MetaData json.RawMessage
	Hash     string // compared as text; it comes from outside
}

// WatchRequest asks for hints about a dataset.
type WatchRequest struct {
	Dataset  string
	MetaData json.RawMessage
}
