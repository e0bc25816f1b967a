package syncworker

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// listOf yields records, uid and data by turns, and then err where there is one.
func listOf(err error, pairs ...string) iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		for i := 0; i+1 < len(pairs); i += 2 {
			if !yield(record.Record{UID: pairs[i], Data: json.RawMessage(pairs[i+1])}, nil) {
				return
			}
		}
		if err != nil {
			yield(record.Record{}, err)
		}
	}
}

func hash(t testing.TB, data string) string {
	t.Helper()
	h, err := record.Hash(json.RawMessage(data))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func never(t testing.TB) func(string) {
	return func(uid string) { t.Errorf("%s came twice", uid) }
}

func uids(records []record.Record) []string {
	var all []string
	for _, r := range records {
		all = append(all, r.UID)
	}
	slices.Sort(all)
	return all
}

func TestDifference(t *testing.T) {
	stored := map[string]string{"same": hash(t, `{"a":1,"b":2}`), "changed": hash(t, `{"v":1}`), "gone": "x", "unhashed": ""}
	d, err := compareList(record.Hash, listOf(nil, "same", `{"b":2,"a":1.0}`, "changed", `{"v":2}`, "new", `{"v":3}`, "unhashed", `{}`), stored, never(t))
	if err != nil {
		t.Fatal(err)
	}
	if got := uids(d.upserts.kept); !slices.Equal(got, []string{"changed", "new", "unhashed"}) {
		t.Errorf("upserts %v", got)
	}
	for _, r := range d.upserts.kept {
		if r.Hash != hash(t, string(r.Data)) {
			t.Errorf("%s: hash %q of %s", r.UID, r.Hash, r.Data)
		}
	}
	if !slices.Equal(d.removes, []string{"gone"}) {
		t.Errorf("removes %v", d.removes)
	}
}

func TestDifferenceOfBrokenLists(t *testing.T) {
	broken := errors.New("connection reset")
	for name, list := range map[string]iter.Seq2[record.Record, error]{
		"error at once":  listOf(broken),
		"error at last":  listOf(broken, "a", `{}`, "b", `{}`),
		"data unhashed":  listOf(nil, "a", `{"v":`),
		"error half-way": listOf(broken, "a", `{}`, "a", `{}`),
	} {
		d, err := compareList(record.Hash, list, map[string]string{"old": "x"}, func(string) {})
		if err == nil || d.upserts.n != 0 || d.removes != nil || d.contentHash != "" {
			t.Errorf("%s: %+v, %v; want an error and nothing to store", name, d, err)
		}
	}
}

func TestDuplicateUIDs(t *testing.T) {
	var twice []string
	d, err := compareList(record.Hash, listOf(nil, "a", `{"v":1}`, "b", `{}`, "a", `{"v":2}`, "a", `{"v":1}`), map[string]string{},
		func(uid string) { twice = append(twice, uid) })
	if err != nil || !slices.Equal(twice, []string{"a", "a"}) || !slices.Equal(uids(d.upserts.kept), []string{"a", "b"}) {
		t.Fatalf("%+v, %v, twice %v", d, err, twice)
	}
	if string(d.upserts.kept[0].Data) != `{"v":1}` {
		t.Errorf("stored %s, want the first", d.upserts.kept[0].Data)
	}
	once, err := compareList(record.Hash, listOf(nil, "b", `{}`, "a", `{"v":1}`), map[string]string{}, never(t))
	if err != nil || once.contentHash != d.contentHash {
		t.Errorf("the content hash counts duplicates: %v", err)
	}
}

// Random lists against random views: applying the difference makes the view equal
// to the list, nothing that is equal is written, and the content hash tells
// contents apart whatever their order.
func TestDifferenceProperties(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	contents := map[string]string{} // what a list held → content hash
	for round := range 500 {
		view := map[string]string{}
		var pairs []string
		list := map[string]string{}
		for i := range random.IntN(30) {
			uid := fmt.Sprint("r", i)
			data := fmt.Sprintf(`{"v":%d}`, random.IntN(3))
			if random.IntN(3) > 0 {
				list[uid] = hash(t, data)
				pairs = append(pairs, uid, data)
			}
			switch random.IntN(3) {
			case 0:
				view[uid] = hash(t, data)
			case 1:
				view[uid] = hash(t, fmt.Sprintf(`{"v":%d}`, random.IntN(3)))
			}
		}
		shuffle(random, pairs)
		before := maps.Clone(view)
		d, err := compareList(record.Hash, listOf(nil, pairs...), maps.Clone(view), never(t))
		if err != nil {
			t.Fatal(err)
		}
		for b, err := range d.batches() {
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range b.upserts {
				if before[r.UID] == r.Hash {
					t.Errorf("seed %d round %d: %s is written and has not changed", seed, round, r.UID)
				}
				view[r.UID] = r.Hash
			}
			for _, uid := range b.removes {
				if _, ok := before[uid]; !ok {
					t.Errorf("seed %d round %d: %s is removed and was not there", seed, round, uid)
				}
				delete(view, uid)
			}
		}
		if !maps.Equal(view, list) {
			t.Fatalf("seed %d round %d: the view became %v, the list is %v", seed, round, view, list)
		}
		text := fmt.Sprint(list) // sorted by uid
		if known, ok := contents[text]; ok && known != d.contentHash {
			t.Fatalf("seed %d round %d: two content hashes for %s", seed, round, text)
		}
		contents[text] = d.contentHash
		shuffle(random, pairs)
		if again, err := compareList(record.Hash, listOf(nil, pairs...), view, never(t)); err != nil || again.size() != 0 || again.contentHash != d.contentHash {
			t.Fatalf("seed %d round %d: the same list again gives %+v, %v", seed, round, again, err)
		}
	}
	distinct := map[string]bool{}
	for _, h := range contents {
		distinct[h] = true
	}
	if len(distinct) != len(contents) || len(contents) < 100 {
		t.Errorf("seed %d: %d contents have %d hashes", seed, len(contents), len(distinct))
	}
}

func shuffle(random *rand.Rand, pairs []string) {
	random.Shuffle(len(pairs)/2, func(i, j int) {
		pairs[2*i], pairs[2*j] = pairs[2*j], pairs[2*i]
		pairs[2*i+1], pairs[2*j+1] = pairs[2*j+1], pairs[2*i+1]
	})
}

// Batches keep their order, hold everything once, and stay within their bounds:
// only the last record may bring one above batchBytes.
func TestBatches(t *testing.T) {
	big := strings.Repeat("x", batchBytes/2)
	for name, tc := range map[string]struct {
		sizes   []int // of the upserts' data
		removes int
		want    int // batches
	}{
		"nothing":              {nil, 0, 0},
		"one":                  {[]int{10}, 0, 1},
		"one batch":            {make([]int, batchRecords), 0, 1},
		"one more":             {make([]int, batchRecords+1), 0, 2},
		"many":                 {make([]int, 10*batchRecords), 0, 10},
		"two that fill one":    {[]int{batchBytes / 2, batchBytes / 2, 1}, 0, 2},
		"each of them too big": {[]int{batchBytes, batchBytes, batchBytes}, 0, 3},
		"removes":              {nil, batchRecords, 1},
		"one remove more":      {nil, batchRecords + 1, 2},
		"upserts and removes":  {[]int{1, 1}, 2, 1},
	} {
		var d difference
		for i, size := range tc.sizes {
			for len(big) < size {
				big += big
			}
			if err := d.upserts.add(record.Record{UID: fmt.Sprint(i), Data: json.RawMessage(big[:size])}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range tc.removes {
			d.removes = append(d.removes, fmt.Sprint("x", i))
		}
		n := 0
		var upserts []record.Record
		var removes []string
		for b, err := range d.batches() {
			if err != nil {
				t.Fatal(err)
			}
			n++
			bytes := 0
			for _, r := range b.upserts[:max(len(b.upserts)-1, 0)] {
				bytes += len(r.Data)
			}
			if size := len(b.upserts) + len(b.removes); size == 0 || size > batchRecords || bytes >= batchBytes {
				t.Errorf("%s: a batch of %d, of %d bytes before its last", name, size, bytes)
			}
			upserts = append(upserts, b.upserts...)
			removes = append(removes, b.removes...)
		}
		if n != tc.want || len(upserts) != d.upserts.n || !slices.Equal(removes, d.removes) {
			t.Errorf("%s: %d batches with %d and %d, want %d with %d and %d", name, n, len(upserts), len(removes), tc.want, d.upserts.n, tc.removes)
		}
		for i, r := range upserts {
			if r.UID != fmt.Sprint(i) || len(r.Data) != tc.sizes[i] {
				t.Fatalf("%s: record %d is %s, of %d bytes", name, i, r.UID, len(r.Data))
			}
		}
		for _, err := range d.batches() {
			if err != nil {
				t.Error(err)
			}
			break // whoever ends early gets no more
		}
		if err := d.close(); err != nil {
			t.Error(err)
		}
	}
}
