package syncworker

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// pileBytes is how much of a pile stays in memory.
const pileBytes = 8 << 20

// pile holds the records of a difference until the list is complete: what a list that
// fails has begun to tell is not stored. What goes beyond pileBytes lies in a temporary
// file, so that a view of any size can be listed for the first time. The zero value is
// empty. It is for one goroutine.
type pile struct {
	kept  []record.Record
	bytes int
	n     int

	file *os.File // nil until it is needed
	out  *bufio.Writer
}

// add puts a record onto the pile.
func (p *pile) add(r record.Record) error {
	p.n++
	size := len(r.UID) + len(r.Hash) + len(r.Data)
	if p.file == nil && p.bytes+size <= pileBytes {
		p.kept, p.bytes = append(p.kept, r), p.bytes+size
		return nil
	}
	if p.file == nil {
		if err := p.open(); err != nil {
			return err
		}
	}
	for _, part := range [][]byte{[]byte(r.UID), []byte(r.Hash), r.Data} {
		if _, err := p.out.Write(binary.AppendUvarint(nil, uint64(len(part)))); err != nil {
			return p.fault(err)
		}
		if _, err := p.out.Write(part); err != nil {
			return p.fault(err)
		}
	}
	return nil
}

func (p *pile) open() (err error) {
	if p.file, err = os.CreateTemp("", "tandem-sync-run-*"); err != nil {
		return p.fault(err)
	}
	// Nothing is left behind when the process is killed; where a file can't be removed
	// while it is open, close does it.
	_ = os.Remove(p.file.Name())
	p.out = bufio.NewWriterSize(p.file, 256<<10)
	return nil
}

func (p *pile) fault(err error) error {
	return fmt.Errorf("a large difference is kept in a temporary file until the list is complete (%s, chosen with TMPDIR): %w", os.TempDir(), err)
}

// all goes through the records in the order in which they came.
func (p *pile) all() iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		for _, r := range p.kept {
			if !yield(r, nil) {
				return
			}
		}
		if p.file == nil {
			return
		}
		if err := p.rewind(); err != nil {
			yield(record.Record{}, p.fault(err))
			return
		}
		in := bufio.NewReaderSize(p.file, 256<<10)
		for range p.n - len(p.kept) {
			r, err := readRecord(in)
			if err != nil {
				err = p.fault(err)
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

func (p *pile) rewind() error {
	if err := p.out.Flush(); err != nil {
		return err
	}
	_, err := p.file.Seek(0, io.SeekStart)
	return err
}

func readRecord(in *bufio.Reader) (r record.Record, err error) {
	var parts [3][]byte
	for i := range parts {
		size, err := binary.ReadUvarint(in)
		if err != nil {
			return r, err
		}
		parts[i] = make([]byte, size)
		if _, err := io.ReadFull(in, parts[i]); err != nil {
			return r, err
		}
	}
	return record.Record{UID: string(parts[0]), Hash: string(parts[1]), Data: parts[2]}, nil
}

// close forgets the pile.
func (p *pile) close() error {
	if p.file == nil {
		return nil
	}
	err := p.file.Close()
	if removeErr := os.Remove(p.file.Name()); !errors.Is(removeErr, os.ErrNotExist) {
		err = errors.Join(err, removeErr)
	}
	p.file = nil
	return err
}
