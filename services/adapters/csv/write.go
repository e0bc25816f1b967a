package csv

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"google.golang.org/grpc/status"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/internal/record"
)

// kind is what a change does.
type kind int

const (
	create kind = iota
	update
	remove
	fill // nothing but give uids to rows without
)

// change is one write that waits for its turn.
type change struct {
	kind     kind
	uid      string
	data     json.RawMessage
	expected json.RawMessage
	key      []byte // digest, of creates
	err      error
	done     chan struct{}
}

// Create implements adapter.Adapter.
func (a *Adapter) Create(ctx context.Context, in adapter.CreateRequest) (string, error) {
	d, err := a.writable(in.Dataset)
	if err != nil {
		return "", err
	}
	key := digest("create", in.Dataset, in.Key)
	c := &change{kind: create, uid: hex.EncodeToString(key[:12]), data: in.Data, key: key}
	return c.uid, d.submit(ctx, c)
}

// Update implements adapter.Adapter.
func (a *Adapter) Update(ctx context.Context, in adapter.UpdateRequest) error {
	d, err := a.writable(in.Dataset)
	if err != nil {
		return err
	}
	return d.submit(ctx, &change{kind: update, uid: in.UID, data: in.Data, expected: in.Expected})
}

// Delete implements adapter.Adapter.
func (a *Adapter) Delete(ctx context.Context, in adapter.DeleteRequest) error {
	d, err := a.writable(in.Dataset)
	if err != nil {
		return err
	}
	return d.submit(ctx, &change{kind: remove, uid: in.UID, expected: in.Expected})
}

// submit queues a change and waits until it was written, or was not. What is queued
// while the file is being written goes together the next time.
func (d *dataset) submit(ctx context.Context, c *change) error {
	if c.data != nil {
		if _, err := record.Hash(c.data); err != nil {
			return adapter.Refuse(fmt.Sprintf("dataset %s: the record can't be stored: %v", d.id, err))
		}
	}
	c.done = make(chan struct{})
	// With the lock of Close, so that it does not wait beside a write that comes.
	d.Adapter.mu.Lock()
	d.mu.Lock()
	switch {
	case d.closed:
		c.err = adapter.RetryLater(errors.New("csv adapter: closing"))
		close(c.done)
	default:
		d.queue = append(d.queue, c)
		if !d.busy {
			d.busy = true
			d.work.Go(d.drain)
		}
	}
	d.mu.Unlock()
	d.Adapter.mu.Unlock()
	select {
	case <-c.done:
		return c.err
	case <-ctx.Done():
		return ctx.Err() // it may be written all the same; a repetition will tell
	}
}

// drain writes what is queued until there is nothing left.
func (d *dataset) drain() {
	for {
		d.mu.Lock()
		batch := d.queue
		d.queue = nil
		if len(batch) == 0 {
			d.busy = false
			d.mu.Unlock()
			return
		}
		d.mu.Unlock()
		err := d.write(context.Background(), batch)
		for _, c := range batch {
			if err != nil {
				c.err = err
			}
			close(c.done)
		}
	}
}

// write makes a batch of changes. err is for all of them; what became of each is in
// its err.
func (d *dataset) write(ctx context.Context, batch []*change) error {
	var todo []*change
	for _, c := range batch {
		known, err := d.side.known(c.key)
		if err != nil {
			return adapter.RetryLater(err)
		}
		if !known {
			todo = append(todo, c)
		}
	}
	if len(todo) == 0 {
		return nil
	}
	if err := d.rewrite(ctx, todo); err != nil {
		var coded interface{ GRPCStatus() *status.Status }
		if errors.As(err, &coded) {
			return err
		}
		return adapter.RetryLater(fmt.Errorf("dataset %s: %w", d.id, err))
	}
	var keys [][]byte
	for _, c := range todo {
		if c.kind == create && c.err == nil {
			keys = append(keys, c.key)
		}
	}
	if err := d.side.note(keys); err != nil {
		return adapter.RetryLater(err) // the repetition finds the record
	}
	return nil
}

// apply makes the change to what the record is; there tells whether there is one. It
// returns the row that it becomes, and whether there is one then.
func (c *change) apply(l *layout, now row, there bool) (row, bool) {
	if c.kind == fill {
		return now, there
	}
	if c.kind == create {
		if there {
			return now, true // by this very create, whose key was not noted
		}
		values, err := l.cells(c.data, now.values)
		if err == nil && l.uid >= 0 {
			values[l.uid] = cell{text: c.uid}
		}
		if c.err = err; err != nil {
			return now, false
		}
		return now.with(values, l.table), true
	}
	if !there {
		c.err = adapter.ErrNotFound
		return now, false
	}
	data, err := l.data(now.values)
	switch {
	case err != nil:
		c.err = adapter.RetryLater(err)
		return now, true
	case c.kind == update && sameJSON(data, c.data):
		return now, true // in effect already
	case c.expected != nil && !sameJSON(data, c.expected):
		c.err = adapter.ErrConflict
		return now, true
	case c.kind == remove:
		return now, false
	}
	values, err := l.cells(c.data, now.values)
	if c.err = err; err != nil {
		return now, true
	}
	return now.with(values, l.table), true
}

// blank is a row without values, as the others end.
func blank(l *layout, end []byte) row {
	n := len(l.columns)
	return row{cells: make([][]byte, n), values: make([]cell, n), end: bytes.Clone(end)}
}

// digest tells lists of texts apart, wherever one text ends and the next begins.
func digest(texts ...string) []byte {
	h := sha256.New()
	for _, text := range texts {
		h.Write([]byte(strconv.Itoa(len(text)) + ":" + text))
	}
	return h.Sum(nil)
}
