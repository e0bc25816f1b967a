package record

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Action is what a pending change does to its record.
type Action string

// The actions of a pending change (protocol section 1). Devices may send them
// in any case; a Change holds them in lower case.
const (
	ActionCreate Action = "create"
	ActionUpdate Action = "update"
	ActionDelete Action = "delete"
)

// Change is a pending change: a create, update or delete that a device made.
//
// A change is identified by its hash *and its content*: after a lost answer a
// device may send a newer content under the old hash (protocol section 4, trap 1).
// Digest tells the contents apart.
type Change struct {
	Dataset  string          // dataset id
	ClientID string          // dataset client id of the request that brought the change
	CUID     string          // the device
	Hash     string          // the device's name for the change
	Action   Action          // lower case; anything but the three actions is reported as failed
	UID      string          // as the device sent it; for a create, the uid that it made up
	Pre      json.RawMessage // the record before the change, nil when absent
	Post     json.RawMessage // the record after the change, nil when absent

	// Timestamp is when the device made the change, in milliseconds since 1970
	// by the device's clock; 0 when absent.
	Timestamp int64
	// MetaData is the meta_data of the request, nil when absent. It is handed to the adapter.
	MetaData json.RawMessage
	// Invalid is why the change can't be applied, found while decoding (for
	// instance "uid is not a text"); empty when the parts above say everything.
	Invalid string
}

// Digest identifies the content of the change: action, uid, pre and post. Two
// changes with the same hash and digest are the same change, sent twice.
//
// The order of keys and white space do not count, nor does the spelling of texts
// and fractions. What the hash of a record can't tell apart does count: {} and [],
// or two integers that are one double. A digest that is too fine costs a harmless
// repetition; one that is too coarse would lose an edit.
func (c Change) Digest() string {
	h := sha256.New()
	var size [binary.MaxVarintLen64]byte
	for _, part := range []string{string(c.Action), c.UID, normalOrRaw(c.Pre), normalOrRaw(c.Post)} {
		h.Write(binary.AppendUvarint(size[:0], uint64(len(part)))) // so that no part borrows from the next
		h.Write([]byte(part))                                      // a hash takes all it is given
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Problem says why the change can't be applied, in words for the device's
// user, or "" when it can be tried (protocol section 4). Such a change is
// answered as failed, never dropped: the device would keep it for ever.
func (c Change) Problem() string {
	switch {
	case c.Invalid != "":
		return c.Invalid
	case c.Action == "":
		return "the change has no action"
	case c.Action != ActionCreate && c.Action != ActionUpdate && c.Action != ActionDelete:
		return "unknown action " + quote(string(c.Action)) + "; known are create, update, delete"
	case c.UID == "":
		return "the change has no uid"
	case c.Action != ActionDelete && !IsObject(c.Post):
		return "post must be a JSON object (" + string(c.Action) + ")"
	case c.Action == ActionDelete && !IsObject(c.Pre):
		return "pre of a delete must be a JSON object: the record that the device meant to delete"
	}
	return ""
}

// quote shortens and quotes what a device sent.
func quote(s string) string { return fmt.Sprintf("%.40q", s) }

// normalOrRaw returns the normal form of raw, and raw itself where it is not
// JSON. Absent counts as null.
func normalOrRaw(raw json.RawMessage) string {
	if len(raw) == 0 {
		return "null"
	}
	text, err := normal(raw)
	if err != nil {
		return string(raw)
	}
	return text
}
