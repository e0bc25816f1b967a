package syncworker

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// What does not stay in memory comes back as it was, in order, as often as it is asked for.
func TestPileBeyondMemory(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var p pile
	data := json.RawMessage(`{"text":"` + strings.Repeat("x", 1<<20) + `"}`)
	const n = 20
	for i := range n {
		if err := p.add(record.Record{UID: strings.Repeat("u", i), Hash: strings.Repeat("h", i%3), Data: data[:len(data)-i]}); err != nil {
			t.Fatal(err)
		}
	}
	if p.bytes > pileBytes || len(p.kept) == n || len(p.kept) == 0 {
		t.Errorf("%d records of %d bytes in memory, want at most %d", len(p.kept), p.bytes, pileBytes)
	}
	for range 2 {
		i := 0
		for r, err := range p.all() {
			if err != nil {
				t.Fatal(err)
			}
			if len(r.UID) != i || len(r.Hash) != i%3 || string(r.Data) != string(data[:len(data)-i]) {
				t.Fatalf("record %d came back as uid %q, hash %q, %d bytes", i, r.UID, r.Hash, len(r.Data))
			}
			i++
		}
		if i != n {
			t.Errorf("%d records, want %d", i, n)
		}
	}
	if err := p.close(); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestPileWithoutRoom(t *testing.T) {
	t.Setenv("TMPDIR", "/nowhere")
	var p pile
	for {
		if err := p.add(record.Record{UID: "r", Data: json.RawMessage(strings.Repeat("x", 1<<20))}); err != nil {
			if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "TMPDIR") {
				t.Errorf("%v: does not say what to do", err)
			}
			return
		}
		if p.n > 100 {
			t.Fatal("100 MB are in memory")
		}
	}
}
