package csv

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/adaptertest"
	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
	"github.com/tandem-sync/tandem/services/internal/backend"
)

// bench is an adapter on a directory of the test's own, with a file for dataset "d".
type bench struct {
	*testing.T
	*Adapter
	dir, path string
}

func newBench(t *testing.T, o Options, text string) bench {
	t.Helper()
	dir := t.TempDir()
	b := bench{T: t, dir: dir, path: filepath.Join(dir, "d.csv")}
	b.write(text)
	return b.open(o)
}

// open opens the directory anew.
func (b bench) open(o Options) bench {
	b.Helper()
	o.Directory = b.dir
	if o.Settle == 0 {
		o.Settle = -1
	}
	a, err := Open(o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = a.Close() })
	b.Adapter = a
	return b
}

func (b bench) write(text string) {
	b.Helper()
	if err := os.WriteFile(b.path, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
}

func (b bench) file() string {
	b.Helper()
	text, err := os.ReadFile(b.path)
	if err != nil {
		b.Fatal(err)
	}
	return string(text)
}

func (b bench) wantFile(want string) {
	b.Helper()
	if got := b.file(); got != want {
		b.Errorf("the file is\n%q\nwant\n%q", got, want)
	}
}

func (b bench) create(data, key string) (string, error) {
	return b.Create(b.Context(), adapter.CreateRequest{Dataset: "d", Data: json.RawMessage(data), Key: key})
}

func (b bench) update(uid, data, expected string) error {
	req := adapter.UpdateRequest{Dataset: "d", UID: uid, Data: json.RawMessage(data)}
	if expected != "" {
		req.Expected = json.RawMessage(expected)
	}
	return b.Update(b.Context(), req)
}

func (b bench) remove(uid string) error {
	return b.Delete(b.Context(), adapter.DeleteRequest{Dataset: "d", UID: uid})
}

func (b bench) read(uid string) string {
	data, err := b.Read(b.Context(), adapter.ReadRequest{Dataset: "d", UID: uid})
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// list lists as lines `uid data`; an error after what came before it.
func (b bench) list() (string, error) {
	var lines []string
	err := b.List(b.Context(), adapter.ListRequest{Dataset: "d", QueryParams: json.RawMessage(`{}`)}, func(r adapter.Record) error {
		lines = append(lines, r.UID+" "+string(r.Data))
		return nil
	})
	return strings.Join(lines, "\n"), err
}

func (b bench) wantList(want string) {
	b.Helper()
	got, err := b.list()
	if err != nil || got != want {
		b.Errorf("listed\n%s\nwant\n%s\n%v", got, want, err)
	}
}

func wantCode(t *testing.T, what string, err error, want codes.Code, says string) {
	t.Helper()
	if status.Code(err) != want || !strings.Contains(err.Error(), says) {
		t.Errorf("%s: got %v, want %v with %q", what, err, want, says)
	}
}

func TestConformance(t *testing.T) {
	for name, table := range map[string]Table{
		"rest alone": {Rest: "more", Create: []string{"id", "more"}},
		"columns": {Rest: "more", Create: []string{"more", "n", "kind", "text", "id", "a"}, Delimiter: ";", Comment: "#", Columns: map[string]Column{
			"n": {Type: "integer"}, "a": {Type: "json"}, "text": {}, "kind": {},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := Open(Options{Directory: t.TempDir(), Settle: -1, Default: table})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			cc, stop := backend.InProcess(a)
			defer stop()
			adaptertest.Exercise(t, adapterv1.NewAdapterServiceClient(cc), adaptertest.Options{Timeout: 2 * time.Minute})
		})
	}
}
