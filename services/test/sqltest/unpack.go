package sqltest

import (
	"archive/tar"
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/ulikunitz/xz"
)

// binaries returns the folder with the unpacked binaries of a server, which is not to be written to. unpack
// puts them into a new folder.
func binaries(name, jar string, unpack func(jar *zip.Reader, dir string) error) (string, error) {
	root, err := repository()
	if err != nil {
		return "", err
	}
	if out, err := exec.Command(filepath.Join(root, "hack/sql/build.sh")).CombinedOutput(); err != nil {
		return "", fmt.Errorf("hack/sql/build.sh: %w\n%s", err, out)
	}
	target := filepath.Join(root, "hack/sql/target")
	dir := filepath.Join(target, name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	found, _ := filepath.Glob(filepath.Join(target, "lib", jar)) // the pattern is well-formed
	if len(found) != 1 {
		return "", fmt.Errorf("hack/sql/build.sh left %d files %s, expected one", len(found), jar)
	}
	archive, err := zip.OpenReader(found[0])
	if err != nil {
		return "", err
	}
	defer archive.Close()
	// Aside and moved into place whole; another process may do the same.
	aside, err := os.MkdirTemp(target, name)
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(aside)
	err = unpack(&archive.Reader, aside)
	if err == nil {
		err = os.Chmod(aside, 0o755) // other users may run tests here too
	}
	if err != nil {
		return "", fmt.Errorf("unpack %s: %w", found[0], err)
	}
	if err := os.Rename(aside, dir); err != nil {
		if _, there := os.Stat(dir); there != nil {
			return "", err
		}
	}
	return dir, nil
}

// unpackPostgres unpacks the tar.xz in the jar.
func unpackPostgres(jar *zip.Reader, dir string) error {
	for _, f := range jar.File {
		if !strings.HasSuffix(f.Name, ".txz") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return err
		}
		defer r.Close()
		plain, err := xz.NewReader(r)
		if err != nil {
			return err
		}
		return untar(tar.NewReader(plain), dir)
	}
	return errors.New("it has no .txz")
}

func untar(t *tar.Reader, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = root.MkdirAll(filepath.Dir(filepath.Clean(h.Name)), 0o755)
		}
		if err != nil {
			return err
		}
		switch name := filepath.Clean(h.Name); h.Typeflag {
		case tar.TypeReg:
			err = write(root, name, t, os.FileMode(h.Mode)&0o755|0o444)
		case tar.TypeSymlink:
			err = root.Symlink(h.Linkname, name)
		}
		if err != nil {
			return err
		}
	}
}

// unpackMariaDB takes the server and what it needs to begin.
func unpackMariaDB(jar *zip.Reader, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, f := range jar.File {
		_, name, ok := strings.Cut(f.Name, "/linux/")
		if !ok || f.FileInfo().IsDir() ||
			!strings.HasPrefix(name, "share/") && !strings.HasPrefix(name, "libs/") && name != "bin/mariadbd" {
			continue
		}
		if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		r, err := f.Open()
		if err != nil {
			return err
		}
		mode := os.FileMode(0o644)
		if name == "bin/mariadbd" {
			mode = 0o755
		}
		err = errors.Join(write(root, name, r, mode), r.Close())
		if err != nil {
			return err
		}
	}
	return nil
}

func write(root *os.Root, name string, r io.Reader, mode os.FileMode) error {
	f, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// repository finds the folder with go.work, from the folder of the test upwards.
func repository() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, e := os.Stat(filepath.Join(dir, "go.work")); e == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.work here or above: hack/sql is found from within the repository only")
		}
		dir = filepath.Dir(dir)
	}
	return "", err
}
