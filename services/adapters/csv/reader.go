package csv

import (
	"bufio"
	"bytes"
	stdcsv "encoding/csv"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"path/filepath"
	"unicode/utf8"
)

// reader reads a file row by row, with the bytes that each row is made of.
type reader struct {
	name   string // of the file, for errors
	layout *layout
	header row

	csv   *stdcsv.Reader
	bytes bytes.Buffer // read, and not yet part of a row
	at    int64        // where it begins
	line  int          // the last one that was handed out
	bom   bool
	seed  maphash.Seed
	uids  map[uint64]struct{}
}

// row is a row as it stands in the file. The bytes are good until the next one is read.
type row struct {
	raw    []byte // all of it
	before []byte // comments and blank lines before it
	cells  [][]byte
	values []cell
	end    []byte // its line end; empty at the end of the file
	line   int
}

var byteOrderMark = []byte{0xEF, 0xBB, 0xBF}

// newReader reads the first row. Errors name file and line.
func newReader(path string, f io.Reader, t Table) (*reader, error) {
	r := &reader{name: filepath.Base(path), seed: maphash.MakeSeed(), uids: map[uint64]struct{}{}}
	source := bufio.NewReaderSize(f, 64<<10)
	start, err := source.Peek(3)
	if len(start) == 0 && errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: the file is empty; its first row names the columns", r.name)
	}
	if bytes.Equal(start, byteOrderMark) {
		r.bom = true
		_, _ = source.Discard(3) // they are there
	} else if len(start) > 1 && (start[0] == 0xFF && start[1] == 0xFE || start[0] == 0xFE && start[1] == 0xFF) {
		return nil, fmt.Errorf("%s: the file is in UTF-16; save it as UTF-8", r.name)
	}
	r.csv = stdcsv.NewReader(io.TeeReader(source, &r.bytes))
	r.csv.Comma, r.csv.Comment, r.csv.ReuseRecord = t.delimiter(), t.comment(), true
	first, err := r.row()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: the file has no row with the names of the columns", r.name)
	}
	if err != nil {
		return nil, err
	}
	r.header = first.clone()
	if r.layout, err = newLayout(t, first.values); err != nil {
		return nil, fmt.Errorf("%s:%d: %w", r.name, first.line, err)
	}
	return r, nil
}

// next reads a row and its uid, "" where it may have none. At the end io.EOF.
func (r *reader) next() (row, string, error) {
	w, err := r.row()
	if err != nil || r.layout.uid < 0 {
		return w, "", err
	}
	uid := w.values[r.layout.uid].text
	if uid == "" {
		if !r.layout.table.GenerateUIDs {
			return w, "", r.wrong(w, fmt.Errorf("column %q: the row has no uid", r.layout.table.UID))
		}
		return w, "", nil
	}
	digest := maphash.String(r.seed, uid)
	if _, twice := r.uids[digest]; twice {
		return w, "", r.wrong(w, fmt.Errorf("column %q: uid %.60q is there twice", r.layout.table.UID, uid))
	}
	r.uids[digest] = struct{}{}
	return w, uid, nil
}

func (r *reader) wrong(w row, err error) error { return fmt.Errorf("%s:%d: %w", r.name, w.line, err) }

// rest is what follows the last row.
func (r *reader) rest() []byte { return r.bytes.Bytes() }

func (r *reader) row() (row, error) {
	fields, err := r.csv.Read()
	if err != nil {
		var bad *stdcsv.ParseError
		if errors.As(err, &bad) {
			line := bad.Line
			if errors.Is(err, stdcsv.ErrQuote) {
				line = bad.StartLine // found at the end of the file, as a rule
			}
			return row{}, fmt.Errorf("%s:%d: %w", r.name, line, bad.Err)
		}
		if errors.Is(err, io.EOF) {
			return row{}, io.EOF
		}
		return row{}, fmt.Errorf("%s: %w", r.name, err)
	}
	end := r.csv.InputOffset()
	w := row{raw: r.bytes.Next(int(end - r.at))}
	r.at = end
	first, _ := r.csv.FieldPos(0)
	body := w.raw
	for ; r.line+1 < first; r.line++ {
		body = body[bytes.IndexByte(body, '\n')+1:]
	}
	w.line = first
	w.before = w.raw[:len(w.raw)-len(body)]
	switch {
	case bytes.HasSuffix(body, []byte("\r\n")):
		w.end = body[len(body)-2:]
	case bytes.HasSuffix(body, []byte("\n")):
		w.end = body[len(body)-1:]
	}
	w.split(body[:len(body)-len(w.end)], fields, first, r.csv)
	r.line += bytes.Count(body, []byte("\n"))
	switch {
	case !utf8.Valid(body):
		return row{}, r.wrong(w, errors.New("the row is not UTF-8; save the file as UTF-8"))
	case bytes.IndexByte(body, 0) >= 0:
		return row{}, r.wrong(w, errors.New("the row has a NUL byte: the file is broken or half written"))
	}
	return w, nil
}

// split finds the bytes of each cell.
func (w *row) split(body []byte, fields []string, first int, at *stdcsv.Reader) {
	w.cells, w.values = make([][]byte, len(fields)), make([]cell, len(fields))
	starts := []int{0} // of the lines
	for i, b := range body {
		if b == '\n' {
			starts = append(starts, i+1)
		}
	}
	offset := func(i int) int {
		line, col := at.FieldPos(i)
		return starts[line-first] + col - 1
	}
	separator := utf8.RuneLen(at.Comma)
	for i, text := range fields {
		end := len(body)
		if i+1 < len(fields) {
			end = offset(i+1) - separator
		}
		w.cells[i] = body[offset(i):end]
		w.values[i] = unquote(w.cells[i], text)
	}
}

// clone makes a row that stays.
func (w row) clone() row {
	out := w
	out.raw, out.before, out.end = bytes.Clone(w.raw), bytes.Clone(w.before), bytes.Clone(w.end)
	out.cells = make([][]byte, len(w.cells))
	for i, c := range w.cells {
		out.cells[i] = bytes.Clone(c)
	}
	return out
}

// with replaces the cells that are not as they were.
func (w row) with(values []cell, t Table) row {
	out := w.clone()
	for i, v := range values {
		if v != w.values[i] {
			out.cells[i] = t.raw(v)
		}
	}
	out.values = values
	out.raw = bytes.Join([][]byte{out.before, bytes.Join(out.cells, []byte(t.Delimiter)), out.end}, nil)
	return out
}
