package record

// UpdateType is the kind of result that a pending change had.
type UpdateType string

// The results (protocol section 1), as they stand in answers to devices.
const (
	Applied   UpdateType = "applied"
	Failed    UpdateType = "failed"
	Collision UpdateType = "collisions"
)

// Update is the result of one pending change, kept until the device acknowledges it.
type Update struct {
	Type   UpdateType
	CUID   string
	Action Action
	Hash   string // of the pending change
	UID    string // the record's uid; after a create the one that the backend gave
	OldUID string // the uid that the device had made up and the change came under; else ""
	Msg    string // why the change failed; "" when there is nothing to say

	// Timestamp is when the result was stored, in milliseconds since 1970. For one
	// cuid and hash it strictly grows from one result to the next, so that an
	// acknowledgement, which echoes it, removes that result and never a later one.
	Timestamp int64
}

// Ack is a device's receipt for an update.
type Ack struct {
	Dataset string
	CUID    string
	Hash    string
	// Timestamp of the update that the device saw: results up to it are removed.
	Timestamp int64
}
