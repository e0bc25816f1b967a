package mongo

import (
	"encoding/json"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/adaptertest"
	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
	"github.com/tandem-sync/tandem/services/internal/backend"
	"github.com/tandem-sync/tandem/services/test/mongotest"
)

// open1 opens an adapter on a database of the test's own.
func open1(t *testing.T, datasets map[string]DatasetOptions) Service {
	t.Helper()
	uri, name := mongotest.Database(t)
	s, err := Open(t.Context(), Options{URI: uri, Database: name, Datasets: datasets})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// bench is an adapter with the collection behind its dataset "d".
type bench struct {
	*testing.T
	*Adapter
	docs *mongo.Collection
}

func newBench(t *testing.T) bench {
	t.Helper()
	a := open1(t, nil).(*Adapter)
	return bench{t, a, a.db.Collection("d")}
}

func (b bench) insert(doc bson.D) {
	b.Helper()
	if _, err := b.docs.InsertOne(b.Context(), doc); err != nil {
		b.Fatal(err)
	}
}

func (b bench) read(uid string) string {
	b.Helper()
	data, err := b.Read(b.Context(), adapter.ReadRequest{Dataset: "d", UID: uid})
	if err != nil {
		b.Fatalf("read %s: %v", uid, err)
	}
	return string(data)
}

// doc gives the raw document with an _id.
func (b bench) doc(id any) bson.Raw {
	b.Helper()
	raw, err := b.docs.FindOne(b.Context(), bson.D{{Key: "_id", Value: id}}).Raw()
	if err != nil {
		b.Fatal(err)
	}
	return raw
}

func (b bench) update(uid, data, expected string) error {
	req := adapter.UpdateRequest{Dataset: "d", UID: uid, Data: json.RawMessage(data), Key: "k"}
	if expected != "" {
		req.Expected = json.RawMessage(expected)
	}
	return b.Update(b.Context(), req)
}

func (b bench) remove(uid, expected string) error {
	return b.Delete(b.Context(), adapter.DeleteRequest{Dataset: "d", UID: uid, Expected: json.RawMessage(expected), Key: "k"})
}

func (b bench) create(data, key string) string {
	b.Helper()
	uid, err := b.Create(b.Context(), adapter.CreateRequest{Dataset: "d", Data: json.RawMessage(data), Key: key})
	if err != nil {
		b.Fatalf("create %s: %v", data, err)
	}
	return uid
}

func TestConformance(t *testing.T) {
	cc, stop := backend.InProcess(open1(t, nil))
	defer stop()
	adaptertest.Exercise(t, adapterv1.NewAdapterServiceClient(cc), adaptertest.Options{})
}

// The same with change and deletion fields, so that changes are listed.
func TestConformanceWithChanges(t *testing.T) {
	datasets := map[string]DatasetOptions{}
	names := make(chan string, 200)
	for range cap(names) {
		name := "d" + bson.NewObjectID().Hex()
		datasets[name] = DatasetOptions{ChangeField: "changedAt", DeletedField: "deleted"}
		names <- name
	}
	cc, stop := backend.InProcess(open1(t, datasets))
	defer stop()
	adaptertest.Exercise(t, adapterv1.NewAdapterServiceClient(cc), adaptertest.Options{
		Dataset: func(*testing.T) string { return <-names },
	})
}
