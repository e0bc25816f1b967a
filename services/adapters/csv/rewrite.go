package csv

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/tandem-sync/tandem/api/adapter"
)

// rewrite writes the file anew with changes in it, and puts it into the place of the
// old one. A file that somebody changed meanwhile is read again, and all is decided
// anew.
func (d *dataset) rewrite(ctx context.Context, changes []*change) error {
	if info, err := os.Lstat(d.path); err == nil && info.Mode()&os.ModeSymlink != 0 {
		return fmt.Errorf("%s is a symbolic link, and a file is replaced when it is written; put the file itself there", d.path)
	}
	for range looks {
		old, err := d.open(ctx)
		if err != nil {
			return err
		}
		again, err := d.replace(old, changes)
		_ = old.Close() // it was only read
		if !again {
			return err
		}
	}
	return adapter.RetryLater(fmt.Errorf("%s keeps changing", d.path))
}

// replace writes the new file beside the old one and renames it. again asks for another
// look at the old one, which has changed.
func (d *dataset) replace(old *still, changes []*change) (again bool, err error) {
	for _, c := range changes {
		c.err = nil
	}
	if err := d.step("create"); err != nil {
		return false, err
	}
	path := filepath.Join(filepath.Dir(d.path), "."+filepath.Base(d.path)+".tandem-new")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return false, err
	}
	defer func() {
		if d.step("remove") == nil {
			_ = os.Remove(path) // renamed, as a rule; else it is written over the next time
		}
	}()
	defer f.Close()
	if old.file != nil {
		if err := f.Chmod(old.info.Mode().Perm()); err != nil {
			return false, err
		}
	}
	changed, err := d.transfer(old, f, changes)
	if old.changed() || old.replaced(d.path) {
		return true, nil
	}
	if err != nil || !changed {
		return false, err
	}
	if err := errors.Join(d.step("sync"), f.Sync()); err != nil {
		return false, err
	}
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	if err := d.step("rename"); err != nil {
		return false, err
	}
	if old.replaced(d.path) {
		return true, nil
	}
	if old.file == nil {
		err = os.Link(path, d.path) // which never replaces what came meanwhile
	} else {
		err = os.Rename(path, d.path)
	}
	if err != nil {
		return false, err
	}
	d.mu.Lock()
	d.ours = info
	d.mu.Unlock()
	if err := d.step("sync directory"); err != nil {
		return false, err
	}
	return false, syncDirectory(filepath.Dir(d.path))
}

func syncDirectory(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// transfer copies the rows, with the changes made. changed tells that the copy differs.
func (d *dataset) transfer(old io.Reader, to io.Writer, changes []*change) (changed bool, err error) {
	r, err := newReader(d.path, old, d.table)
	if err != nil {
		return false, err
	}
	out := bufio.NewWriterSize(to, 64<<10)
	if r.bom {
		_, _ = out.Write(byteOrderMark) // Flush returns the error, here and below
	}
	end := r.header.end
	if len(end) == 0 {
		end = []byte("\n")
	}
	header := r.header.raw
	lacksColumn := r.layout.uid < 0
	if lacksColumn {
		header = appended(r.header, d.table, d.table.UID)
		r.layout.columns = append(r.layout.columns, column{name: d.table.UID, kind: ignore})
		r.layout.uid = len(r.layout.columns) - 1
		changed = true
	}
	_, _ = out.Write(header)
	open := len(r.header.end) == 0 // the last row written has no line end

	todo, order := byUID(changes)
	for {
		w, uid, err := r.nextOf(lacksColumn)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return false, err
		}
		if lacksColumn {
			w = w.widened()
		}
		now, there := w, true
		if uid == "" {
			values := append([]cell(nil), w.values...)
			values[r.layout.uid] = cell{text: newUID()}
			now, changed = w.with(values, d.table), true
		}
		for _, c := range todo[uid] {
			now, there = c.apply(r.layout, now, there)
		}
		if uid != "" {
			delete(todo, uid)
		}
		if !there {
			now.raw = w.before
		}
		changed = changed || !bytes.Equal(now.raw, w.raw)
		_, _ = out.Write(now.raw)
		if there || len(w.before) > 0 {
			open = there && len(now.end) == 0
		}
	}
	tail := r.rest()
	if len(tail) > 0 {
		_, _ = out.Write(tail)
		open = tail[len(tail)-1] != '\n'
	}
	for _, uid := range order {
		now, there := blank(r.layout, end), false
		for _, c := range todo[uid] {
			now, there = c.apply(r.layout, now, there)
			if !there {
				now = blank(r.layout, end)
			}
		}
		delete(todo, uid)
		if !there {
			continue
		}
		if open {
			_, _ = out.Write(end)
			open = false
		}
		changed = true
		_, _ = out.Write(now.raw)
	}
	if err := d.step("write"); err != nil {
		return false, err
	}
	return changed, out.Flush()
}

// newUID makes a uid for a row that somebody else wrote.
func newUID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// byUID sorts changes by record; order is the records as they came.
func byUID(changes []*change) (todo map[string][]*change, order []string) {
	todo = map[string][]*change{}
	for _, c := range changes {
		if c.kind == fill {
			continue
		}
		if _, seen := todo[c.uid]; !seen {
			order = append(order, c.uid)
		}
		todo[c.uid] = append(todo[c.uid], c)
	}
	return todo, order
}

// nextOf is next, for a file whose column of uids is only being made, too.
func (r *reader) nextOf(lacksColumn bool) (row, string, error) {
	if !lacksColumn {
		return r.next()
	}
	w, err := r.row()
	return w, "", err
}

// widened is the row with one more cell, which is empty.
func (w row) widened() row {
	w.cells = append(w.cells, nil)
	w.values = append(w.values, cell{})
	return w
}

// appended is a row with one more cell.
func appended(w row, t Table, text string) []byte {
	w = w.widened()
	w.cells[len(w.cells)-1] = t.raw(cell{text: text})
	return bytes.Join([][]byte{w.before, bytes.Join(w.cells, []byte(t.Delimiter)), w.end}, nil)
}
