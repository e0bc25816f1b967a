package device

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// The actions of a change.
const (
	create = "create"
	update = "update"
	remove = "delete"
)

// Pending is a change as the client keeps and sends it.
type Pending struct {
	InFlight  bool            `json:"inFlight"`
	Action    string          `json:"action"`
	Post      json.RawMessage `json:"post"` // null for a delete
	PostHash  string          `json:"postHash"`
	Timestamp int64           `json:"timestamp"`
	UID       string          `json:"uid"`
	Pre       json.RawMessage `json:"pre,omitempty"`
	PreHash   string          `json:"preHash,omitempty"`
	Hash      string          `json:"hash"`

	InFlightDate int64  `json:"inFlightDate,omitempty"` // when it was sent last
	Crashed      bool   `json:"crashed,omitempty"`      // its answer was lost
	CrashedCount int    `json:"crashedCount,omitempty"` // requests since without news of it
	Delayed      bool   `json:"delayed,omitempty"`      // waits for the result of another change
	Waiting      string `json:"waiting,omitempty"`      // the hash of that one
}

// newPending makes a change and its hash. The hash covers the fields that the
// client has set by then: those of a create are fewer, since its uid is the hash.
func newPending(action, uid string, pre *Record, post json.RawMessage, now int64) *Pending {
	p := &Pending{Action: action, Post: post, PostHash: hash(post), Timestamp: now}
	hashed := map[string]any{"inFlight": false, "action": action, "post": post, "postHash": p.PostHash, "timestamp": now}
	if action != create {
		p.UID, p.Pre, p.PreHash = uid, pre.Data, hash(pre.Data)
		hashed["uid"], hashed["pre"], hashed["preHash"] = p.UID, p.Pre, p.PreHash
	}
	raw, err := json.Marshal(hashed)
	if err != nil {
		panic(err) // pre and post are valid JSON
	}
	p.Hash = hash(raw)
	if action == create {
		p.UID = p.Hash
	}
	return p
}

// hash is the client's: that of protocol section 3, except that the client also
// hashes null, as the text "null".
func hash(raw json.RawMessage) string {
	if bytes.Equal(raw, []byte("null")) {
		sum := sha1.Sum(raw)
		return hex.EncodeToString(sum[:])
	}
	h, err := record.Hash(raw)
	if err != nil {
		panic(err) // it is valid JSON
	}
	return h
}

// find returns the pending change with this hash, nil when there is none.
func (s *state) find(hash string) *Pending {
	for _, p := range s.Pending {
		if p.Hash == hash {
			return p
		}
	}
	return nil
}

// drop removes the pending change with this hash.
func (s *state) drop(hash string) {
	s.Pending = slices.DeleteFunc(s.Pending, func(p *Pending) bool { return p.Hash == hash })
}

// put stores a change under its hash. One that is there keeps its place.
func (s *state) put(p *Pending) {
	for i, old := range s.Pending {
		if old.Hash == p.Hash {
			s.Pending[i] = p
			return
		}
	}
	s.Pending = append(s.Pending, p)
}
