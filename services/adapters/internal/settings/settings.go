// Package settings reads the YAML file of a ready-made adapter.
//
// It promises that a misspelt key is an error and not a default, that an error names
// the file, and that files named in it are meant as seen from its own folder, so
// that a mounted folder works wherever the process was started.
//
// It knows no adapter.
package settings

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"go.yaml.in/yaml/v3"
)

// Read reads the file at path into out, over what that holds. A key that out has no
// field for is an error, as is a second document.
func Read(path string, out any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("setting adapterConfigFile: %w", err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(out); errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: the file is empty", path)
	} else if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: more than one YAML document; put all into the first", path)
	}
	return nil
}

// Beside makes a path that stands in the file at config one for this process: a
// relative one is relative to that file's folder. "" stays "".
func Beside(config, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(config), path)
}

// Duration is a length of time as people write it, such as 10s or 1m30s.
type Duration time.Duration

// UnmarshalYAML implements yaml.Unmarshaler.
func (d *Duration) UnmarshalYAML(node *yaml.Node) error {
	v, err := time.ParseDuration(node.Value)
	if err != nil || v < 0 {
		return fmt.Errorf("line %d: %q is no length of time; write it like 500ms, 10s or 1m30s", node.Line, node.Value)
	}
	*d = Duration(v)
	return nil
}
