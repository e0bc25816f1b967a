package csv

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/tandem-sync/tandem/api/adapter"
)

// A file with anything wrong in it is no list, and no change is lost for it.
func TestBadFiles(t *testing.T) {
	for text, says := range map[string]string{
		"":                           "d.csv: the file is empty",
		"\n\n":                       "d.csv: the file has no row",
		"name\na\n":                  `d.csv:1: there is no column "id"`,
		"id,name,name\n":             `d.csv:1: two columns are called "name"`,
		"id,n,m\n":                   "",
		"id,n\na,1\nb\n":             "d.csv:3: wrong number of fields",
		"id,n\na,1\nb,2,3\n":         "d.csv:3: wrong number of fields",
		"id,n\na,\"1\nb,2\n":         "d.csv:2: ", // a quote that is never closed
		"id,n\na,1\nb,2\"\n":         "d.csv:3: bare \"",
		"id,n\na,1\n,2\n":            `d.csv:3: column "id": the row has no uid`,
		"id,n\na,1\n\nb,\n\na,2\n":   `d.csv:6: column "id": uid "a" is there twice`,
		"id,n\na,\xe4\n":             "d.csv:2: the row is not UTF-8",
		"id,n\na,1\n\x00\x00,\x00\n": "d.csv:3: the row has a NUL byte",
		"\xff\xfei\x00d\x00":         "UTF-16",
		"\uFEFFid,n\na,1\n":          "",
	} {
		b := newBench(t, Options{}, text)
		_, err := b.list()
		if says == "" {
			if err != nil {
				t.Errorf("%q: %v", text, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
		_, err = b.create(`{"n":"1"}`, "k")
		wantCode(t, text, err, codes.Unavailable, says)
		wantCode(t, text, b.remove("nobody"), codes.Unavailable, says)
		_, err = b.Read(t.Context(), adapter.ReadRequest{Dataset: "d", UID: "nobody"})
		wantCode(t, text, err, codes.Unavailable, says)
		b.wantFile(text)
	}
}

// A file that is away is not an empty one.
func TestMissingFile(t *testing.T) {
	created := Options{Default: Table{Create: []string{"id", "n"}}}
	for name, o := range map[string]Options{"must be there": {}, "was there": created, "read-only": {ReadOnly: true, Default: created.Default}} {
		b := newBench(t, o, "id,n\na,1\n")
		b.wantList(`a {"n":"1"}`)
		b = b.again(o)
		if err := os.Remove(b.path); err != nil {
			t.Fatal(err)
		}
		_, err := b.list()
		wantCode(t, name, err, codes.Unavailable, "there is no file")
		_, err = b.Read(t.Context(), adapter.ReadRequest{Dataset: "d", UID: "a"})
		wantCode(t, name, err, codes.Unavailable, "there is no file")
		if !o.ReadOnly {
			_, err = b.create(`{"n":"2"}`, "k")
			wantCode(t, name, err, codes.Unavailable, "there is no file")
		}
	}
	// One that never was begins with what the settings say, as does a device's first record.
	b := newBench(t, created, "")
	if err := os.Remove(b.path); err != nil {
		t.Fatal(err)
	}
	b.wantList("")
	uid, err := b.create(`{"n":"1"}`, "k")
	if err != nil {
		t.Fatal(err)
	}
	b.wantFile("id,n\n" + uid + ",1\n")
	// The drive has gone, and with it what was noted: an empty directory is no empty dataset.
	if err := errors.Join(os.Rename(b.dir, b.dir+"-away"), os.Mkdir(b.dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	_, err = b.list()
	wantCode(t, "another directory", err, codes.Unavailable, "there is no file")
}

func (b bench) again(o Options) bench {
	b.Helper()
	if err := b.Close(); err != nil {
		b.Fatal(err)
	}
	return b.open(o)
}

func TestReadOnly(t *testing.T) {
	b := newBench(t, Options{ReadOnly: true}, "id,n\na,1\n")
	b.wantList(`a {"n":"1"}`)
	_, err := b.create(`{"n":"2"}`, "k")
	wantCode(t, "create", err, codes.InvalidArgument, "dataset d is read-only")
	wantCode(t, "update", b.update("a", `{"n":"2"}`, ""), codes.InvalidArgument, "dataset d is read-only")
	wantCode(t, "delete", b.remove("a"), codes.InvalidArgument, "dataset d is read-only")
	err = b.HandleCollision(t.Context(), adapter.HandleCollisionRequest{Dataset: "d", UID: "a", Key: "k"})
	wantCode(t, "collision", err, codes.InvalidArgument, "dataset d is read-only")
	if list, err := b.ListCollisions(t.Context(), adapter.ListCollisionsRequest{Dataset: "d"}); err != nil || string(list) != "{}" {
		t.Errorf("%s, %v", list, err)
	}
	if n, err := b.RemoveCollision(t.Context(), adapter.RemoveCollisionRequest{Dataset: "d", Hash: "h"}); err != nil || n != 0 {
		t.Error(n, err)
	}
	if about, _ := b.Describe(t.Context()); about.CompareAndWrite {
		t.Error("it says that it writes")
	}
	// It leaves nothing in the directory, and may be one of many.
	if entries, err := os.ReadDir(b.dir); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
	b.open(Options{ReadOnly: true})
}

func TestLock(t *testing.T) {
	b := newBench(t, Options{}, "id\n")
	if _, err := Open(Options{Directory: b.dir}); !errors.Is(err, ErrInUse) {
		t.Errorf("a second adapter may write: %v", err)
	}
	b.open(Options{ReadOnly: true}) // that does no harm
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := b.create(`{}`, "k")
	wantCode(t, "after Close", err, codes.Unavailable, "closing")
	b.open(Options{})
}

func TestSymbolicLinkIsNotReplaced(t *testing.T) {
	b := newBench(t, Options{}, "")
	target := filepath.Join(t.TempDir(), "elsewhere.csv")
	if err := errors.Join(os.Remove(b.path), os.WriteFile(target, []byte("id,n\na,1\n"), 0o600), os.Symlink(target, b.path)); err != nil {
		t.Fatal(err)
	}
	b.wantList(`a {"n":"1"}`)
	wantCode(t, "update", b.update("a", `{"n":"2"}`, ""), codes.Unavailable, "symbolic link")
}

func TestHostileDatasets(t *testing.T) {
	b := newBench(t, Options{}, "id\n")
	for _, id := range []string{"../d", "a/b", ".tandem", "", "..", "d\x00"} {
		_, err := b.Read(t.Context(), adapter.ReadRequest{Dataset: id, UID: "a"})
		wantCode(t, id, err, codes.InvalidArgument, "dataset id")
	}
}

func TestGenerateUIDs(t *testing.T) {
	o := Options{Default: Table{GenerateUIDs: true}}
	b := newBench(t, o, "n\n1\n\n\"2\"")
	got, err := b.list()
	if lines := strings.Split(b.file(), "\n"); err != nil || len(lines) != 4 || lines[0] != "n,id" || !strings.HasPrefix(lines[3], `"2",`) || strings.Count(got, "\n") != 1 {
		t.Fatalf("%q, %s, %v", b.file(), got, err)
	}
	b.wantList(got) // they stay
	b.write(strings.TrimRight(b.file(), "\n") + "\n3,\n")
	if got, err := b.list(); err != nil || strings.Count(got, "\n") != 2 || strings.HasSuffix(b.file(), "3,\n") {
		t.Errorf("%q, %s, %v", b.file(), got, err)
	}
	readOnly := newBench(t, Options{ReadOnly: true, Default: o.Default}, "n\n1\n")
	if _, err := readOnly.list(); err == nil || !strings.Contains(err.Error(), "without a uid") {
		t.Error(err)
	}
}
