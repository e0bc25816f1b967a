package embedded

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/adaptertest"
	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
	"github.com/tandem-sync/tandem/services/internal/backend"
)

func open1(t *testing.T, path string) *Adapter {
	t.Helper()
	a, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

func TestConformance(t *testing.T) {
	for name, path := range map[string]string{
		"Memory": Memory,
		"File":   filepath.Join(t.TempDir(), "100% odd?name#.db"),
	} {
		t.Run(name, func(t *testing.T) {
			cc, stop := backend.InProcess(open1(t, path))
			defer stop()
			adaptertest.Exercise(t, adapterv1.NewAdapterServiceClient(cc), adaptertest.Options{})
		})
	}
}

const (
	old   = `{"n": 1,  "z":"\u00e9", "a":1.0}`
	fresh = `{"n":2}`
)

// What was answered is there after a restart, and repetitions are still known.
func TestRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	ctx := t.Context()
	a := open1(t, path)
	create := adapter.CreateRequest{Dataset: "d", Data: json.RawMessage(old), Key: "c1"}
	uid, err := a.Create(ctx, create)
	if err != nil || len(uid) != 24 {
		t.Fatal(uid, err)
	}
	gone, err := a.Create(ctx, adapter.CreateRequest{Dataset: "d", Data: json.RawMessage(old), Key: "c2"})
	if err != nil {
		t.Fatal(err)
	}
	update := adapter.UpdateRequest{Dataset: "d", UID: uid, Data: json.RawMessage(fresh), Expected: json.RawMessage(old), Key: "u"}
	remove := adapter.DeleteRequest{Dataset: "d", UID: gone, Expected: json.RawMessage(old), Key: "x"}
	collide := adapter.HandleCollisionRequest{Dataset: "d", UID: "u", Hash: "h", Key: "k"}
	for _, err := range []error{a.Update(ctx, update), a.Delete(ctx, remove), a.HandleCollision(ctx, collide), a.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}

	a = open1(t, path)
	if data, err := a.Read(ctx, adapter.ReadRequest{Dataset: "d", UID: uid}); err != nil || string(data) != fresh {
		t.Errorf("after a restart the record is %s, %v", data, err)
	}
	if again, err := a.Create(ctx, create); err != nil || again != uid {
		t.Errorf("a create repeated after a restart: %s, %v", again, err)
	}
	for _, err := range []error{a.Update(ctx, update), a.Delete(ctx, remove), a.HandleCollision(ctx, collide)} {
		if err != nil {
			t.Error("repeated after a restart:", err)
		}
	}
	if list, err := a.collisions(ctx, "d"); err != nil || len(list) != 1 {
		t.Error("collisions after a restart:", list, err)
	}
}

// Data come back as the bytes that were sent, not only with their meaning.
func TestBytes(t *testing.T) {
	a := open1(t, Memory)
	uid, err := a.Create(t.Context(), adapter.CreateRequest{Dataset: "d", Data: json.RawMessage(old), Key: "c"})
	if err != nil {
		t.Fatal(err)
	}
	data, err := a.Read(t.Context(), adapter.ReadRequest{Dataset: "d", UID: uid})
	if err != nil || string(data) != old {
		t.Errorf("%s, %v", data, err)
	}
}

func TestKeysAreForgotten(t *testing.T) {
	a := open1(t, Memory)
	now := time.UnixMilli(1_000_000_000_000)
	a.now = func() time.Time { return now }
	ctx := t.Context()
	create := func(key string) string {
		t.Helper()
		uid, err := a.Create(ctx, adapter.CreateRequest{Dataset: "d", Data: json.RawMessage(old), Key: key})
		if err != nil {
			t.Fatal(err)
		}
		return uid
	}
	keys := func() (n int) {
		t.Helper()
		if err := a.reader.QueryRow("SELECT count(*) FROM keys").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	uid := create("first")
	now = now.Add(KeyTTL)
	create("second")
	if keys() != 2 {
		t.Fatal("a key was forgotten too early")
	}
	now = now.Add(pruneEvery)
	create("third")
	if n := keys(); n != 2 {
		t.Errorf("%d keys kept, want those of the second and third create", n)
	}
	if create("first") != uid {
		t.Error("a create whose key was forgotten made another record")
	}
}

func TestErrors(t *testing.T) {
	a := open1(t, Memory)
	ctx := t.Context()
	cc, stop := backend.InProcess(a)
	defer stop()
	router := backend.New(backend.Options{Default: cc})
	defer router.Close()
	b, err := router.For("shop")
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range b.List(ctx, backend.ListRequest{QueryParams: json.RawMessage(`{"a":{"$regex":"x"}}`)}) {
		want := "dataset shop: query_params: operator $regex is not allowed; allowed are $eq"
		if !backend.IsRefused(err) || len(backend.Message(err)) < len(want) || backend.Message(err)[:len(want)] != want {
			t.Errorf("bad filter: %v", err)
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.Read(ctx, backend.ReadRequest{UID: "x"}); !backend.IsNotNow(err) {
		t.Errorf("a closed database: %v", err)
	}
}

// A power cut must not take back what was answered.
func TestDurability(t *testing.T) {
	a := open1(t, filepath.Join(t.TempDir(), "data.db"))
	for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal"} {
		var got string
		if err := a.writer.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s, want %s (%v)", pragma, got, want, err)
		}
	}
	if _, err := a.reader.Exec("DELETE FROM records"); err == nil {
		t.Error("the reader's connections can write")
	}
}

func TestNewerFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data.db")
	a := open1(t, path)
	if _, err := a.writer.Exec("PRAGMA user_version = 99"); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil {
		t.Error("a file of a newer version was opened")
	}
	if _, err := Open(filepath.Join(path, "no directory")); err == nil || errors.Is(err, adapter.ErrNotFound) {
		t.Error("a file that can't be made was opened:", err)
	}
}
