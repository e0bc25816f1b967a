package pendingworker_test

import (
	"encoding/json"
	"testing"

	"github.com/tandem-sync/tandem/services/internal/backend"
	"github.com/tandem-sync/tandem/services/internal/record"
)

// byVersion makes the worker go by the field v of a record.
func byVersion(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	h, err := record.NewHasher("field:v")
	if err != nil {
		t.Fatal(err)
	}
	b.worker.Hasher = func(dataset string) record.Hasher {
		if dataset != "tasks" {
			t.Errorf("asked for dataset %q", dataset)
		}
		return h
	}
	return b
}

func (b *bench) made(data string) string {
	b.t.Helper()
	uid, err := b.real.Create(b.t.Context(), backend.CreateRequest{Data: json.RawMessage(data), Key: "made"})
	if err != nil {
		b.t.Fatal(err)
	}
	return uid
}

func (b *bench) do(hash, action, uid, pre, post string) {
	b.t.Helper()
	b.send(record.Change{Hash: hash, Action: record.Action(action), UID: uid, Pre: json.RawMessage(pre), Post: json.RawMessage(post)})
	if err := b.work(); err != nil {
		b.t.Fatal(err)
	}
}

// Fields that the record hash leaves out don't make a collision, the version does.
func TestRecordHashDecidesCollisions(t *testing.T) {
	const device = `{"v":1,"text":"as the device had it"}`
	for _, c := range []struct {
		name, found, action, post string
		want                      record.UpdateType
		left                      string // "": no record
	}{
		{"same version, other text", `{"v":1,"text":"padded   "}`, "update", `{"v":1,"text":"new"}`, record.Applied, `{"v":1,"text":"new"}`},
		{"same version, delete", `{"v":1,"text":"padded   "}`, "delete", "", record.Applied, ""},
		{"other version, same text", `{"v":2,"text":"as the device had it"}`, "update", `{"v":1,"text":"new"}`, record.Collision, `{"v":2,"text":"as the device had it"}`},
		{"other version, delete", `{"v":2,"text":"as the device had it"}`, "delete", "", record.Collision, `{"v":2,"text":"as the device had it"}`},
		{"no version any more", `{"text":"as the device had it"}`, "update", `{"v":1,"text":"new"}`, record.Collision, `{"text":"as the device had it"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := byVersion(t)
			uid := b.made(c.found)
			b.do("h", c.action, uid, device, c.post)
			b.want("h", c.want)
			if got := b.records()[uid]; got != c.left {
				t.Errorf("the backend holds %q, want %q", got, c.left)
			}
		})
	}
}

// A change that leaves the version alone is written, not taken for done: to the
// record hash pre, post and what is found are one.
func TestRecordHashDoesNotSwallowChanges(t *testing.T) {
	b := byVersion(t)
	uid := b.made(`{"v":1,"text":"old"}`)
	b.do("h", "update", uid, `{"v":1,"text":"old"}`, `{"v":1,"text":"new"}`)
	b.want("h", record.Applied)
	b.holds(uid, `{"v":1,"text":"new"}`)
}
