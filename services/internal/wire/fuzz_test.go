package wire

import (
	"encoding/json"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// FuzzDecodeRequest: no body brings the decoder down, and what it lets through
// is what the package promises.
func FuzzDecodeRequest(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `[]`, `{"fn":"sync"}`, `{"fn":null}`, `{"fn":"nope"}`, `{"fn":"listCollisions","meta_data":{}}`, `{"fn":"removeCollision","hash":"h"}`,
		`{"fn":"sync","dataset_id":"d","query_params":{"a":1},"meta_data":{"t":"x"},"config":{},"dataset_hash":"g","acknowledgements":[{"type":"applied","cuid":"c","action":"create","hash":"h","uid":"u","msg":null,"timestamp":1495123790928,"oldUid":"o"}],"pending":[{"uid":"u","action":"create","pre":null,"post":{"a":{"b.c":"\ud800\u0000"}},"timestamp":1495123790928,"hash":"h","postHash":"p"}],"__fh":{"cuid":"c"}}`,
		`{"fn":"sync","pending":[1,{"hash":"h","uid":5,"action":{"$ne":1}},{"hash":"\ud800"}],"__fh":{"cuid":"c"}}`,
		`{"fn":"sync","__fh":{"cuid":{"$ne":null}}}`,
		`{"fn":"syncRecords","clientRecs":{"a":"h","b":null,"\ud800":5,"":"x"}}`,
		`{"fn":"sync","__fh":{"cuid":"c"},"pending":[{"hash":"h","timestamp":"1e5","pre":[[{}]],"post": { "k" : [ 1 , 2 ] } }]}`,
		"{\"fn\":\"sync\xff\"}", "\xef\xbb\xbf{\"fn\":\"sync\"}", `{"fn":"sync","fn":"syncRecords","\u0066n":"sync"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := DecodeRequest(body, "d")
		if err != nil {
			var bad *Error
			if !errors.As(err, &bad) || bad.Status != 400 || !json.Valid(ErrorBody(bad.Msg)) {
				t.Fatalf("%q: %v", body, err)
			}
			return
		}
		object := func(name string, raw json.RawMessage) {
			if !json.Valid(raw) || !record.IsObject(raw) {
				t.Fatalf("%q: %s is %q", body, name, raw)
			}
		}
		id := func(name, value string) {
			if value == "" || !utf8.ValidString(value) || len(value) > MaxIDLength {
				t.Fatalf("%q: %s is %q", body, name, value)
			}
		}
		object("query_params", r.QueryParams)
		object("meta_data", r.MetaData)
		id("dataset client", r.ClientID)
		for _, ack := range r.Acks {
			id("hash of an ack", ack.Hash)
			id("cuid of an ack", ack.CUID)
		}
		var updates []record.Update
		for _, c := range r.Changes {
			id("hash of a change", c.Hash)
			id("cuid of a change", c.CUID)
			if !utf8.ValidString(c.UID) || !utf8.ValidString(string(c.Action)) {
				t.Fatalf("%q: %+v", body, c)
			}
			for _, raw := range []json.RawMessage{c.Pre, c.Post} {
				if raw != nil && !json.Valid(raw) {
					t.Fatalf("%q: record %q", body, raw)
				}
			}
			updates = append(updates, record.Update{Type: record.Failed, CUID: c.CUID, Hash: c.Hash, Action: c.Action, UID: c.UID, Msg: c.Problem()})
			c.Digest()
		}
		if answer := (SyncResponse{Updates: updates}).Encode(); !json.Valid(answer) {
			t.Fatalf("%q is answered by %q", body, answer)
		}
		var deletes []string
		for uid := range r.ClientRecs {
			deletes = append(deletes, uid)
		}
		if answer := (RecordsResponse{Delete: deletes}).Encode(); !json.Valid(answer) {
			t.Fatalf("%q is answered by %q", body, answer)
		}
	})
}
