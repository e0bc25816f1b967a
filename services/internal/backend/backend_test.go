package backend

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc"

	"github.com/tandem-sync/tandem/api/adapter"
	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
)

const (
	one = `{"n":1}`
	two = `{"n":2}`
)

func create(t *testing.T, b *Backend, data, key string) string {
	t.Helper()
	uid, err := b.Create(t.Context(), CreateRequest{Data: json.RawMessage(data), Key: key})
	if err != nil {
		t.Fatal(err)
	}
	return uid
}

func TestRecordLife(t *testing.T) {
	_, b := newScripted(t, Options{})
	ctx := t.Context()
	uid := create(t, b, one, "c")
	data, found, err := b.Read(ctx, ReadRequest{UID: uid})
	if string(data) != one || !found || err != nil {
		t.Fatal(string(data), found, err)
	}
	if err := b.Update(ctx, UpdateRequest{UID: uid, Data: json.RawMessage(two), Expected: json.RawMessage(two), Key: "u"}); !IsConflict(err) {
		t.Error("Update that expects other data:", err)
	}
	if err := b.Update(ctx, UpdateRequest{UID: uid, Data: json.RawMessage(two), Expected: json.RawMessage(one), Key: "u"}); err != nil {
		t.Error(err)
	}
	if err := b.Delete(ctx, DeleteRequest{UID: uid, Expected: json.RawMessage(two), Key: "d"}); err != nil {
		t.Error(err)
	}
	if _, found, err := b.Read(ctx, ReadRequest{UID: uid}); found || err != nil {
		t.Error("Read of a deleted record:", found, err)
	}
	if err := b.Delete(ctx, DeleteRequest{UID: uid, Key: "other"}); !IsNotFound(err) {
		t.Error("Delete of a deleted record:", err)
	}
}

func TestCollisionLife(t *testing.T) {
	_, b := newScripted(t, Options{})
	ctx := t.Context()
	if err := b.HandleCollision(ctx, HandleCollisionRequest{UID: "u", Hash: "h", Timestamp: 7, Pre: json.RawMessage(one), Key: "k"}); err != nil {
		t.Fatal(err)
	}
	list, err := b.ListCollisions(ctx, ListCollisionsRequest{})
	if want := `:{"uid":"u","hash":"h","pre":{"n":1},"post":null,"timestamp":7}}`; err != nil || !strings.HasSuffix(string(list), want) {
		t.Errorf("%s, %v", list, err)
	}
	if n, err := b.RemoveCollision(ctx, RemoveCollisionRequest{Hash: "h"}); n != 1 || err != nil {
		t.Error(n, err)
	}
}

// What can't be sent is refused with words, before gRPC makes a "not now" or a
// failed try of it.
func TestRefusedBeforeSending(t *testing.T) {
	_, b := newScripted(t, Options{})
	ctx := t.Context()
	huge := json.RawMessage(`{"x":"` + strings.Repeat("x", adapter.MaxRecordBytes) + `"}`)
	_, tooLarge := b.Create(ctx, CreateRequest{Data: huge, Key: "c"})
	_, badKey := b.Create(ctx, CreateRequest{Data: json.RawMessage(one), Key: "\xff"})
	_, _, badUID := b.Read(ctx, ReadRequest{UID: "\xed\xa0\x80"})
	_, _, otherDataset := b.Read(ctx, ReadRequest{Dataset: "other", UID: "x"})
	_, noObject := b.Create(ctx, CreateRequest{Data: json.RawMessage(`[]`), Key: "c"}) // by the SDK
	for want, err := range map[string]error{
		"bytes, more than": tooLarge,
		`"\xff" is not`:    badKey,
		"is not valid UTF": badUID,
		"dataset other":    otherDataset,
		"JSON object":      noObject,
	} {
		if !IsRefused(err) || !strings.Contains(Message(err), want) {
			t.Errorf("want a refusal with %q, got %v", want, err)
		}
	}
}

