package wire

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/tandem-sync/tandem/services/internal/record"
)

const emptyQuery = "d_97d170e1550eee4afc0af065b78cda302a97674c"

func decode(t *testing.T, body string) Request {
	t.Helper()
	r, err := DecodeRequest([]byte(body), "d")
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return r
}

func TestDecodeSync(t *testing.T) {
	got := decode(t, ` {"fn":"sync", "dataset_id":"other", "query_params":{"eq" : {"a":"\ud800"}}, "meta_data":{"token":"<x>"},
		"config":{"sync_frequency":10}, "dataset_hash":"x",
		"acknowledgements":[{"type":"applied","cuid":"someone","hash":"a1","uid":"u","msg":null,"timestamp":1495123790928},
			{"hash":"a2"}, {"hash":"a3","timestamp":"77"}, {"hash":"a4","timestamp":{"$gt":0}}],
		"pending":[{"inFlight":true,"uid":"u1","action":"UPDATE","pre":{"a.b":"\ud800\u0000","$k":1.50},"preHash":"x","post":{"<":1},"postHash":"y","timestamp":1495123790928.5,"hash":"h1"},
			{"uid":"u2","action":"delete","pre":{},"post":null,"timestamp":null,"hash":"h2"}],
		"__fh":{"cuid":"device"}} `)
	client := strings.Replace(got.ClientID, got.ClientID[2:], "hash", 1)
	want := Request{
		Fn: FnSync, QueryParams: json.RawMessage(`{"eq" : {"a":"\ud800"}}`), MetaData: json.RawMessage(`{"token":"<x>"}`), CUID: "device",
		ClientID: got.ClientID,
		Acks: []record.Ack{{Dataset: "d", CUID: "device", Hash: "a1", Timestamp: 1495123790928}, {Dataset: "d", CUID: "device", Hash: "a2"},
			{Dataset: "d", CUID: "device", Hash: "a3", Timestamp: 77}, {Dataset: "d", CUID: "device", Hash: "a4"}},
		Changes: []record.Change{
			{Dataset: "d", ClientID: got.ClientID, CUID: "device", Hash: "h1", Action: record.ActionUpdate, UID: "u1",
				Pre: json.RawMessage(`{"a.b":"\ud800\u0000","$k":1.50}`), Post: json.RawMessage(`{"<":1}`), Timestamp: 1495123790928,
				MetaData: json.RawMessage(`{"token":"<x>"}`)},
			{Dataset: "d", ClientID: got.ClientID, CUID: "device", Hash: "h2", Action: record.ActionDelete, UID: "u2",
				Pre: json.RawMessage(`{}`), Post: json.RawMessage(`null`), MetaData: json.RawMessage(`{"token":"<x>"}`)},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf(" got %+v\nwant %+v", got, want)
	}
	if client != "d_hash" || got.ClientID == emptyQuery {
		t.Errorf("dataset client %q", got.ClientID)
	}
}

// Every field but fn may be absent or null.
func TestDecodeAbsent(t *testing.T) {
	for _, body := range []string{
		`{"fn":"sync"}`,
		`{"fn":"sync","query_params":null,"meta_data":null,"config":null,"dataset_hash":null,"acknowledgements":null,"pending":null,"__fh":null,"dataset_id":null}`,
		`{"fn":"x","query_params":5,"__fh":{"cuid":5},"pending":{},"fn":"sync","query_params":{},"__fh":{"cuid":7,"cuid":null},"pending":[]}`, // the last counts
		`{"fn":"sync","clientRecs":[],"hash":{"$ne":null}}`,
		`{"\u0066n":"s\u0079nc"}`,
	} {
		want := Request{Fn: FnSync, QueryParams: json.RawMessage(`{}`), MetaData: json.RawMessage(`{}`), ClientID: emptyQuery}
		if got := decode(t, body); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", body, got)
		}
	}
}

