package csv

import (
	"bytes"
	"context"
	stdcsv "encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/tandem-sync/tandem/api/adapter"
)

// still is a file that nobody seems to be writing, open for reading.
type still struct {
	io.ReadSeeker
	file *os.File    // nil: the file is to be made
	info os.FileInfo // when it was opened
}

// looks is how often a file that keeps changing is looked at before the call is told
// to come again.
const looks = 10

func same(a, b os.FileInfo) bool {
	return a != nil && b != nil && os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}

// open opens the dataset's file once it has been still for a while. One that is not
// there is an error, unless it never was and the settings say what it begins with.
func (d *dataset) open(ctx context.Context) (*still, error) {
	var before os.FileInfo
	for range looks {
		info, err := os.Stat(d.path)
		if errors.Is(err, fs.ErrNotExist) {
			return d.openNew()
		}
		if err != nil {
			return nil, adapter.RetryLater(err)
		}
		d.mu.Lock()
		ours := same(info, d.ours)
		d.mu.Unlock()
		if age := time.Since(info.ModTime()); ours || age >= d.o.Settle || same(info, before) {
			s, err := d.openIf(info)
			if s != nil || err != nil {
				return s, err
			}
		}
		before = info
		wait := time.NewTimer(d.o.Settle)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return nil, ctx.Err()
		}
	}
	return nil, adapter.RetryLater(fmt.Errorf("dataset %s: %s keeps changing", d.id, d.path))
}

// openIf opens the file if it is still as it was; nil if not.
func (d *dataset) openIf(info os.FileInfo) (*still, error) {
	f, err := os.Open(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // it is being replaced
	}
	if err != nil {
		return nil, adapter.RetryLater(err)
	}
	if now, err := f.Stat(); err != nil || !same(now, info) {
		return nil, f.Close()
	}
	if !d.o.ReadOnly {
		if err := d.side.noteThere(); err != nil {
			return nil, errors.Join(adapter.RetryLater(err), f.Close())
		}
	}
	return &still{f, f, info}, nil
}

func (d *dataset) openNew() (*still, error) {
	gone := adapter.RetryLater(fmt.Errorf("dataset %s: there is no file %s; put it back, even if with the names of the columns only", d.id, d.path))
	if d.table.Create == nil || d.o.ReadOnly || !d.locked() || d.side.wasThere() {
		return nil, gone
	}
	var header bytes.Buffer
	w := stdcsv.NewWriter(&header)
	w.Comma = d.table.delimiter()
	_ = w.Write(d.table.Create) // to memory; Flush tells
	w.Flush()
	if err := w.Error(); err != nil {
		return nil, fmt.Errorf("dataset %s: create: %w", d.id, err)
	}
	return &still{ReadSeeker: bytes.NewReader(header.Bytes())}, nil
}

// locked tells whether the directory is the one that was locked: a drive that has
// gone leaves an empty one behind.
func (d *dataset) locked() bool {
	ours, err := d.lock.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(d.lock.Name())
	return err == nil && os.SameFile(ours, there)
}

// Close closes the file.
func (s *still) Close() error {
	if s.file == nil {
		return nil
	}
	return s.file.Close()
}

// changed tells whether somebody has written to the file since it was opened.
func (s *still) changed() bool {
	if s.file == nil {
		return false
	}
	now, err := s.file.Stat()
	return err != nil || !same(now, s.info)
}

// replaced tells whether the path no longer leads to the file as it was opened.
func (s *still) replaced(path string) bool {
	now, err := os.Stat(path)
	if s.file == nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	return err != nil || !same(now, s.info)
}
