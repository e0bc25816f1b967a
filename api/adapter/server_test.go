package adapter_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/internal/localtest"
	"github.com/tandem-sync/tandem/api/adapter/memadapter"
	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
)

// stub is a memadapter with some answers of the test's own.
type stub struct {
	*memadapter.Adapter
	read       func() (json.RawMessage, error)
	list       func(ctx context.Context, send func(adapter.Record) error) error
	changes    func(out *adapter.ChangeWriter) (string, error)
	collisions func() (json.RawMessage, error)
}

func (s *stub) Read(context.Context, adapter.ReadRequest) (json.RawMessage, error) { return s.read() }

func (s *stub) List(ctx context.Context, _ adapter.ListRequest, send func(adapter.Record) error) error {
	return s.list(ctx, send)
}

func (s *stub) ListChanges(_ context.Context, _ adapter.ListChangesRequest, out *adapter.ChangeWriter) (string, error) {
	return s.changes(out)
}

func (s *stub) ListCollisions(context.Context, adapter.ListCollisionsRequest) (json.RawMessage, error) {
	return s.collisions()
}

var d = &adapterv1.Context{Dataset: "d"}

func TestReadAnswers(t *testing.T) {
	s := &stub{}
	client := localtest.Client(t, s)
	long := strings.Repeat("ü", 100_000)
	for _, c := range []struct {
		data string
		err  error
		code codes.Code
		msg  string
	}{
		{data: ` {"a":1}`, code: codes.OK},
		{data: `[1]`, code: codes.Internal, msg: "dataset d: record u is not a JSON object"},
		{data: `{`, code: codes.Internal, msg: "dataset d: record u is not a JSON object"},
		{data: "{\"a\":\"\xff\"}", code: codes.Internal, msg: "dataset d: record u is not a JSON object"},
		{data: ``, code: codes.Internal, msg: "dataset d: record u is not a JSON object"},
		{err: adapter.ErrNotFound, code: codes.NotFound, msg: "record not found"},
		{err: fmt.Errorf("shop: %w", adapter.ErrConflict), code: codes.Aborted, msg: "shop: record was changed by somebody else"},
		{err: adapter.ErrNotOffered, code: codes.Unimplemented, msg: "not offered by this adapter"},
		{err: adapter.Refuse("no"), code: codes.InvalidArgument, msg: "no"},
		{err: adapter.RetryLater(errors.New("busy")), code: codes.Unavailable, msg: "busy"},
		{err: errors.New("x"), code: codes.Unknown, msg: "x"},
		{err: errors.New("a\xffb"), code: codes.Unknown, msg: "a\uFFFDb"},
		{err: errors.New(long), code: codes.Unknown, msg: long[:4096] + "..."},
		{err: status.Error(codes.OutOfRange, "far"), code: codes.OutOfRange, msg: "far"},
		{err: context.Canceled, code: codes.Canceled, msg: "context canceled"},
	} {
		s.read = func() (json.RawMessage, error) { return json.RawMessage(c.data), c.err }
		_, err := client.Read(t.Context(), &adapterv1.ReadRequest{Context: d, Uid: "u"})
		if status.Code(err) != c.code || status.Convert(err).Message() != c.msg {
			t.Errorf("%.40q, %.40v: got %.80v", c.data, c.err, err)
		}
	}
}

func TestPanic(t *testing.T) {
	var log bytes.Buffer
	s := &stub{read: func() (json.RawMessage, error) { panic("boom") }}
	s.list = func(context.Context, func(adapter.Record) error) error { panic("boom") }
	client := adapterv1.NewAdapterServiceClient(localtest.Conn(t, s, adapter.WithLogger(slog.New(slog.NewTextHandler(&log, nil)))))
	_, err := client.Read(t.Context(), &adapterv1.ReadRequest{Context: d, Uid: "u"})
	if status.Code(err) != codes.Internal || strings.Contains(err.Error(), "boom") {
		t.Error("Read:", err)
	}
	if _, err := list(t, client); status.Code(err) != codes.Internal {
		t.Error("List:", err)
	}
	if text := log.String(); strings.Count(text, "panic=boom") != 2 || !strings.Contains(text, "method=List") {
		t.Error("log:", text)
	}
}

