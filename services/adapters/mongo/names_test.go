package mongo

import (
	"encoding/json"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tandem-sync/tandem/api/adapter"
)

// Whatever the _id is, the record is found, changed and removed by the uid that the list shows.
func TestUIDs(t *testing.T) {
	b := newBench(t)
	oid := bson.NewObjectID()
	other := bson.NewObjectID()
	ids := map[string]any{
		oid.Hex():                       oid,
		other.Hex():                     other.Hex(),
		"text":                          "text",
		`""`:                            "",
		"true":                          true,
		"5":                             "5",
		`{"$numberInt":"5"}`:            int32(5),
		`{"$numberLong":"6"}`:           int64(6),
		`{"a":{"$numberInt":"1"}}`:      bson.D{{Key: "a", Value: 1}},
		`{"$ne":null}`:                  `{"$ne":null}`,
		"0123456789ABCDEF01234567":      "0123456789ABCDEF01234567",
		`{"$date":{"$numberLong":"5"}}`: bson.DateTime(5),
	}
	for uid, id := range ids {
		b.insert(bson.D{{Key: "_id", Value: id}, {Key: "uid", Value: uid}})
	}
	n := 0
	if err := b.List(t.Context(), adapter.ListRequest{Dataset: "d", QueryParams: json.RawMessage(`{}`)}, func(r adapter.Record) error {
		n++
		var data struct{ UID string }
		if err := json.Unmarshal(r.Data, &data); err != nil || data.UID != r.UID {
			t.Errorf("listed as %s: %s, %v", r.UID, r.Data, err)
		}
		return nil
	}); err != nil || n != len(ids) {
		t.Errorf("%d of %d listed, %v", n, len(ids), err)
	}
	for uid := range ids {
		now := b.read(uid)
		if err := b.update(uid, `{"new":1}`, now); err != nil {
			t.Errorf("update %s: %v", uid, err)
		}
		if got := b.read(uid); got != `{"new":1}` {
			t.Errorf("%s is %s", uid, got)
		}
		if err := b.remove(uid, `{"new":1}`); err != nil {
			t.Errorf("delete %s: %v", uid, err)
		}
	}
	if left, err := b.docs.CountDocuments(t.Context(), bson.D{}); err != nil || left != 0 {
		t.Errorf("%d left, %v", left, err)
	}
}

// An ObjectId goes before a text with its digits.
func TestTwins(t *testing.T) {
	b := newBench(t)
	oid := bson.NewObjectID()
	b.insert(bson.D{{Key: "_id", Value: oid.Hex()}, {Key: "is", Value: "text"}})
	b.insert(bson.D{{Key: "_id", Value: oid}, {Key: "is", Value: "id"}})
	if got := b.read(oid.Hex()); got != `{"is":"id"}` {
		t.Error(got)
	}
}

// No dataset id reaches a collection that is not the dataset's.
func TestDatasetsThatAreRefused(t *testing.T) {
	b := newBench(t)
	for _, id := range []string{"system.users", "System.x", "fhsync_queue", "fhsync_adapter_keys", "d_collision", "D_Collision", "a$b", "a\x00b", "$cmd", "", "..", "a..b", "a.", "oplog.$main"} {
		data := json.RawMessage(`{}`)
		_, createErr := b.Create(t.Context(), adapter.CreateRequest{Dataset: id, Data: data, Key: "k"})
		_, readErr := b.Read(t.Context(), adapter.ReadRequest{Dataset: id, UID: "u"})
		_, collisionsErr := b.ListCollisions(t.Context(), adapter.ListCollisionsRequest{Dataset: id})
		_, removeErr := b.RemoveCollision(t.Context(), adapter.RemoveCollisionRequest{Dataset: id, Hash: "h"})
		for _, err := range []error{
			createErr, readErr, collisionsErr, removeErr,
			b.List(t.Context(), adapter.ListRequest{Dataset: id, QueryParams: data}, func(adapter.Record) error { return nil }),
			b.Update(t.Context(), adapter.UpdateRequest{Dataset: id, UID: "u", Data: data, Key: "k"}),
			b.Delete(t.Context(), adapter.DeleteRequest{Dataset: id, UID: "u", Key: "k"}),
			b.HandleCollision(t.Context(), adapter.HandleCollisionRequest{Dataset: id, UID: "u", Key: "k"}),
		} {
			if status.Code(err) != codes.InvalidArgument {
				t.Errorf("dataset %q: %v", id, err)
			}
		}
	}
}

func TestDescribe(t *testing.T) {
	b := newBench(t)
	var o options.DatabaseOptions
	for _, set := range safely().List() {
		if err := set(&o); err != nil {
			t.Fatal(err)
		}
	}
	if o.WriteConcern.W != "majority" || o.ReadPreference.Mode() != readpref.PrimaryMode {
		t.Errorf("writes with %+v, reads with %v", o.WriteConcern, o.ReadPreference)
	}
	about, err := b.Describe(t.Context())
	if err != nil || !about.CompareAndWrite || about.RemembersKeys {
		t.Errorf("%+v, %v", about, err)
	}
	if _, lists := open1(t, nil).(adapter.ChangeLister); lists {
		t.Error("offers changes without a change field")
	}
	if err := b.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if err := errors.Join(b.Close(), b.Close()); err != nil {
		t.Error("close twice:", err)
	}
	if err := b.Ping(t.Context()); status.Code(err) != codes.Unavailable {
		t.Error("after the end:", err)
	}
}
