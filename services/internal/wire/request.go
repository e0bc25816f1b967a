package wire

import (
	"encoding/json"
	"fmt"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// Fn is what a request asks for.
type Fn string

// The functions (protocol section 2), as they are spelled in requests.
const (
	FnSync            Fn = "sync"
	FnSyncRecords     Fn = "syncRecords"
	FnListCollisions  Fn = "listCollisions"
	FnRemoveCollision Fn = "removeCollision"
)

const knownFns = "known are sync, syncRecords, listCollisions, removeCollision"

// MaxIDLength is how many bytes a cuid or the hash of a change may have. Those of
// the clients that exist have about 40; both become parts of index keys.
const MaxIDLength = 1000

// Request is a decoded request. Fields that its function does not use are empty,
// whatever the body had there. The raw values are parts of the body, byte for byte.
type Request struct {
	Fn          Fn
	QueryParams json.RawMessage // a JSON object; {} when absent or null
	MetaData    json.RawMessage // a JSON object; {} when absent or null
	CUID        string          // "" when absent or null

	// ClientID is the dataset client that the request is about, made of the dataset
	// and QueryParams.
	ClientID string

	Acks    []record.Ack    // sync: each with cuid and hash
	Changes []record.Change // sync: each with cuid and hash, in the order sent

	// Dropped are the changes and acknowledgements that can't be answered, since
	// they or the request lack what an answer is addressed by: why, for the log, at
	// most maxReasons of them. DroppedCount counts them all.
	Dropped      []string
	DroppedCount int

	// ClientRecs is what the device has, uid → hash (syncRecords). The uids are WTF-8
	// (see rawjson): one with a lone surrogate, which no stored record can have, comes
	// back in the answer's deletes as it was. A hash is "" where the device has the
	// record without one (null, false, 0, ""); one that is no text is kept as its JSON,
	// which equals no record's hash.
	ClientRecs map[string]string

	Hash string // removeCollision: of the collision

	// Headers are those of the HTTP request that interceptors may see, names in lower
	// case. They are not in the body; the gateway puts them here.
	Headers map[string]string
}

// Summary is what an answer holds, for interceptors.
type Summary struct {
	Hash string // the global hash; "" where the answer has none
	// Updates counts the results told (sync).
	Updates int
	// Create, Update and Delete count the records told (syncRecords).
	Create, Update, Delete int
}

// maxReasons keeps a request of a million broken changes from filling the log.
const maxReasons = 10

func (r *Request) drop(format string, args ...any) {
	r.DroppedCount++
	if len(r.Dropped) < maxReasons {
		r.Dropped = append(r.Dropped, fmt.Sprintf(format, args...))
	}
}