func TestDecodeChanges(t *testing.T) {
	const surrogate = "is not valid Unicode"
	for _, test := range []struct {
		item    string
		change  record.Change // what is expected of it: hash, action, uid, timestamp
		invalid string        // part of Invalid
	}{
		{`{"hash":"h"}`, record.Change{Hash: "h"}, ""},
		{`{"hash":"h","action":"CrEaTe","uid":"u"}`, record.Change{Hash: "h", Action: "create", UID: "u"}, ""},
		{`{"hash":"h","action":"Explode","uid":""}`, record.Change{Hash: "h", Action: "explode"}, ""},
		{`{"hash":"h","action":5,"uid":"u"}`, record.Change{Hash: "h", UID: "u"}, "action must be a text"},
		{`{"hash":"h","action":{"$ne":1},"uid":["u"]}`, record.Change{Hash: "h"}, "action must be a text; uid must be a text"},
		{`{"hash":"h","action":"create","uid":7}`, record.Change{Hash: "h", Action: "create"}, "uid must be a text"},
		{`{"hash":"h","action":"create","uid":"\ud800"}`, record.Change{Hash: "h", Action: "create"}, "uid " + surrogate},
		{`{"hash":"h","action":"\ud800","uid":"u"}`, record.Change{Hash: "h", UID: "u"}, "action " + surrogate},
		{`{"hash":"h","uid":"\ud83d\ude00\u0000"}`, record.Change{Hash: "h", UID: "😀\x00"}, ""},
		{`{"hash":"x","hash":"h","timestamp":"1495123790928"}`, record.Change{Hash: "h", Timestamp: 1495123790928}, ""},
		{`{"hash":"h","timestamp":" 5.9 "}`, record.Change{Hash: "h", Timestamp: 5}, ""},
		{`{"hash":"h","timestamp":-1e3}`, record.Change{Hash: "h", Timestamp: -1000}, ""},
		{`{"hash":"h","timestamp":1e17}`, record.Change{Hash: "h"}, ""},
		{`{"hash":"h","timestamp":1e999}`, record.Change{Hash: "h"}, ""},
		{`{"hash":"h","timestamp":"0x10"}`, record.Change{Hash: "h"}, ""},
		{`{"hash":"h","timestamp":"NaN"}`, record.Change{Hash: "h"}, ""},
		{`{"hash":"h","timestamp":[1]}`, record.Change{Hash: "h"}, ""},
	} {
		r := decode(t, `{"fn":"sync","__fh":{"cuid":"c"},"pending":[`+test.item+`]}`)
		if len(r.Changes) != 1 || r.DroppedCount != 0 {
			t.Errorf("%s: %d changes, dropped %q", test.item, len(r.Changes), r.Dropped)
			continue
		}
		got := r.Changes[0]
		if (got.Invalid == "") != (test.invalid == "") || !strings.Contains(got.Invalid, test.invalid) {
			t.Errorf("%s: invalid %q, want %q", test.item, got.Invalid, test.invalid)
		}
		got.Invalid = ""
		want := test.change
		want.Dataset, want.CUID, want.ClientID, want.MetaData = "d", "c", emptyQuery, json.RawMessage(`{}`)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s\n got %+v\nwant %+v", test.item, got, want)
		}
	}
}

func TestDecodeDropsWhatCannotBeAnswered(t *testing.T) {
	r := decode(t, `{"fn":"sync","__fh":{"cuid":"c"},
		"pending":[5,null,{},{"hash":""},{"hash":null},{"hash":{"$ne":null}},{"hash":"\ud800"},{"hash":"`+strings.Repeat("h", 1001)+`"},{"hash":"good"}],
		"acknowledgements":["x",{"hash":7},{"hash":"good"},[],{"cuid":"c"}]}`)
	if len(r.Changes) != 1 || r.Changes[0].Hash != "good" || len(r.Acks) != 1 || r.Acks[0].Hash != "good" {
		t.Errorf("changes %+v, acks %+v", r.Changes, r.Acks)
	}
	if r.DroppedCount != 12 || len(r.Dropped) != maxReasons {
		t.Errorf("dropped %d: %q", r.DroppedCount, r.Dropped)
	}
	if all := strings.Join(r.Dropped, "\n"); !strings.Contains(all, "pending[0] is not an object") || !strings.Contains(all, "acknowledgements[1]: hash must be a text") {
		t.Errorf("reasons: %s", all)
	}
	r = decode(t, `{"fn":"sync","pending":[{"hash":"h"}],"acknowledgements":[{"hash":"h"}]}`)
	if len(r.Changes)+len(r.Acks) != 0 || r.DroppedCount != 2 || !strings.Contains(r.Dropped[1], "no cuid") {
		t.Errorf("without a cuid: %+v", r)
	}
}

