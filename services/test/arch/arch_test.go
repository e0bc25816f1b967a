package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// listed is what `go list -json` tells of a package.
type listed struct {
	ImportPath string
	Standard   bool
	Imports    []string
	Deps       []string
}

// list asks Go about packages, seen from the folder services. What does not
// compile is for others to report (-e).
func list(t *testing.T, args ...string) []listed {
	t.Helper()
	watch(t)
	cmd := exec.Command("go", append([]string{"list", "-e", "-json=ImportPath,Standard,Imports,Deps"}, args...)...)
	cmd.Dir = "../.."
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %s: %v", strings.Join(args, " "), err)
	}
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// watch opens every source, so that Go's test cache knows what this test depends
// on; it does not see what `go list` reads.
func watch(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "node_modules" {
			return filepath.SkipDir
		}
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return f.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
}

// module is the path of the repository's modules, "…/tandem/".
func module(t *testing.T) string {
	t.Helper()
	self := list(t, "./test/arch")[0].ImportPath
	return strings.TrimSuffix(self, "services/test/arch")
}

func TestImportsGoDown(t *testing.T) {
	services := module(t) + "services/"
	for _, p := range list(t, "./...") {
		from := strings.TrimPrefix(p.ImportPath, services)
		if room(from) == "" {
			t.Errorf("%s has no place in rooms", from)
		}
		for _, path := range p.Imports {
			to, ours := strings.CutPrefix(path, services)
			if !ours {
				continue
			}
			if why := allowed(from, to); why != "" {
				t.Errorf("%s %s: %s", from, why, to)
			}
		}
	}
}

func TestDecisionsArePure(t *testing.T) {
	services := module(t) + "services/"
	for _, p := range list(t, "./internal/...") {
		if !withinAny(strings.TrimPrefix(p.ImportPath, services), pure) {
			continue
		}
		for _, path := range p.Imports {
			if withinAny(path, impure) {
				t.Errorf("%s is pure and imports %s", p.ImportPath, path)
			}
		}
	}
}

// TestLightAPI holds what other teams import to few dependencies.
func TestLightAPI(t *testing.T) {
	root := module(t)
	for _, p := range list(t, "-deps", root+"api/...", root+"proto/...") {
		path, ours := strings.CutPrefix(p.ImportPath, root)
		switch {
		case p.Standard:
		case ours && (within(path, "api") || within(path, "proto")):
		case !ours && withinAny(path, light):
		default:
			t.Errorf("api or proto pull in %s", p.ImportPath)
		}
	}
}

func TestBinaryIsLean(t *testing.T) {
	services := module(t) + "services/"
	for _, p := range list(t, "./cmd/...") {
		for _, path := range p.Deps {
			if withinAny(path, notLinked) || rooms[room(strings.TrimPrefix(path, services))] == tests && strings.HasPrefix(path, services) {
				t.Errorf("%s links %s", p.ImportPath, path)
			}
		}
	}
}
