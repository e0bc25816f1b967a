package mongo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/auth"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/test/mongotest"
)

func TestFailure(t *testing.T) {
	command := func(code int32, labels ...string) error {
		return mongo.CommandError{Code: code, Message: "x", Labels: labels}
	}
	write := func(code int) error {
		return mongo.WriteException{WriteErrors: mongo.WriteErrors{{Code: code, Message: "E11000"}}}
	}
	for _, c := range []struct {
		err  error
		code codes.Code
	}{
		{nil, codes.OK},
		{adapter.Refuse("x"), codes.InvalidArgument},
		{adapter.RetryLater(nil), codes.Unavailable},
		{mongo.ErrClientDisconnected, codes.Unavailable},
		{context.DeadlineExceeded, codes.Unavailable},
		{topology.ConnectionError{Wrapped: &auth.Error{}}, codes.Unavailable}, {&auth.Error{}, codes.Unavailable},
		{topology.ServerSelectionError{Wrapped: errors.New("x")}, codes.Unavailable}, {topology.PoolError("x"), codes.Unavailable},
		{command(11600), codes.Unavailable}, {command(10107), codes.Unavailable}, {command(50), codes.Unavailable},
		{command(13), codes.Unavailable}, {command(18), codes.Unavailable}, {command(16500), codes.Unavailable},
		{command(0, "NetworkError"), codes.Unavailable}, {command(0, "RetryableWriteError"), codes.Unavailable},
		{mongo.WriteException{WriteConcernError: &mongo.WriteConcernError{Code: 64}}, codes.Unavailable},
		{mongo.WriteException{WriteConcernError: &mongo.WriteConcernError{Code: 79}}, codes.Unavailable},
		{write(11000), codes.InvalidArgument}, {write(121), codes.InvalidArgument}, {write(10334), codes.InvalidArgument}, {write(52), codes.InvalidArgument},
		{command(2), codes.Unknown}, {errors.New("x"), codes.Unknown},
	} {
		if got := failure("d", c.err); status.Code(got) != c.code || c.err == nil != (got == nil) {
			t.Errorf("%v: %v", c.err, got)
		}
	}
	for _, err := range []error{adapter.ErrNotFound, adapter.ErrConflict, context.Canceled} {
		if got := failure("d", fmt.Errorf("x: %w", err)); !errors.Is(got, err) {
			t.Errorf("%v: %v", err, got)
		}
	}
}

func TestNoIndex(t *testing.T) {
	for code, want := range map[int32]bool{13: true, 85: true, 86: true, 0: false, 11600: false} {
		if err := error(mongo.CommandError{Code: code, Labels: []string{"NetworkError"}}); noIndex(err) != want {
			t.Errorf("code %d: %v", code, !want)
		}
	}
}

