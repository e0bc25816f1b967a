package delta

import (
	"maps"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestCompute(t *testing.T) {
	server := map[string]string{"same": "1", "new": "2", "newer": "3", "nohash": "4", "mine": "5", "mine2": "6"}
	client := map[string]string{"same": "1", "newer": "0", "nohash": "", "gone": "9", "gone too": "", "mine": "0", "oldUid": "7"}
	hidden := map[string]struct{}{"mine": {}, "mine2": {}, "oldUid": {}, "elsewhere": {}}
	want := Delta{Create: []string{"new", "nohash"}, Update: []string{"newer"}, Delete: []string{"gone", "gone too"}}
	if got := Compute(maps.All(server), client).Without(slices.Collect(maps.Keys(hidden))); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
	if d := Compute(maps.All(server), maps.Clone(server)); !d.Empty() {
		t.Errorf("up to date: %+v", d)
	}
	if d := Compute(maps.All(server), nil); len(d.Create) != len(server) || d.Empty() {
		t.Errorf("new device: %+v", d)
	}
}

func records(t *rapid.T, name string, hashes string) map[string]string {
	return rapid.MapOf(rapid.StringMatching(`[a-d]{1,2}`), rapid.StringMatching(hashes)).Draw(t, name)
}

// A device that does what the delta says has the server's view outside hidden,
// and still has its own inside; and it is told nothing that it need not do.
func TestDeltaMakesTheServersView(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		server := records(t, "server", `[xy]`)
		client := records(t, "client", `[xyz]?`)
		hidden := map[string]struct{}{}
		for uid := range records(t, "hidden", `h`) {
			hidden[uid] = struct{}{}
		}
		before := maps.Clone(client)
		d := Compute(maps.All(server), client).Without(slices.Collect(maps.Keys(hidden)))

		after := maps.Clone(before)
		told := map[string]bool{}
		put := func(uid string, wantOld bool) {
			if old := before[uid]; (old != "") != wantOld || old == server[uid] {
				t.Fatalf("%s was %q, is %q: %+v", uid, old, server[uid], d)
			}
			after[uid] = server[uid]
		}
		for _, list := range [][]string{d.Create, d.Update, d.Delete} {
			if !slices.IsSorted(list) {
				t.Fatalf("not sorted: %v", list)
			}
			for _, uid := range list {
				if _, ok := hidden[uid]; ok || told[uid] {
					t.Fatalf("%s is hidden or told twice: %+v", uid, d)
				}
				told[uid] = true
			}
		}
		for _, uid := range d.Create {
			put(uid, false)
		}
		for _, uid := range d.Update {
			put(uid, true)
		}
		for _, uid := range d.Delete {
			if _, ok := before[uid]; !ok {
				t.Fatalf("%s is not there to delete", uid)
			}
			delete(after, uid)
		}

		want := maps.Clone(server)
		for uid := range hidden {
			delete(want, uid)
			if hash, ok := before[uid]; ok {
				want[uid] = hash
			}
		}
		if !maps.Equal(after, want) {
			t.Fatalf("server %v, client %v, hidden %v: %+v gives %v, want %v", server, before, hidden, d, after, want)
		}
	})
}

// A second look at the same view finds nothing to do, and costs no memory.
func BenchmarkUpToDate(b *testing.B) {
	server := map[string]string{}
	for i := range 10000 {
		uid := string(rune('a'+i%26)) + string(rune(0x4e00+i))
		server[uid] = "264f451210d93a1cf365e26f2fc1ceea6cc692d6"
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		client := maps.Clone(server)
		b.StartTimer()
		if d := Compute(maps.All(server), client); !d.Empty() {
			b.Fatal(d)
		}
	}
}
