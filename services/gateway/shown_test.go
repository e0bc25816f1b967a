package gateway_test

import (
	"testing"
	"time"
)

// A client passes over what an answer tells of records for which it has pending
// changes, and takes the answer's hash: it must get none while it has not seen
// what became of them.
func TestNoHashBeforeTheDeviceHasSeenItsResults(t *testing.T) {
	b := newBench(t, nil)
	b.sync("phone")
	b.list("real-r1", `{"v":1}`, "r2", `{"v":1}`)
	b.pass(time.Second)
	b.sync("phone", pending(
		`{"action":"update","hash":"u1","uid":"r1","pre":{"v":1},"post":{"v":2}}`,
		`{"action":"delete","hash":"d1","uid":"r9","pre":{"v":1}}`))
	b.work()
	b.pass(time.Second)
	b.list("real-r1", `{"v":3}`, "r2", `{"v":1}`, "r9", `{"v":9}`)

	mine := `"clientRecs":{"r1":"hash of v 2","r2":"old"}`
	if a := b.syncRecords("phone", mine); a.Hash != "" || len(a.Create) != 2 || len(a.Update) != 1 || len(a.Delete) != 1 {
		t.Errorf("before its results the device got %+v, want the difference without a hash", a)
	}
	if a := b.syncRecords("tablet", mine); a.Hash == "" {
		t.Error("another device got no hash")
	}
	global := b.sync("phone")
	if len(global.Updates["applied"]) != 2 {
		t.Fatalf("results %+v", global.Updates)
	}
	if a := b.syncRecords("phone", mine); a.Hash != global.Hash {
		t.Errorf("after its results the device got the hash %q, want %q", a.Hash, global.Hash)
	}

	// A result that comes after that answer is unseen again.
	b.sync("phone", pending(`{"action":"update","hash":"u2","uid":"r2","pre":{"v":1},"post":{"v":2}}`))
	b.work()
	b.pass(time.Second)
	b.list("real-r1", `{"v":3}`, "r2", `{"v":5}`, "r9", `{"v":9}`)
	if a := b.syncRecords("phone", `"clientRecs":{"real-r1":"x","r2":"hash of v 2","r9":"x"}`); a.Hash != "" {
		t.Errorf("with a new result unseen the device got the hash %q", a.Hash)
	}
	if a := b.syncRecords("phone", `"clientRecs":{"real-r1":"x","r2":"`+b.syncRecords("tablet").Create["r2"].Hash+`","r9":"x"}`); a.Hash == "" {
		t.Error("an answer that says nothing of the record has no hash")
	}
}