// A database that is not there yet, or no more, is "not now"; one that comes back is used again.
func TestAway(t *testing.T) {
	s, err := Open(t.Context(), Options{URI: "mongodb://127.0.0.1:1/x?serverSelectionTimeoutMS=100"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	server := mongotest.Start(t)
	running, err := Open(t.Context(), Options{URI: server.URI(), Database: "x"})
	if err != nil {
		t.Fatal(err)
	}
	defer running.Close()
	uid, err := running.Create(t.Context(), adapter.CreateRequest{Dataset: "d", Data: json.RawMessage(`{}`), Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	server.Stop()
	for i, s := range []Service{s, running} {
		ctx := t.Context()
		if i == 1 { // out of time before the driver gives up
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, 100*time.Millisecond)
			defer cancel()
		}
		_, createErr := s.Create(ctx, adapter.CreateRequest{Dataset: "d", Data: json.RawMessage(`{}`), Key: "k"})
		_, readErr := s.Read(ctx, adapter.ReadRequest{Dataset: "d", UID: uid})
		for _, err := range []error{
			createErr, readErr, s.Ping(ctx),
			s.Update(ctx, adapter.UpdateRequest{Dataset: "d", UID: uid, Data: json.RawMessage(`{"a":1}`), Key: "k"}),
			s.Delete(ctx, adapter.DeleteRequest{Dataset: "d", UID: uid, Key: "k"}),
			s.List(ctx, adapter.ListRequest{Dataset: "d"}, func(adapter.Record) error { return nil }),
			s.HandleCollision(ctx, adapter.HandleCollisionRequest{Dataset: "d", UID: uid, Key: "k"}),
		} {
			if status.Code(err) != codes.Unavailable {
				t.Errorf("without a database: %v", err)
			}
		}
	}
}

// An index that takes a value once only refuses the second, with the reason.
func TestUniqueIndex(t *testing.T) {
	b := newBench(t)
	if _, err := b.docs.Indexes().CreateOne(t.Context(), mongo.IndexModel{Keys: bson.D{{Key: "email", Value: 1}}, Options: options.Index().SetUnique(true)}); err != nil {
		t.Fatal(err)
	}
	b.create(`{"email":"a"}`, "1")
	other := b.create(`{"email":"b"}`, "2")
	_, err := b.Create(t.Context(), adapter.CreateRequest{Dataset: "d", Data: json.RawMessage(`{"email":"a"}`), Key: "3"})
	for _, err := range []error{err, b.update(other, `{"email":"a"}`, `{"email":"b"}`)} {
		if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "email") {
			t.Error(err)
		}
	}
	// It was refused, not made: once the value is free the same create succeeds.
	if err := b.update(other, `{"email":"c"}`, `{"email":"b"}`); err != nil {
		t.Error(err)
	}
	if uid := b.create(`{"email":"d"}`, "3"); b.read(uid) != `{"email":"d"}` {
		t.Error("a create that was refused is taken for made")
	}
}

func TestTooLarge(t *testing.T) {
	b := newBench(t)
	data := json.RawMessage(`{"a":"` + strings.Repeat("x", 17<<20) + `"}`)
	_, err := b.Create(t.Context(), adapter.CreateRequest{Dataset: "d", Data: data, Key: "k"})
	if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "too large") {
		t.Errorf("create: %.200v", err)
	}
	uid := b.create(`{"a":1}`, "small")
	if err := b.update(uid, string(data), ""); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "too large") {
		t.Errorf("update: %.200v", err)
	}
	if got := b.read(uid); got != `{"a":1}` {
		t.Errorf("it holds %.200s", got)
	}
}

func TestDataThatHaveNoHash(t *testing.T) {
	b := newBench(t)
	deep := json.RawMessage(`{"a":` + strings.Repeat("[", 10001) + strings.Repeat("]", 10001) + `}`)
	_, err := b.Create(t.Context(), adapter.CreateRequest{Dataset: "d", Data: deep, Key: "k"})
	if status.Code(err) != codes.InvalidArgument {
		t.Error(err)
	}
}

// The list ends when the listener has enough, and with the call.
func TestListEnds(t *testing.T) {
	b := newBench(t)
	for i := range 300 {
		b.insert(bson.D{{Key: "_id", Value: i}})
	}
	enough := errors.New("enough")
	n := 0
	err := b.List(t.Context(), adapter.ListRequest{Dataset: "d"}, func(adapter.Record) error {
		if n++; n == 10 {
			return enough
		}
		return nil
	})
	if !errors.Is(err, enough) || n != 10 {
		t.Error(n, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	n = 0
	err = b.List(ctx, adapter.ListRequest{Dataset: "d"}, func(adapter.Record) error {
		n++
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) || n == 300 {
		t.Error(n, err)
	}
}

func TestOptions(t *testing.T) {
	for message, o := range map[string]Options{
		"no URI":                {},
		"URI":                   {URI: "http://x", Database: "x"},
		"no database":           {URI: "mongodb://127.0.0.1"},
		"dataset id":            {URI: "mongodb://127.0.0.1/x", Datasets: map[string]DatasetOptions{"system.x": {}}},
		"change or deletion":    {URI: "mongodb://127.0.0.1/x", Datasets: map[string]DatasetOptions{"d": {ChangeField: "a.b"}}},
		`"_id" can't be`:        {URI: "mongodb://127.0.0.1/x", Datasets: map[string]DatasetOptions{"d": {ChangeField: "_id"}}},
		"needs a change field":  {URI: "mongodb://127.0.0.1/x", Datasets: map[string]DatasetOptions{"d": {DeletedField: "a"}}},
		"a change field beside": {URI: "mongodb://127.0.0.1/x", Datasets: map[string]DatasetOptions{"d": {DeletedField: "a", ChangeField: "a"}}},
	} {
		if _, err := Open(t.Context(), o); err == nil || !strings.Contains(err.Error(), message) || !strings.HasPrefix(err.Error(), "mongo adapter: ") {
			t.Errorf("%s: %v", message, err)
		}
	}
}
