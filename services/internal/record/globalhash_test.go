package record

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

func TestGlobalHash(t *testing.T) {
	var empty GlobalHash
	if got := empty.String(); len(got) != 64 {
		t.Errorf("empty: %q", got)
	}
	// Pinned: stored content hashes must stay valid.
	var g GlobalHash
	g.Add("u1", "h1")
	g.Add("u2", "h2")
	if got, want := g.String(), "8a3ba9d87be4cbf3ac267ee69e1b4a8040ad108cb09b0080627e59d01d82f015"; got != want {
		t.Errorf("two records: %s, was %s", got, want)
	}
	seen := map[string]string{}
	for _, set := range [][][2]string{
		{}, {{"a", "b"}}, {{"a", "b"}, {"a", "b"}}, {{"", "ab"}}, {{"ab", ""}}, {{"b", "a"}}, {{"a", "c"}},
		{{"a", "x"}, {"b", "y"}}, {{"a", "y"}, {"b", "x"}},
	} {
		var g GlobalHash
		for _, r := range set {
			g.Add(r[0], r[1])
		}
		name := fmt.Sprint(set)
		if other, ok := seen[g.String()]; ok {
			t.Errorf("%s and %s have one digest", name, other)
		}
		seen[g.String()] = name
	}
}

func TestParseGlobalHash(t *testing.T) {
	for _, bad := range []string{"", "97d170e1550eee4afc0af065b78cda302a97674c", "zz" + GlobalHash{}.String()[2:]} {
		if _, err := ParseGlobalHash(bad); err == nil {
			t.Errorf("%q parsed", bad)
		}
	}
}

// However a set is arrived at, its digest is that of the set.
func TestGlobalHashFollowsChanges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := map[string]string{}
		var g GlobalHash
		for range rapid.IntRange(0, 50).Draw(t, "steps") {
			uid := rapid.StringMatching(`[ab]{0,3}`).Draw(t, "uid")
			if old, ok := records[uid]; ok {
				g.Remove(uid, old)
				delete(records, uid)
			}
			if rapid.Bool().Draw(t, "put") {
				hash := rapid.StringMatching(`[ab]{0,2}`).Draw(t, "hash")
				g.Add(uid, hash)
				records[uid] = hash
			}
			if rapid.IntRange(0, 4).Draw(t, "reload") == 0 {
				var err error
				if g, err = ParseGlobalHash(g.String()); err != nil {
					t.Fatal(err)
				}
			}
		}
		var want GlobalHash
		for uid, hash := range records {
			want.Add(uid, hash)
		}
		if g.String() != want.String() {
			t.Fatalf("%s, want %s", g, want)
		}
	})
}
