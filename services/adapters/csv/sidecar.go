package csv

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// KeyTTL is how long the key of a create or a collision is remembered.
const KeyTTL = 30 * 24 * time.Hour

// sidecar is what the adapter keeps beside a dataset's file: `<dataset>.keys`, lines of
// a digest and a time (ms), `<dataset>.collisions`, and `<dataset>.seen` once the file
// was there.
type sidecar struct {
	d    *dataset
	path string // without the ends of the names

	mu   sync.Mutex
	keys map[string]bool // nil: not read yet
	seen bool
}

func (s *sidecar) wasThere() bool {
	_, err := os.Stat(s.path + ".seen")
	return !errors.Is(err, fs.ErrNotExist) // when in doubt it was
}

// noteThere notes that the dataset's file is there.
func (s *sidecar) noteThere() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen || s.wasThere() {
		s.seen = true
		return nil
	}
	err := s.replace(s.path+".seen", nil)
	s.seen = err == nil
	return err
}

// load reads the keys, and drops those that are too old. The caller holds the lock.
func (s *sidecar) load() error {
	if s.keys != nil {
		return nil
	}
	text, err := os.ReadFile(s.path + ".keys")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	oldest := s.d.now().Add(-KeyTTL).UnixMilli()
	keys, kept, dropped := map[string]bool{}, bytes.Buffer{}, false
	for line := range strings.Lines(string(text)) {
		key, at, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		ms, err := strconv.ParseInt(at, 10, 64)
		// A line without its end is one whose writing was cut off.
		if !ok || err != nil || ms < oldest || !strings.HasSuffix(line, "\n") {
			dropped = true
			continue
		}
		keys[key] = true
		kept.WriteString(line)
	}
	if dropped {
		if err := s.replace(s.path+".keys", kept.Bytes()); err != nil {
			return err
		}
	}
	s.keys = keys
	return nil
}

// known tells whether a key was noted; nil never was.
func (s *sidecar) known(key []byte) (bool, error) {
	if key == nil {
		return false, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(); err != nil {
		return false, err
	}
	return s.keys[hex.EncodeToString(key)], nil
}

// note notes keys of what has been written.
func (s *sidecar) note(keys [][]byte) error {
	if len(keys) == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(); err != nil {
		return err
	}
	var lines bytes.Buffer
	for _, key := range keys {
		fmt.Fprintf(&lines, "%x %d\n", key, s.d.now().UnixMilli())
	}
	if err := s.append(s.path+".keys", lines.Bytes()); err != nil {
		s.keys = nil // what is in the file is to be seen
		return err
	}
	for _, key := range keys {
		s.keys[hex.EncodeToString(key)] = true
	}
	return nil
}

// append writes lines to the end of a file.
func (s *sidecar) append(path string, lines []byte) error {
	if err := s.d.step("note"); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(lines)
	return errors.Join(err, f.Sync(), f.Close())
}

// replace writes a file anew, whole or not at all.
func (s *sidecar) replace(path string, text []byte) error {
	if err := s.d.step("replace"); err != nil {
		return err
	}
	f, err := os.Create(path + ".new")
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	_, _ = w.Write(text) // Flush returns the error
	if err := errors.Join(w.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(path))
}