func list(t *testing.T, client adapterv1.AdapterServiceClient) (sizes []int, err error) {
	t.Helper()
	stream, err := client.List(t.Context(), &adapterv1.ListRequest{Context: d})
	for err == nil {
		var batch *adapterv1.ListResponse
		if batch, err = stream.Recv(); err == nil {
			sizes = append(sizes, len(batch.GetRecords()))
		}
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return sizes, err
}

func TestListBatches(t *testing.T) {
	s := &stub{}
	client := localtest.Client(t, s)
	records := func(sizes ...int) func(context.Context, func(adapter.Record) error) error {
		return func(_ context.Context, send func(adapter.Record) error) error {
			for i, size := range sizes {
				data := `{"x":"` + strings.Repeat("x", size) + `"}`
				if err := send(adapter.Record{UID: fmt.Sprint(i), Data: json.RawMessage(data)}); err != nil {
					return err
				}
			}
			return nil
		}
	}
	const big, huge = 900 << 10, 3 << 20
	for _, c := range []struct {
		sizes []int
		want  string
	}{
		{nil, "[]"},
		{make([]int, 500), "[500]"},
		{make([]int, 1001), "[500 500 1]"},
		{[]int{big, big, big, 1}, "[2 2]"},
		{[]int{1, huge, 1, 1}, "[1 1 2]"},
	} {
		s.list = records(c.sizes...)
		if got, err := list(t, client); fmt.Sprint(got) != c.want || err != nil {
			t.Errorf("%d records: batches %v, want %s (%v)", len(c.sizes), got, c.want, err)
		}
	}
}

// A list that could not be sent in whole is an error, even if the adapter drops
// the error that it got.
func TestListNeverLooksComplete(t *testing.T) {
	s := &stub{}
	client := localtest.Client(t, s)
	for _, bad := range []adapter.Record{
		{UID: "", Data: json.RawMessage(`{}`)},
		{UID: "u\xff", Data: json.RawMessage(`{}`)},
		{UID: "u", Data: json.RawMessage(`[]`)},
		{UID: "u"},
	} {
		s.list = func(_ context.Context, send func(adapter.Record) error) error {
			_ = send(bad)
			_ = send(adapter.Record{UID: "good", Data: json.RawMessage(`{}`)})
			return nil
		}
		if got, err := list(t, client); status.Code(err) != codes.Internal || len(got) != 0 {
			t.Errorf("%+v: %v, %v", bad, got, err)
		}
	}
}

func TestListChangesAnswers(t *testing.T) {
	s := &stub{}
	client := localtest.Client(t, s)
	ask := func() (parts []*adapterv1.ListChangesResponse, err error) {
		stream, err := client.ListChanges(t.Context(), &adapterv1.ListChangesRequest{Context: d, Cursor: "c"})
		for err == nil {
			var part *adapterv1.ListChangesResponse
			if part, err = stream.Recv(); err == nil {
				parts = append(parts, part)
			}
		}
		return parts, err
	}
	s.changes = func(out *adapter.ChangeWriter) (string, error) {
		_ = out.Reset()
		for i := range 1200 {
			_ = out.Changed(adapter.Record{UID: fmt.Sprint("c", i), Data: json.RawMessage(`{}`)})
			_ = out.Removed(fmt.Sprint("r", i))
		}
		return "next", nil
	}
	parts, err := ask()
	changed, removed := 0, 0
	for i, p := range parts {
		changed += len(p.GetChanged())
		removed += len(p.GetRemoved())
		if last := i == len(parts)-1; p.GetReset_() != (i == 0) || (p.GetCursor() != "") != last {
			t.Errorf("part %d: reset %v, cursor %q", i, p.GetReset_(), p.GetCursor())
		}
	}
	if changed != 1200 || removed != 1200 || !errors.Is(err, io.EOF) {
		t.Errorf("%d changed, %d removed, %v", changed, removed, err)
	}
	for name, changes := range map[string]func(out *adapter.ChangeWriter) (string, error){
		"no cursor": func(*adapter.ChangeWriter) (string, error) { return "", nil },
		"late reset": func(out *adapter.ChangeWriter) (string, error) {
			_ = out.Removed("r")
			_ = out.Reset()
			return "c", nil
		},
		"bad record": func(out *adapter.ChangeWriter) (string, error) { _ = out.Changed(adapter.Record{}); return "c", nil },
		"error":      func(*adapter.ChangeWriter) (string, error) { return "c", errors.New("x") },
	} {
		s.changes = changes
		if _, err := ask(); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestCollisionsMustBeAnObject(t *testing.T) {
	s := &stub{collisions: func() (json.RawMessage, error) { return json.RawMessage(`[]`), nil }}
	_, err := localtest.Client(t, s).ListCollisions(t.Context(), &adapterv1.ListCollisionsRequest{Context: d})
	if status.Code(err) != codes.Internal {
		t.Error(err)
	}
}

// What the SDK refuses never reaches an adapter.
func TestRequestsAreChecked(t *testing.T) {
	client := localtest.Client(t, &stub{}) // would panic with a nil func
	ctx := t.Context()
	one := []byte(`{"n":1}`)
	errs := map[string]error{}
	_, errs["no dataset"] = client.Create(ctx, &adapterv1.CreateRequest{Data: one, IdempotencyKey: "k"})
	_, errs["no key"] = client.Create(ctx, &adapterv1.CreateRequest{Context: d, Data: one})
	_, errs["no data"] = client.Create(ctx, &adapterv1.CreateRequest{Context: d, IdempotencyKey: "k"})
	_, errs["meta_data"] = client.Create(ctx, &adapterv1.CreateRequest{Context: &adapterv1.Context{Dataset: "d", MetaData: []byte("{")}, Data: one, IdempotencyKey: "k"})
	_, errs["no uid"] = client.Read(ctx, &adapterv1.ReadRequest{Context: d})
	_, errs["expected"] = client.Update(ctx, &adapterv1.UpdateRequest{Context: d, Uid: "u", Data: one, ExpectedData: []byte("1"), IdempotencyKey: "k"})
	_, errs["expected of delete"] = client.Delete(ctx, &adapterv1.DeleteRequest{Context: d, Uid: "u", ExpectedData: []byte("1"), IdempotencyKey: "k"})
	_, errs["pre"] = client.HandleCollision(ctx, &adapterv1.HandleCollisionRequest{Context: d, Uid: "u", Pre: []byte("{"), IdempotencyKey: "k"})
	_, errs["remove"] = client.RemoveCollision(ctx, &adapterv1.RemoveCollisionRequest{})
	_, errs["collisions"] = client.ListCollisions(ctx, &adapterv1.ListCollisionsRequest{})
	for name, err := range errs {
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCollisionsJSON(t *testing.T) {
	got := adapter.CollisionsJSON([]adapter.Collision{
		{ID: "b", UID: "u\"", Hash: "h", Timestamp: 5, Pre: json.RawMessage(`{ "a":"\ud800" }`)},
		{ID: "a", Post: json.RawMessage(`1`)},
	})
	want := `{"b":{"uid":"u\"","hash":"h","pre":{ "a":"\ud800" },"post":null,"timestamp":5},` +
		`"a":{"uid":"","hash":null,"pre":null,"post":1,"timestamp":0}}`
	if string(got) != want || string(adapter.CollisionsJSON(nil)) != "{}" {
		t.Errorf("got %s", got)
	}
}
