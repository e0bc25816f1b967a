package csv

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tandem-sync/tandem/api/adapter"
)

var errCrash = errors.New("crash")

// TestCrashAtEachStep: whenever the process dies, the file is as before or as after
// each change, and the repetition of all changes ends as if nothing had happened.
func TestCrashAtEachStep(t *testing.T) {
	for n := 0; ; n++ {
		b := newBench(t, Options{}, "id,n\na,1\nb,2\n")
		steps := 0
		b.step = func(string) error {
			if steps++; steps > n {
				return errCrash // and so does all that comes after it
			}
			return nil
		}
		changes := func() (uid string, errs error) {
			uid, err := b.create(`{"n":"3"}`, "k")
			errs = errors.Join(err, b.update("a", `{"n":"9"}`, `{"n":"1"}`))
			if err := b.remove("b"); !errors.Is(err, adapter.ErrNotFound) { // a repetition finds it gone
				errs = errors.Join(errs, err)
			}
			return uid, errors.Join(errs, b.HandleCollision(t.Context(), adapter.HandleCollisionRequest{Dataset: "d", UID: "a", Hash: "h", Key: "k"}))
		}
		_, err := changes()
		crashed := steps > n
		if crashed && err != nil && status.Code(err) != codes.Unavailable {
			// Of several joined errors the first one's code is told.
			t.Errorf("step %d: %v", n, err)
		}
		b.step = func(string) error { return nil }
		b = b.again(Options{})
		if got, err := b.list(); err != nil || !strings.Contains(got, "a {") {
			t.Errorf("step %d: %s, %v", n, got, err)
		}
		uid, err := changes()
		if err != nil {
			t.Errorf("step %d, again: %v", n, err)
		}
		b.wantFile("id,n\na,9\n" + uid + ",3\n")
		list, err := b.ListCollisions(t.Context(), adapter.ListCollisionsRequest{Dataset: "d"})
		if err != nil || strings.Count(string(list), `"uid":"a"`) != 1 {
			t.Errorf("step %d: %s, %v", n, list, err)
		}
		if left, err := filepath.Glob(filepath.Join(b.dir, ".*new")); err != nil || len(left) != 0 {
			t.Errorf("step %d: %v is left, %v", n, left, err)
		}
		_ = b.Close()
		if !crashed {
			if n < 15 {
				t.Errorf("only %d steps were seen", n)
			}
			return
		}
	}
}

// A create that is repeated after its record was deleted does not bring it back, also
// not in a new process; nor does a collision.
func TestKeysAreRemembered(t *testing.T) {
	b := newBench(t, Options{}, "id,n\n")
	uid, err := b.create(`{"n":"1"}`, "k")
	if err := errors.Join(err, b.remove(uid)); err != nil {
		t.Fatal(err)
	}
	collision := adapter.HandleCollisionRequest{Dataset: "d", UID: "a", Hash: "h", Key: "k"}
	if err := b.HandleCollision(t.Context(), collision); err != nil {
		t.Fatal(err)
	}
	if n, err := b.RemoveCollision(t.Context(), adapter.RemoveCollisionRequest{Dataset: "d", Hash: "h"}); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	for range 2 {
		b = b.again(Options{})
		if again, err := b.create(`{"n":"1"}`, "k"); again != uid || err != nil {
			t.Errorf("%s, %v", again, err)
		}
		if err := b.HandleCollision(t.Context(), collision); err != nil {
			t.Error(err)
		}
		b.wantFile("id,n\n")
		if list, err := b.ListCollisions(t.Context(), adapter.ListCollisionsRequest{Dataset: "d"}); string(list) != "{}" || err != nil {
			t.Errorf("%s, %v", list, err)
		}
	}
	// After KeyTTL the key is forgotten, and its line is gone.
	b = b.again(Options{})
	b.now = func() time.Time { return time.Now().Add(KeyTTL + time.Hour) }
	if _, err := b.create(`{"n":"1"}`, "k"); err != nil {
		t.Error(err)
	}
	b.wantFile("id,n\n" + uid + ",1\n")
	if keys, err := os.ReadFile(filepath.Join(b.dir, sideFolder, "d.keys")); err != nil || strings.Count(string(keys), "\n") != 1 {
		t.Errorf("%s, %v", keys, err)
	}
}

// A create whose key was not noted any more finds its record, as it is by now.
func TestCreateWithoutItsNote(t *testing.T) {
	b := newBench(t, Options{}, "id,n\n")
	b.step = func(what string) error {
		if what == "note" {
			return errCrash
		}
		return nil
	}
	uid, err := b.create(`{"n":"1"}`, "k")
	wantCode(t, "create", err, codes.Unavailable, "crash")
	b.step = func(string) error { return nil }
	b = b.again(Options{})
	if err := b.update(uid, `{"n":"2"}`, ""); err != nil {
		t.Error(err)
	}
	if again, err := b.create(`{"n":"1"}`, "k"); again != uid || err != nil {
		t.Errorf("%s, %v", again, err)
	}
	b.wantFile("id,n\n" + uid + ",2\n")
}

// A line of a side file that was cut off by a crash is no line, and spoils no other.
func TestTornSideFiles(t *testing.T) {
	b := newBench(t, Options{}, "id,n\n")
	collide := func(key string) {
		t.Helper()
		if err := b.HandleCollision(t.Context(), adapter.HandleCollisionRequest{Dataset: "d", UID: key, Hash: "h", Key: key}); err != nil {
			t.Fatal(err)
		}
	}
	collide("first")
	uid, err := b.create(`{"n":"1"}`, "k")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"d.keys", "d.collisions"} {
		path := filepath.Join(b.dir, sideFolder, name)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		torn := string(text) + string(text[:len(text)/2])
		if name == "d.keys" { // in the worst place, just before its end
			torn = string(text) + "00" + string(text[2:strings.IndexByte(string(text), '\n')])
		}
		if err := os.WriteFile(path, []byte(torn), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	b = b.again(Options{})
	collide("first")
	collide("second")
	if again, err := b.create(`{"n":"1"}`, "k"); again != uid || err != nil {
		t.Errorf("%s, %v", again, err)
	}
	b = b.again(Options{})
	list, err := b.ListCollisions(t.Context(), adapter.ListCollisionsRequest{Dataset: "d"})
	if err != nil || strings.Count(string(list), `"hash":"h"`) != 2 {
		t.Errorf("%s, %v", list, err)
	}
	b.wantFile(fmt.Sprintf("id,n\n%s,1\n", uid))
	keys, err := os.ReadFile(filepath.Join(b.dir, sideFolder, "d.keys"))
	for line := range strings.Lines(string(keys)) {
		if len(strings.Fields(line)) != 2 || len(line) > 80 {
			t.Errorf("a line of the keys is %q", line)
		}
	}
	if err != nil {
		t.Error(err)
	}
}
