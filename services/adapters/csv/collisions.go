package csv

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"slices"

	"github.com/tandem-sync/tandem/api/adapter"
)

// collision is a line of the file of collisions.
type collision struct {
	ID        string          `json:"id"`
	UID       string          `json:"uid"`
	Hash      string          `json:"hash"`
	Timestamp int64           `json:"timestamp"`
	Pre       json.RawMessage `json:"pre,omitempty"`
	Post      json.RawMessage `json:"post,omitempty"`
}

// HandleCollision implements adapter.Adapter.
func (a *Adapter) HandleCollision(_ context.Context, in adapter.HandleCollisionRequest) error {
	d, err := a.writable(in.Dataset)
	if err != nil {
		return err
	}
	key := digest("collision", in.Dataset, in.Key)
	c := collision{hex.EncodeToString(key[:12]), in.UID, in.Hash, in.Timestamp, in.Pre, in.Post}
	if err := d.side.keep(c, key); err != nil {
		return adapter.RetryLater(err)
	}
	return nil
}

// ListCollisions implements adapter.Adapter.
func (a *Adapter) ListCollisions(_ context.Context, in adapter.ListCollisionsRequest) (json.RawMessage, error) {
	d, err := a.dataset(in.Dataset)
	if err != nil {
		return nil, err
	}
	d.side.mu.Lock()
	defer d.side.mu.Unlock()
	all, _, err := d.side.collisions()
	if err != nil {
		return nil, adapter.RetryLater(err)
	}
	list := make([]adapter.Collision, len(all))
	for i, c := range all {
		list[i] = adapter.Collision{ID: c.ID, UID: c.UID, Hash: c.Hash, Timestamp: c.Timestamp, Pre: c.Pre, Post: c.Post}
	}
	return adapter.CollisionsJSON(list), nil
}

// RemoveCollision implements adapter.Adapter.
func (a *Adapter) RemoveCollision(_ context.Context, in adapter.RemoveCollisionRequest) (int64, error) {
	d, err := a.dataset(in.Dataset)
	if err != nil {
		return 0, err
	}
	d.side.mu.Lock()
	defer d.side.mu.Unlock()
	all, _, err := d.side.collisions()
	if err != nil {
		return 0, adapter.RetryLater(err)
	}
	left := slices.DeleteFunc(slices.Clone(all), func(c collision) bool { return c.Hash == in.Hash })
	if len(left) == len(all) {
		return 0, nil
	}
	var text bytes.Buffer
	for _, c := range left {
		text.Write(c.line())
	}
	if err := d.side.replace(d.side.path+".collisions", text.Bytes()); err != nil {
		return 0, adapter.RetryLater(err)
	}
	return int64(len(all) - len(left)), nil
}

func (c collision) line() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(c) // its JSON was checked before it came here
	return b.Bytes()
}

// keep notes a collision, once.
func (s *sidecar) keep(c collision, key []byte) error {
	s.mu.Lock()
	all, whole, err := s.collisions()
	switch {
	case err != nil:
	case slices.ContainsFunc(all, func(other collision) bool { return other.ID == c.ID }):
	default:
		// Read from the file: the dataset's own need not be there for a collision.
		if err = s.load(); err == nil && s.keys[hex.EncodeToString(key)] {
			s.mu.Unlock()
			return nil
		}
		line := c.line()
		if !whole {
			line = append([]byte("\n"), line...)
		}
		if err == nil {
			err = s.append(s.path+".collisions", line)
		}
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.note([][]byte{key})
}

// collisions reads the file. whole tells that it ends with a line's end: a line that
// was cut off while it was written is none, since nobody was told of it. The caller
// holds the lock.
func (s *sidecar) collisions() (all []collision, whole bool, err error) {
	text, err := os.ReadFile(s.path + ".collisions")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, false, err
	}
	lines := bufio.NewReader(bytes.NewReader(text))
	for {
		line, err := lines.ReadBytes('\n')
		var c collision
		if json.Unmarshal(line, &c) == nil {
			all = append(all, c)
		}
		if err != nil {
			return all, len(line) == 0, nil
		}
	}
}
