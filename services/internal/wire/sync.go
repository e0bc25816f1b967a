package wire

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// SyncResponse answers fn = "sync" (protocol section 2).
type SyncResponse struct {
	Hash    string          // global hash, "" while none is known
	Updates []record.Update // oldest first
}

// Encode returns the response as JSON: hash is left out when "", updates come by
// their hash, once under hashes and once under their type; of several for one
// hash the last counts. Keys are sorted, so that one response has one text.
func (s SyncResponse) Encode() []byte {
	byHash := make(map[string]record.Update, len(s.Updates))
	for _, update := range s.Updates {
		byHash[update.Hash] = update
	}
	updates := make([]record.Update, 0, len(byHash))
	for _, update := range byHash {
		updates = append(updates, update)
	}
	slices.SortFunc(updates, func(a, b record.Update) int { return strings.Compare(a.Hash, b.Hash) })

	b := []byte{'{'}
	if s.Hash != "" {
		b = append(b, `"hash":`...)
		b = append(appendText(b, s.Hash), ',')
	}
	b = append(b, `"updates":{"hashes":`...)
	b = appendUpdates(b, updates)
	for _, kind := range []record.UpdateType{record.Applied, record.Failed, record.Collision} {
		ofKind := slices.DeleteFunc(slices.Clone(updates), func(u record.Update) bool { return u.Type != kind })
		if len(ofKind) > 0 {
			b = append(appendText(append(b, ','), string(kind)), ':')
			b = appendUpdates(b, ofKind)
		}
	}
	return append(b, '}', '}')
}

func appendUpdates(b []byte, updates []record.Update) []byte {
	b = append(b, '{')
	for i, update := range updates {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, update.Hash), ':')
		b = appendUpdate(b, update)
	}
	return append(b, '}')
}

// appendUpdate appends one update. A device takes msg as it finds it; where there is
// nothing to say it has always been null.
func appendUpdate(b []byte, u record.Update) []byte {
	field := func(name, value string) {
		b = append(b, name...)
		b = appendText(b, value)
	}
	field(`{"type":`, string(u.Type))
	field(`,"cuid":`, u.CUID)
	field(`,"action":`, string(u.Action))
	field(`,"hash":`, u.Hash)
	field(`,"uid":`, u.UID)
	if u.Msg == "" {
		b = append(b, `,"msg":null`...)
	} else {
		field(`,"msg":`, u.Msg)
	}
	b = strconv.AppendInt(append(b, `,"timestamp":`...), u.Timestamp, 10)
	if u.OldUID != "" {
		field(`,"oldUid":`, u.OldUID)
	}
	return append(b, '}')
}