func TestDecodeSyncRecords(t *testing.T) {
	got := decode(t, `{"fn":"syncRecords","clientRecs":{"a":"h1","b":null,"c":false,"d":0,"e":"","f":7,"g":{},"\u0068":"x","h":"h2","__proto__":"p","\ud800":"s"},"pending":5}`)
	want := map[string]string{"a": "h1", "b": "", "c": "", "d": "", "e": "", "f": "7", "g": "{}", "h": "h2", "__proto__": "p", "\xed\xa0\x80": "s"}
	if !reflect.DeepEqual(got.ClientRecs, want) {
		t.Errorf("%q", got.ClientRecs)
	}
	if got := decode(t, `{"fn":"syncRecords"}`); got.ClientRecs == nil || len(got.ClientRecs) != 0 {
		t.Errorf("absent: %v", got.ClientRecs)
	}
}

func TestDecodeCollisions(t *testing.T) {
	if got := decode(t, `{"fn":"listCollisions","meta_data":{"a":1}}`); got.Fn != FnListCollisions || string(got.MetaData) != `{"a":1}` {
		t.Errorf("%+v", got)
	}
	for _, body := range []string{`{"fn":"removeCollision"}`, `{"fn":"removeCollision","hash":null}`, `{"fn":"removeCollision","hash":""}`} {
		if got := decode(t, body); got.Hash != "" { // the collisions with a record that was gone
			t.Errorf("%s: %+v", body, got)
		}
	}
	if got := decode(t, `{"fn":"removeCollision","hash":"h"}`); got.Fn != FnRemoveCollision || got.Hash != "h" {
		t.Errorf("%+v", got)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, test := range []struct{ body, msg string }{
		{``, "byte 0"}, {`{"fn":"sync"`, "byte 12"}, {`{"fn":"sync"} x`, "byte 14"}, {"{\"fn\":\"s\xff\"}", "byte 8: not UTF-8"}, {"\xef\xbb\xbf{}", "byte order mark"},
		{`[]`, "must be a JSON object"}, {`null`, "must be a JSON object"}, {`"sync"`, "must be a JSON object"},
		{`{}`, "fn is missing; known are sync, syncRecords, listCollisions, removeCollision"}, {`{"fn":null}`, "fn is missing"}, {`{"fn":""}`, "fn is missing"},
		{`{"fn":5}`, "fn must be a text"}, {`{"fn":["sync"]}`, "fn must be a text"}, {`{"fn":"Sync"}`, `unknown fn "Sync"; known are`}, {`{"fn":"\ud800"}`, "fn is not valid Unicode"},
		{`{"fn":"sync","query_params":[]}`, "query_params must be an object"}, {`{"fn":"sync","query_params":"x"}`, "query_params must be"}, {`{"fn":"sync","query_params":0}`, "query_params must be"},
		{`{"fn":"syncRecords","meta_data":[1]}`, "meta_data must be an object"}, {`{"fn":"sync","meta_data":false}`, "meta_data must be"},
		{`{"fn":"sync","__fh":[]}`, "__fh must be an object"}, {`{"fn":"sync","__fh":"c"}`, "__fh must be"},
		{`{"fn":"sync","__fh":{"cuid":{"$ne":null}}}`, "__fh.cuid must be a text"}, {`{"fn":"sync","__fh":{"cuid":5}}`, "__fh.cuid must be"},
		{`{"fn":"sync","__fh":{"cuid":"\udc00"}}`, "__fh.cuid is not valid Unicode"}, {`{"fn":"sync","__fh":{"cuid":"` + strings.Repeat("c", 1001) + `"}}`, "too long"},
		{`{"fn":"sync","pending":{}}`, "pending must be a list"}, {`{"fn":"sync","pending":"x"}`, "pending must be"}, {`{"fn":"sync","acknowledgements":{"0":{}}}`, "acknowledgements must be a list"},
		{`{"fn":"syncRecords","clientRecs":[]}`, "clientRecs must be an object"}, {`{"fn":"syncRecords","clientRecs":"x"}`, "clientRecs must be"},
		{`{"fn":"removeCollision","hash":{"$ne":null}}`, "hash must be a text"}, {`{"fn":"removeCollision","hash":5}`, "hash must be a text"},
		{`{"fn":"removeCollision","hash":"\ud800"}`, "hash is not valid Unicode"},
		{`{"fn":"sync","x":` + strings.Repeat("[", 10001) + strings.Repeat("]", 10001) + `}`, "nested more than"},
	} {
		_, err := DecodeRequest([]byte(test.body), "d")
		var bad *Error
		if !errors.As(err, &bad) || bad.Status != 400 || !strings.Contains(bad.Msg, test.msg) {
			t.Errorf("%.80s: %v, want %q", test.body, err, test.msg)
		}
	}
	if _, err := DecodeRequest([]byte(`{"fn":"sync"}`), "system.users"); err == nil {
		t.Error("a bad dataset id")
	}
}
