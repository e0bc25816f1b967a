package syncworker_test

import (
	"testing"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// TestRecordHash: the stored hashes are the dataset's, and decide what is stored. A
// record hash that changed makes the next run store everything anew.
func TestRecordHash(t *testing.T) {
	b := newBench(t)
	view := b.view("{}")
	uid := b.put(`{"v":1,"text":"old"}`)
	b.must(b.run(view))
	hash := func(name, data string) string {
		t.Helper()
		h, err := record.NewHasher(name)
		b.must(err)
		text, err := h([]byte(data))
		b.must(err)
		return text
	}
	stored := func(want string) {
		t.Helper()
		if got := b.hashOf(view, uid); got != want {
			t.Errorf("stored hash %s, want %s", got, want)
		}
	}
	holds := func(want string) {
		t.Helper()
		list, err := b.store.ReadRecords(t.Context(), "tasks", []string{uid})
		b.must(err)
		if len(list) != 1 || string(list[0].Data) != want {
			t.Errorf("stored %+v, want %s", list, want)
		}
	}
	stored(hash("sha1", `{"v":1,"text":"old"}`))

	b.worker.Hasher = func(dataset string) record.Hasher {
		if dataset != "tasks" {
			t.Errorf("asked for dataset %q", dataset)
		}
		h, err := record.NewHasher("field:v")
		b.must(err)
		return h
	}
	before := b.client(view).GlobalHash()
	b.must(b.run(view))
	stored(hash("field:v", `{"v":1}`))
	if b.client(view).GlobalHash() == before || b.runs[len(b.runs)-1].changed != 1 {
		t.Error("another record hash did not make the run store the records anew")
	}

	b.change(uid, `{"v":1,"text":"other"}`)
	b.must(b.run(view))
	holds(`{"v":1,"text":"old"}`)
	b.change(uid, `{"v":2,"text":"other"}`)
	b.must(b.run(view))
	holds(`{"v":2,"text":"other"}`)
}

func (b *bench) hashOf(view, uid string) string {
	b.Helper()
	for pair, err := range b.store.ViewHashes(b.Context(), view) {
		b.must(err)
		if pair.UID == uid {
			return pair.Hash
		}
	}
	return ""
}
