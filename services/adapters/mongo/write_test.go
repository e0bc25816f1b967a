package mongo

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tandem-sync/tandem/api/adapter"
)

// A write applies to the very document that was read, and to no other that a filter by fields would take
// for it.
func TestUnchanged(t *testing.T) {
	b := newBench(t)
	for i, c := range []struct{ was, is bson.D }{
		{bson.D{{Key: "a", Value: nil}}, bson.D{}},
		{bson.D{}, bson.D{{Key: "a", Value: nil}}},
		{bson.D{{Key: "a", Value: 5}}, bson.D{{Key: "a", Value: bson.A{5}}}},
		{bson.D{{Key: "a", Value: bson.A{1}}}, bson.D{{Key: "a", Value: bson.A{bson.A{1}}}}},
		{bson.D{{Key: "a", Value: 5}}, bson.D{{Key: "a", Value: "5"}}},
		{bson.D{{Key: "a", Value: 5}}, bson.D{{Key: "a", Value: 5}, {Key: "b", Value: 1}}},
		{bson.D{{Key: "a", Value: bson.D{{Key: "x", Value: 1}, {Key: "y", Value: 1}}}}, bson.D{{Key: "a", Value: bson.D{{Key: "y", Value: 1}, {Key: "x", Value: 1}}}}},
		{bson.D{{Key: "a.b", Value: 1}}, bson.D{{Key: "a.b", Value: 2}}},
		{bson.D{{Key: "a", Value: math.NaN()}}, bson.D{{Key: "a", Value: 0.0}}},
		{bson.D{{Key: "a", Value: "$b"}, {Key: "b", Value: 1}}, bson.D{{Key: "a", Value: 1}, {Key: "b", Value: 1}}},
		{bson.D{{Key: "a", Value: bson.DateTime(5)}}, bson.D{{Key: "a", Value: bson.DateTime(6)}}},
	} {
		id := bson.E{Key: "_id", Value: i}
		b.insert(append(bson.D{id}, c.was...))
		read := b.doc(i)
		count := func() int64 {
			n, err := b.docs.CountDocuments(t.Context(), unchanged(read))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if count() != 1 {
			t.Errorf("%v is not found as it was read", c.was)
		}
		if _, err := b.docs.DeleteOne(t.Context(), bson.D{id}); err != nil {
			t.Fatal(err)
		}
		b.insert(append(bson.D{id}, c.is...))
		if count() != 0 {
			t.Errorf("%v is taken for %v", c.is, c.was)
		}
	}
}

// Of others' writes that fall between read and write none is lost.
func TestForeignWriters(t *testing.T) {
	b := newBench(t)
	uid := b.create(`{"ours":0}`, "k")
	oid, _ := bson.ObjectIDFromHex(uid)
	const each = 50
	var wins atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range each {
				now, err := b.Read(t.Context(), adapter.ReadRequest{Dataset: "d", UID: uid})
				if err != nil {
					t.Error(err)
					return
				}
				var data map[string]int
				if err := json.Unmarshal(now, &data); err != nil {
					t.Error(err)
					return
				}
				data["ours"]++
				next, _ := json.Marshal(data)
				switch err := b.update(uid, string(next), string(now)); {
				case err == nil:
					wins.Add(1)
				case !errors.Is(err, adapter.ErrConflict):
					t.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range each {
				if _, err := b.docs.UpdateByID(t.Context(), oid, bson.D{{Key: "$inc", Value: bson.D{{Key: "theirs", Value: 1}}}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	// Two updates that make the same data both have their way, so that there may be more wins than steps.
	doc := b.doc(oid)
	ours, theirs := doc.Lookup("ours").AsInt64(), doc.Lookup("theirs").AsInt64()
	if theirs != 4*each || ours == 0 || ours > wins.Load() {
		t.Errorf("ours %d of %d, theirs %d of %d", ours, wins.Load(), theirs, 4*each)
	}
}

// What a device did not touch keeps value and type; what it changed is written, and nothing else.
func TestUntouchedFields(t *testing.T) {
	b := newBench(t)
	oid := bson.NewObjectID()
	big := int64(1)<<60 + 1
	b.insert(bson.D{
		{Key: "_id", Value: oid}, {Key: "n", Value: int64(5)}, {Key: "f", Value: 5.0}, {Key: "when", Value: bson.DateTime(5)},
		{Key: "in", Value: bson.D{{Key: "z", Value: int64(1)}, {Key: "id", Value: oid}, {Key: "text", Value: "a"}, {Key: "gone", Value: 1}}},
		{Key: "list", Value: bson.A{int64(1), bson.D{{Key: "d", Value: decimal(t, "1.50")}, {Key: "x", Value: 1}}}},
		{Key: "bin", Value: bson.Binary{Subtype: 4, Data: make([]byte, 16)}},
		{Key: "least", Value: bson.MinKey{}}, {Key: "ts", Value: bson.Timestamp{T: 5, I: 6}}, {Key: "inf", Value: math.Inf(1)},
		{Key: "big", Value: big}, {Key: "away", Value: 1}, {Key: "up", Value: int64(7)}, {Key: "nan", Value: math.NaN()},
	})
	now := b.read(oid.Hex())
	next := now
	for _, change := range [][2]string{
		{`"text":"a"`, `"text":"b"`}, {`,"gone":1`, ``}, {`"x":1`, `"x":2`}, {`"away":1,`, ``}, {`"up":7`, `"up":8`}, {`{"n":5,`, `{"new":true,"n":5.0,`},
	} {
		if next = strings.Replace(next, change[0], change[1], 1); !strings.Contains(next, change[1]) {
			t.Fatalf("%s does not hold %s", now, change[0])
		}
	}
	if err := b.update(oid.Hex(), next, now); err != nil {
		t.Fatal(err)
	}
	want, err := bson.Marshal(bson.D{
		{Key: "_id", Value: oid}, {Key: "n", Value: int64(5)}, {Key: "f", Value: 5.0}, {Key: "when", Value: bson.DateTime(5)},
		{Key: "in", Value: bson.D{{Key: "z", Value: int64(1)}, {Key: "id", Value: oid}, {Key: "text", Value: "b"}}},
		{Key: "list", Value: bson.A{int64(1), bson.D{{Key: "d", Value: decimal(t, "1.50")}, {Key: "x", Value: 2}}}},
		{Key: "bin", Value: bson.Binary{Subtype: 4, Data: make([]byte, 16)}},
		{Key: "least", Value: bson.MinKey{}}, {Key: "ts", Value: bson.Timestamp{T: 5, I: 6}}, {Key: "inf", Value: math.Inf(1)},
		{Key: "big", Value: big}, {Key: "up", Value: int64(8)}, {Key: "nan", Value: math.NaN()}, {Key: "new", Value: true},
	})
	if got := b.doc(oid); err != nil || string(got) != string(want) {
		t.Errorf("the document is\n%s, want\n%s (%v)", got, bson.Raw(want), err)
	}
	if err := b.remove(oid.Hex(), next); err != nil {
		t.Error("delete:", err)
	}
}

// Fields that an update can't name, as others write them, are shown, kept and changed. (In memory: the test
// server refuses every update of a document with such a field, which MongoDB does not.)
func TestOddFieldsOfOthers(t *testing.T) {
	d := dataset{id: "d"}
	written, err := bson.Marshal(bson.D{{Key: "_id", Value: "x"}, {Key: "a.b", Value: int64(1)}, {Key: "c", Value: 1}, {Key: "fhsync_json", Value: "theirs"}})
	if err != nil {
		t.Fatal(err)
	}
	doc := bson.Raw(written)
	for _, next := range []string{
		`{"a.b":1,"c":1,"fhsync_json":"theirs"}`,
		`{"a.b":1,"c":2,"fhsync_json":"theirs"}`,
		`{"a.b":1,"c":2}`,
		`{"a.b":1,"c":2,"d.e":1,"$f":{"$g":1}}`,
		`{"a.b":1,"c":3,"d.e":2}`,
		`{"a.b":1,"c":3}`,
	} {
		change, err := d.difference(doc, []byte(next))
		if err != nil || change.replace != nil {
			t.Fatalf("%s: %v, %v", next, change, err)
		}
		if doc = applied(t, doc, change); !equalJSON(d.data(doc), []byte(next)) {
			t.Fatalf("%s came back as %s", next, d.data(doc))
		}
	}
	if v := doc.Lookup("a.b"); v.Type != bson.TypeInt64 {
		t.Error("a.b has become", v)
	}
	b := newBench(t)
	b.insert(bson.D{{Key: "_id", Value: "x"}, {Key: "a.b", Value: 1}, {Key: "fhsync_json", Value: `{"a.b":2,"_id":3}`}})
	if got := b.read("x"); got != `{"a.b":1,"_id":3}` {
		t.Error("a field that others have written over one that is kept aside:", got)
	}
	b.insert(bson.D{{Key: "_id", Value: "y"}, {Key: "fhsync_json", Value: 1}})
	if err := b.update("y", `{"fhsync_json":1,"a.b":1}`, ""); status.Code(err) != codes.InvalidArgument {
		t.Error("an escape over somebody's field:", err)
	}
}

// The whole document is replaced where only that can change a field.
func TestReplacement(t *testing.T) {
	d := dataset{id: "d"}
	doc, err := bson.Marshal(bson.D{{Key: "_id", Value: 1}, {Key: "a.b", Value: 1}, {Key: "n", Value: int64(5)}, {Key: "$x", Value: 1}, {Key: "z", Value: 1}})
	if err != nil {
		t.Fatal(err)
	}
	change, err := d.difference(doc, []byte(`{"a.b":2,"n":5,"new":1,"q.r":1}`))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"_id":1,"a.b":2,"n":{"$numberLong":"5"},"new":1,"fhsync_json":"{\"q.r\":1}"}`
	got, err := bson.MarshalExtJSON(change.replace, false, false)
	if err != nil || !equalJSON(got, []byte(strings.ReplaceAll(want, `{"$numberLong":"5"}`, `5`))) {
		t.Errorf("replaced by %s (%v), want %s", got, err, want)
	}
	if n, ok := change.replace[2].Value.(bson.RawValue); !ok || n.Type != bson.TypeInt64 {
		t.Error("n is", change.replace[2])
	}
}

// An update that is in effect already is no conflict: its first try may have got as far as the database.
func TestRepeatedUpdate(t *testing.T) {
	b := newBench(t)
	uid := b.create(`{"n":1,"l":[]}`, "k")
	for range 2 {
		if err := b.update(uid, `{"n":2,"l":[]}`, `{"n":1,"l":[]}`); err != nil {
			t.Error(err)
		}
	}
	// Hashes can't tell these apart.
	if err := b.update(uid, `{"n":2,"l":{}}`, `{"n":2,"l":[]}`); err != nil || b.read(uid) != `{"n":2,"l":{}}` {
		t.Error(b.read(uid), err)
	}
}

// A repeated create changes nothing, also when the record has changed or gone since.
func TestRepeatedCreate(t *testing.T) {
	b := newBench(t)
	uid := b.create(`{"n":1}`, "k")
	if again := b.create(`{"n":2}`, "k"); again != uid || b.read(uid) != `{"n":1}` {
		t.Errorf("repeated with a newer content: %s, %s", again, b.read(uid))
	}
	if err := b.remove(uid, `{"n":1}`); err != nil {
		t.Fatal(err)
	}
	if again := b.create(`{"n":1}`, "k"); again != uid {
		t.Error("repeated after a delete:", again)
	}
	if _, err := b.Read(t.Context(), adapter.ReadRequest{Dataset: "d", UID: uid}); !errors.Is(err, adapter.ErrNotFound) {
		t.Error("a repeated create brought back what was deleted:", err)
	}
	// One that ended before its key was noted.
	half := newID("record", "d", "half")
	b.insert(bson.D{{Key: "_id", Value: half}, {Key: "n", Value: 1}})
	if again := b.create(`{"n":1}`, "half"); again != half.Hex() {
		t.Error("repeated after half a create:", again)
	}
	index := b.db.Collection(keysCollection).Indexes()
	specs, err := index.ListSpecifications(t.Context())
	if err != nil || len(specs) != 2 || specs[1].ExpireAfterSeconds == nil || *specs[1].ExpireAfterSeconds != 30*24*3600 {
		t.Errorf("indexes of the keys: %+v, %v", specs, err)
	}
}

func TestRepeatedCollision(t *testing.T) {
	b := newBench(t)
	req := adapter.HandleCollisionRequest{Dataset: "d", UID: "u", Hash: "h", Timestamp: 5, Pre: json.RawMessage(`{"a":1}`), Key: "k"}
	for _, want := range []int64{1, 0} {
		if err := b.HandleCollision(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		if n, err := b.RemoveCollision(t.Context(), adapter.RemoveCollisionRequest{Dataset: "d", Hash: "h"}); err != nil || n != want {
			t.Errorf("%d collisions removed (%v), want %d", n, err, want)
		}
	}
}

// What the reference server kept is shown.
func TestForeignCollision(t *testing.T) {
	b := newBench(t)
	oid := bson.NewObjectID()
	if _, err := b.db.Collection("d_collision").InsertOne(t.Context(), bson.D{{Key: "_id", Value: oid}, {Key: "uid", Value: "u"}, {Key: "hash", Value: "h"},
		{Key: "pre", Value: bson.D{{Key: "a", Value: 1}}}, {Key: "post", Value: nil}, {Key: "timestamp", Value: 1.7e12}}); err != nil {
		t.Fatal(err)
	}
	list, err := b.ListCollisions(t.Context(), adapter.ListCollisionsRequest{Dataset: "d"})
	want := fmt.Sprintf(`{"%s":{"uid":"u","hash":"h","pre":{"a":1},"post":null,"timestamp":1700000000000}}`, oid.Hex())
	if err != nil || string(list) != want {
		t.Errorf("%s, %v", list, err)
	}
}
