package mongo

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tandem-sync/tandem/api/adapter"
	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
	"github.com/tandem-sync/tandem/services/internal/backend"
)

// changesBench is a bench whose dataset d has change and deletion fields, with a client: what an adapter
// writes to a list of changes is seen from outside only.
type changesBench struct {
	bench
	client adapterv1.AdapterServiceClient
}

func newChangesBench(t *testing.T) changesBench {
	t.Helper()
	s := open1(t, map[string]DatasetOptions{"d": {ChangeField: "changed", DeletedField: "deleted"}})
	a := s.(*withChanges).Adapter
	cc, stop := backend.InProcess(s)
	t.Cleanup(stop)
	return changesBench{bench{t, a, a.db.Collection("d")}, adapterv1.NewAdapterServiceClient(cc)}
}

// since gives the uids that changed, those removed with a - before them, and "reset" if all begins anew.
func (b changesBench) since(query, cursor string) (uids, next string) {
	b.Helper()
	stream, err := b.client.ListChanges(b.Context(), &adapterv1.ListChangesRequest{
		Context: &adapterv1.Context{Dataset: "d"}, QueryParams: []byte(query), Cursor: cursor,
	})
	var all []string
	for err == nil {
		var part *adapterv1.ListChangesResponse
		if part, err = stream.Recv(); err != nil {
			break
		}
		next = part.GetCursor()
		if part.GetReset_() {
			all = append(all, "reset")
		}
		for _, r := range part.GetChanged() {
			all = append(all, r.GetUid())
		}
		for _, uid := range part.GetRemoved() {
			all = append(all, "-"+uid)
		}
	}
	if !errors.Is(err, io.EOF) {
		b.Fatal(err)
	}
	slices.Sort(all)
	return strings.Join(all, " "), next
}

func (b changesBench) write(id string, fields bson.D) {
	b.Helper()
	if _, err := b.docs.DeleteOne(b.Context(), bson.D{{Key: "_id", Value: id}}); err != nil {
		b.Fatal(err)
	}
	b.insert(append(bson.D{{Key: "_id", Value: id}}, fields...))
}

func (b changesBench) want(query, cursor, want string) (next string) {
	b.Helper()
	got, next := b.since(query, cursor)
	if got != want {
		b.Errorf("changes of %s: %q, want %q", query, got, want)
	}
	return next
}

func TestChangesByOthers(t *testing.T) {
	b := newChangesBench(t)
	now := time.Now()
	at := func(d time.Duration) bson.E { return bson.E{Key: "changed", Value: now.Add(d)} }
	cursor := b.want(`{}`, "", "")
	b.write("a", bson.D{at(0), {Key: "n", Value: 1}})
	b.write("none", bson.D{{Key: "n", Value: 1}}) // without the field it is in full lists only
	cursor = b.want(`{}`, cursor, "a")
	b.write("late", bson.D{at(-4 * time.Second), {Key: "n", Value: 1}}) // a clock that is behind
	cursor = b.want(`{}`, cursor, "late")
	b.write("a", bson.D{at(0), {Key: "n", Value: 2}}) // twice in a millisecond
	cursor = b.want(`{}`, cursor, "a")
	cursor = b.want(`{}`, cursor, "")
	b.write("b", bson.D{at(time.Minute), {Key: "n", Value: 1}})
	cursor = b.want(`{"n":1}`, cursor, "b")
	b.write("a", bson.D{at(2 * time.Minute), {Key: "n", Value: 3}})
	b.write("b", bson.D{at(2 * time.Minute), {Key: "n", Value: 1}, {Key: "deleted", Value: now}})
	b.write("c", bson.D{at(2 * time.Minute), {Key: "n", Value: 1}, {Key: "deleted", Value: false}})
	cursor = b.want(`{"n":1}`, cursor, "-a -b c")
	b.want(`{"n":1}`, cursor, "")
	b.want(`{"n":1}`, "", "c late none")
	b.want(`{"n":1}`, strings.Replace(cursor, "changed", "other", 1), "c late none reset")
}

// More changes at a time than a cursor remembers are told of again, and none is left out.
func TestManyChanges(t *testing.T) {
	b := newChangesBench(t)
	_, cursor := b.since(`{}`, "")
	now := time.Now()
	for range 2*maxSeen + 1 {
		b.insert(bson.D{{Key: "_id", Value: bson.NewObjectID()}, {Key: "changed", Value: now}})
	}
	got, cursor := b.since(`{}`, cursor)
	if n := len(strings.Fields(got)); n != 2*maxSeen+1 {
		t.Errorf("%d changes", n)
	}
	got, _ = b.since(`{}`, cursor)
	if n := len(strings.Fields(got)); n != maxSeen+1 {
		t.Errorf("%d changes are told of again", n)
	}
}

// The fields are not the device's: it neither sees nor writes them.
func TestChangeFieldsAreHidden(t *testing.T) {
	b := newChangesBench(t)
	uid := b.create(`{"changed":1,"deleted":true,"n":1}`, "k")
	if got := b.read(uid); !equalJSON([]byte(got), []byte(`{"changed":1,"deleted":true,"n":1}`)) {
		t.Error(got)
	}
	id, _ := bson.ObjectIDFromHex(uid)
	before := b.doc(id)
	if before.Lookup("changed").Type != bson.TypeDateTime || !before.Lookup("deleted").IsZero() {
		t.Error("stored as", before)
	}
	if err := b.update(uid, `{"n":2}`, ""); err != nil {
		t.Fatal(err)
	}
	if got := b.read(uid); got != `{"n":2}` {
		t.Error(got)
	}
	if err := b.remove(uid, `{"n":2}`); err != nil {
		t.Fatal(err)
	}
	if doc := b.doc(id); !doc.Lookup("deleted").Boolean() {
		t.Error("deleted it is", doc)
	}
	if _, err := b.Read(t.Context(), adapter.ReadRequest{Dataset: "d", UID: uid}); !errors.Is(err, adapter.ErrNotFound) {
		t.Error(err)
	}
	if err := b.remove(uid, `{"n":2}`); !errors.Is(err, adapter.ErrNotFound) {
		t.Error(err)
	}
}

// A dataset without a change field has no changes to list, whatever others have.
func TestChangesOfOtherDataset(t *testing.T) {
	b := newChangesBench(t)
	stream, err := b.client.ListChanges(t.Context(), &adapterv1.ListChangesRequest{Context: &adapterv1.Context{Dataset: "other"}})
	if err == nil {
		_, err = stream.Recv()
	}
	if status.Code(err) != codes.Unimplemented {
		t.Error(err)
	}
	if err := b.HandleCollision(t.Context(), adapter.HandleCollisionRequest{Dataset: "d", UID: "u", Pre: json.RawMessage(`{"changed":1}`), Key: "k"}); err != nil {
		t.Error(err)
	}
}
