package adapter

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// Collision is one collision as an adapter keeps it.
type Collision struct {
	ID        string // the adapter's name for it
	UID       string
	Hash      string          // of the data that the backend held; "" when it held none
	Timestamp int64           // milliseconds since 1970
	Pre       json.RawMessage // nil when absent
	Post      json.RawMessage // nil when absent
}

// CollisionsJSON makes the answer of ListCollisions in the form that existing
// apps know: `{"<id>": {"uid", "hash", "pre", "post", "timestamp"}}`, in the order
// given. Absent parts are null; pre and post keep their bytes.
func CollisionsJSON(list []Collision) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, c := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(quoted(c.ID))
		b.WriteString(`:{"uid":`)
		b.Write(quoted(c.UID))
		b.WriteString(`,"hash":`)
		b.Write(quotedOrNull(c.Hash))
		b.WriteString(`,"pre":`)
		b.Write(orNull(c.Pre))
		b.WriteString(`,"post":`)
		b.Write(orNull(c.Post))
		b.WriteString(`,"timestamp":`)
		b.WriteString(strconv.FormatInt(c.Timestamp, 10))
		b.WriteByte('}')
	}
	b.WriteByte('}')
	return b.Bytes()
}

func quoted(s string) []byte {
	b, _ := json.Marshal(s) // a string always marshals
	return b
}

func quotedOrNull(s string) []byte {
	if s == "" {
		return []byte("null")
	}
	return quoted(s)
}

func orNull(raw json.RawMessage) []byte {
	if len(raw) == 0 {
		return []byte("null")
	}
	return raw
}