// A large record goes through, and one as large as an update can carry twice.
func TestLargeRecord(t *testing.T) {
	_, b := newScripted(t, Options{})
	large := json.RawMessage(`{"x":"` + strings.Repeat("x", 8<<20) + `"}`)
	uid := create(t, b, string(large), "c")
	if err := b.Update(t.Context(), UpdateRequest{UID: uid, Data: large, Expected: large, Key: "u"}); err != nil {
		t.Error(err)
	}
	n := 0
	for r, err := range b.List(t.Context(), ListRequest{}) {
		if err != nil || len(r.Data) != len(large) {
			t.Error(len(r.Data), err)
		}
		n++
	}
	if n != 1 {
		t.Errorf("%d records", n)
	}
}

// careless is an adapter that was not made with the SDK and checks nothing.
type careless struct {
	adapterv1.UnimplementedAdapterServiceServer
}

func (careless) Create(context.Context, *adapterv1.CreateRequest) (*adapterv1.CreateResponse, error) {
	return &adapterv1.CreateResponse{}, nil
}

func (careless) Read(context.Context, *adapterv1.ReadRequest) (*adapterv1.ReadResponse, error) {
	return &adapterv1.ReadResponse{Data: []byte(`[1]`)}, nil
}

func (careless) List(_ *adapterv1.ListRequest, stream grpc.ServerStreamingServer[adapterv1.ListResponse]) error {
	return stream.Send(&adapterv1.ListResponse{Records: []*adapterv1.Record{{Uid: "", Data: []byte(one)}}})
}

func (careless) ListCollisions(context.Context, *adapterv1.ListCollisionsRequest) (*adapterv1.ListCollisionsResponse, error) {
	return &adapterv1.ListCollisionsResponse{}, nil
}

func TestCarelessAdapter(t *testing.T) {
	b := raw(t, careless{})
	ctx := t.Context()
	_, createErr := b.Create(ctx, CreateRequest{Data: json.RawMessage(one), Key: "k"})
	_, _, readErr := b.Read(ctx, ReadRequest{UID: "u"})
	_, collisionsErr := b.ListCollisions(ctx, ListCollisionsRequest{})
	var listErr error
	for _, err := range b.List(ctx, ListRequest{}) {
		listErr = err
	}
	for i, err := range []error{createErr, readErr, collisionsErr, listErr} {
		if err == nil || KindOf(err) != Failed {
			t.Errorf("%d: want a failed try, got %v", i, err)
		}
	}
	if err := b.Delete(ctx, DeleteRequest{UID: "u", Key: "k"}); !IsNotOffered(err) || !IsRefused(err) ||
		Message(err) != "the backend of dataset d does not offer Delete" {
		t.Errorf("a method that is not there: %v", err)
	}
	if about, err := b.Describe(ctx); about != (Description{}) || err != nil {
		t.Error("Describe that is not there:", about, err)
	}
}

func TestListBreakOffAndPanic(t *testing.T) {
	_, b := newScripted(t, Options{MaxConcurrent: 1})
	for i := range 10 {
		create(t, b, one, fmt.Sprint(i))
	}
	for _, err := range b.List(t.Context(), ListRequest{}) {
		if err != nil {
			t.Error(err)
		}
		break
	}
	func() {
		defer func() { _ = recover() }()
		for _, err := range b.List(t.Context(), ListRequest{}) {
			panic(fmt.Sprint("the consumer's own, with ", err))
		}
	}()
	create(t, b, one, "the only slot is free again")
}

// A list that fails in the middle says so after what had come.
func TestListFailsInTheMiddle(t *testing.T) {
	s, b := newScripted(t, Options{})
	s.list.set(func(_ context.Context, send func(adapter.Record) error) error {
		for i := range 1000 {
			if err := send(adapter.Record{UID: fmt.Sprint(i), Data: json.RawMessage(one)}); err != nil {
				return err
			}
		}
		return fmt.Errorf("the backend tripped")
	})
	n, last := 0, error(nil)
	for _, err := range b.List(t.Context(), ListRequest{}) {
		if last = err; err == nil {
			n++
		}
	}
	if n == 0 || last == nil || Message(last) != "the backend tripped" {
		t.Errorf("%d records, then %v", n, last)
	}
}
