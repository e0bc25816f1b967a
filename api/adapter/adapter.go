package adapter

import (
	"context"
	"encoding/json"
)

// Adapter is one backend as Tandem sees it. Its methods are called from many
// goroutines at once and end when ctx does.
//
// The JSON that it gets may be kept: nobody changes it afterwards. Data are to be
// given back with the meaning that they came with; the bytes may differ.
type Adapter interface {
	// List calls send for each record of the dataset that matches QueryParams, and
	// returns the error of send if there is one. send is not to be called from two
	// goroutines at once, and keeps the data it is given. Records are sent on in
	// batches. An error makes Tandem forget all of the list.
	List(ctx context.Context, req ListRequest, send func(Record) error) error

	// Create stores a new record and returns its uid: for a repeated Key the uid of
	// the record that the first call made.
	Create(ctx context.Context, req CreateRequest) (uid string, err error)

	// Read returns a record's data, a JSON object. ErrNotFound.
	Read(ctx context.Context, req ReadRequest) (json.RawMessage, error)

	// Update replaces the data of a record. ErrNotFound; ErrConflict when the adapter
	// can compare and the record does not hold Expected.
	Update(ctx context.Context, req UpdateRequest) error

	// Delete removes a record. ErrNotFound; ErrConflict as for Update.
	Delete(ctx context.Context, req DeleteRequest) error

	// HandleCollision keeps a change that met a record which somebody else had changed.
	HandleCollision(ctx context.Context, req HandleCollisionRequest) error

	// ListCollisions returns the collisions kept for a dataset as the JSON object that
	// the device gets; CollisionsJSON makes the usual one.
	ListCollisions(ctx context.Context, req ListCollisionsRequest) (json.RawMessage, error)

	// RemoveCollision forgets the collisions with this hash and returns how many
	// there were. None is no error.
	RemoveCollision(ctx context.Context, req RemoveCollisionRequest) (removed int64, err error)
}

// Describer is implemented by an adapter that has something to tell of itself.
// One that does not is taken as anonymous and able to do nothing beyond the must.
type Describer interface {
	Describe(ctx context.Context) (Description, error)
}

// ChangeLister is implemented by an adapter that can tell what changed since a
// cursor, which makes sync runs of large datasets cheap.
type ChangeLister interface {
	// ListChanges writes what changed since req.Cursor to out, in any order, and
	// returns the cursor for the next call (not ""). With an empty cursor it writes
	// the whole content. When the cursor is too old it calls out.Reset first and
	// then writes the whole content.
	ListChanges(ctx context.Context, req ListChangesRequest, out *ChangeWriter) (cursor string, err error)
}

// Watcher is implemented by an adapter that notices changes made in the backend
// by others.
type Watcher interface {
	// Watch calls send each time something changed in the dataset, until ctx ends.
	// A hint may be lost or superfluous: Tandem looks for itself and also without one.
	Watch(ctx context.Context, req WatchRequest, send func(Hint) error) error
}

// Description is what an adapter tells of itself. Whether it offers ListChanges
// and Watch is seen from the interfaces that it implements.
type Description struct {
	Name, Version   string // for people
	CompareAndWrite bool   // Update and Delete compare Expected and write in one step
	RemembersKeys   bool   // Keys of updates and deletes are remembered, not only of creates
}

// Record is one record of a dataset.
type Record struct {
	UID  string          // not empty
	Data json.RawMessage // a JSON object
}

// Hint says that something changed.
type Hint struct {
	// QueryParams of the view that changed, a JSON object; nil: any view.
	QueryParams json.RawMessage
}
