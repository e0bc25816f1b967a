package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/tandem-sync/tandem/services/internal/record"
)

func TestSyncResponse(t *testing.T) {
	for _, test := range []struct {
		response SyncResponse
		want     string
	}{
		{SyncResponse{}, `{"updates":{"hashes":{}}}`},
		{SyncResponse{Hash: "g"}, `{"hash":"g","updates":{"hashes":{}}}`},
		{SyncResponse{Hash: "g", Updates: []record.Update{
			{Type: record.Failed, CUID: "c", Action: "update", Hash: "h3", UID: "u3", Msg: "<no> \"such\"\u2028 \xff", Timestamp: 3},
			{Type: record.Collision, CUID: "c", Action: "delete", Hash: "h2", UID: "u2", Timestamp: 2},
			{Type: record.Failed, CUID: "c", Action: "create", Hash: "h1", UID: "x", Msg: "old", Timestamp: 1},
			{Type: record.Applied, CUID: "c", Action: "create", Hash: "h1", UID: "u1", OldUID: "h1", Timestamp: 4},
		}}, `{"hash":"g","updates":{"hashes":{` +
			`"h1":{"type":"applied","cuid":"c","action":"create","hash":"h1","uid":"u1","msg":null,"timestamp":4,"oldUid":"h1"},` +
			`"h2":{"type":"collisions","cuid":"c","action":"delete","hash":"h2","uid":"u2","msg":null,"timestamp":2},` +
			`"h3":{"type":"failed","cuid":"c","action":"update","hash":"h3","uid":"u3","msg":"<no> \"such\"` + "\u2028 \ufffd" + `","timestamp":3}},` +
			`"applied":{"h1":{"type":"applied","cuid":"c","action":"create","hash":"h1","uid":"u1","msg":null,"timestamp":4,"oldUid":"h1"}},` +
			`"failed":{"h3":{"type":"failed","cuid":"c","action":"update","hash":"h3","uid":"u3","msg":"<no> \"such\"` + "\u2028 \ufffd" + `","timestamp":3}},` +
			`"collisions":{"h2":{"type":"collisions","cuid":"c","action":"delete","hash":"h2","uid":"u2","msg":null,"timestamp":2}}}}`},
	} {
		if got := string(test.response.Encode()); got != test.want || !json.Valid([]byte(got)) {
			t.Errorf("\n got %s\nwant %s", got, test.want)
		}
	}
}

func TestRecordsResponse(t *testing.T) {
	for _, test := range []struct {
		response RecordsResponse
		want     string
	}{
		{RecordsResponse{Hash: "g"}, `{"create":{},"update":{},"delete":{},"hash":"g"}`},
		{RecordsResponse{
			Create: []record.Record{{UID: "b", Hash: "hb", Data: json.RawMessage(`{"s":"\ud800<>", "n":1.50}`)}, {UID: "a", Hash: "ha", Data: json.RawMessage(`{}`)},
				{UID: "gone"}, {UID: "null", Data: json.RawMessage("null")}},
			Update: []record.Record{{UID: `u"`, Hash: "hu", Data: json.RawMessage(`{"x":null}`)}},
			Delete: []string{"z", "\xed\xa0\x80", "<"},
			Hash:   "g",
		}, `{"create":{"a":{"uid":"a","data":{},"hash":"ha"},"b":{"uid":"b","data":{"s":"\ud800<>", "n":1.50},"hash":"hb"}},` +
			`"update":{"u\"":{"uid":"u\"","data":{"x":null},"hash":"hu"}},"delete":{"<":{},"z":{},"\ud800":{}},"hash":"g"}`},
	} {
		if got := string(test.response.Encode()); got != test.want || !json.Valid([]byte(got)) {
			t.Errorf("\n got %s\nwant %s", got, test.want)
		}
	}
}

func TestRecordsWriterStreams(t *testing.T) {
	var out bytes.Buffer
	w := NewRecordsWriter(&out)
	long := json.RawMessage(`{"x":"` + strings.Repeat("x", holdBack) + `"}`)
	if err := w.Create(nil); err != nil || w.Started() {
		t.Fatalf("started at once: %v", err)
	}
	_ = w.Create([]record.Record{{UID: "a", Data: json.RawMessage(`{}`)}})
	if w.Started() || out.Len() > 0 {
		t.Fatal("started for little")
	}
	_ = w.Create([]record.Record{{UID: "b", Data: long}, {UID: "c", Data: long}})
	if !w.Started() || out.Len() < 2*holdBack || cap(w.buf) > 4*holdBack {
		t.Fatalf("holds back %d, has written %d", cap(w.buf), out.Len())
	}
	_ = w.Delete([]string{"d"})
	if err := w.Update(nil); !errors.Is(err, errOrder) {
		t.Errorf("update after delete: %v", err)
	}

	out.Reset()
	w = NewRecordsWriter(&out)
	_ = w.Update([]record.Record{{UID: "b", Data: long}})
	_ = w.Delete([]string{"d"})
	if err := w.Close("g"); err != nil {
		t.Fatal(err)
	}
	var answer struct {
		Create, Update, Delete map[string]json.RawMessage
		Hash                   string
	}
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil || len(answer.Update) != 1 || len(answer.Delete) != 1 || answer.Hash != "g" {
		t.Errorf("%v: %.100s", err, out.Bytes())
	}
	if err := w.Close("g"); err == nil {
		t.Error("closed twice")
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestRecordsWriterReportsErrors(t *testing.T) {
	w := NewRecordsWriter(brokenPipe{})
	long := json.RawMessage(`{"x":"` + strings.Repeat("x", holdBack) + `"}`)
	for range 3 {
		if err := w.Create([]record.Record{{UID: "a", Data: long}}); err == nil || err.Error() != "broken pipe" {
			t.Fatalf("%v", err)
		}
	}
	if err := w.Close("g"); err == nil || err.Error() != "broken pipe" {
		t.Errorf("close: %v", err)
	}
}

func TestErrorBody(t *testing.T) {
	if got := string(ErrorBody("no <b> \"x\"\n\x00")); got != `"no <b> \"x\"\n\u0000"` {
		t.Error(got)
	}
}
