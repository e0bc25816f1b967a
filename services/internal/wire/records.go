package wire

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// NoRecords answers fn = "syncRecords" while no sync run has finished.
const NoRecords = "{}"

// RecordsResponse answers fn = "syncRecords" where all of it is at hand; see
// RecordsWriter for where it is not.
type RecordsResponse struct {
	Create, Update []record.Record
	Delete         []string // uids
	Hash           string   // global hash
}

// Encode returns the response as JSON with sorted keys. It sorts the slices.
func (r RecordsResponse) Encode() []byte {
	var b bytes.Buffer
	w := NewRecordsWriter(&b)
	// A bytes.Buffer takes all that it is given, and the order is right.
	_ = w.Create(r.Create)
	_ = w.Update(r.Update)
	_ = w.Delete(r.Delete)
	_ = w.Close(r.Hash)
	return b.Bytes()
}

// RecordsWriter writes an answer to fn = "syncRecords" as its records are read
// (protocol section 2): Create as often as it takes, then Update, then Delete,
// then Close. Each call sorts what it gets by uid, so that callers who go through
// sorted uids in batches get one text for one answer.
//
// Small answers are held back until Close: an error before Started can still
// become another answer.
type RecordsWriter struct {
	w       io.Writer
	buf     []byte
	section int  // index in sections of the open one
	some    bool // the open section has a member
	started bool
	err     error
}

var sections = []string{"create", "update", "delete", ""}

const holdBack = 32 << 10

var errOrder = errors.New("wire: records are written in the order create, update, delete, close")

// NewRecordsWriter begins an answer that goes to w.
func NewRecordsWriter(w io.Writer) *RecordsWriter {
	return &RecordsWriter{w: w, buf: []byte(`{"create":{`)}
}

// Create writes records that the device does not have. A record without data is
// left out: it must not reach a device as null (protocol section 4, trap 5).
// Errors: of the writer; writing out of order.
func (w *RecordsWriter) Create(records []record.Record) error { return w.records(0, records) }

// Update writes records that the device has in another version. See Create.
func (w *RecordsWriter) Update(records []record.Record) error { return w.records(1, records) }

// Delete writes uids that are no longer there for the device. See Create.
func (w *RecordsWriter) Delete(uids []string) error {
	w.open(2)
	slices.Sort(uids)
	for _, uid := range uids {
		w.member(uid)
		w.buf = append(w.buf, '{', '}')
		w.flush(holdBack)
	}
	return w.err
}

// Close ends the answer with the global hash, left out when "".
func (w *RecordsWriter) Close(globalHash string) error {
	w.open(3)
	if globalHash != "" {
		w.buf = appendText(append(w.buf, `,"hash":`...), globalHash)
	}
	w.buf = append(w.buf, '}')
	w.flush(0)
	if w.err == nil {
		w.err = errOrder // for any call that follows
		return nil
	}
	return w.err
}

// Started tells whether a part of the answer has been written.
func (w *RecordsWriter) Started() bool { return w.started }

func (w *RecordsWriter) records(section int, records []record.Record) error {
	w.open(section)
	slices.SortFunc(records, func(a, b record.Record) int { return strings.Compare(a.UID, b.UID) })
	for _, rec := range records {
		if !record.IsObject(rec.Data) {
			continue
		}
		w.member(rec.UID)
		w.buf = appendText(append(w.buf, `{"uid":`...), rec.UID)
		w.buf = append(append(w.buf, `,"data":`...), rec.Data...)
		w.buf = appendText(append(w.buf, `,"hash":`...), rec.Hash)
		w.buf = append(w.buf, '}')
		w.flush(holdBack)
	}
	return w.err
}

// open closes the sections before this one.
func (w *RecordsWriter) open(section int) {
	if w.section > section && w.err == nil {
		w.err = errOrder
	}
	for w.section < section {
		w.section++
		w.some = false
		w.buf = append(w.buf, '}')
		if name := sections[w.section]; name != "" {
			w.buf = append(appendText(append(w.buf, ','), name), ':', '{')
		}
	}
}

// member begins a member of the open section.
func (w *RecordsWriter) member(uid string) {
	if w.some {
		w.buf = append(w.buf, ',')
	}
	w.some = true
	w.buf = append(appendText(w.buf, uid), ':')
}

// flush writes what is held back, when it is more than keep.
func (w *RecordsWriter) flush(keep int) {
	switch {
	case w.err != nil:
		w.buf = w.buf[:0] // nobody will read it
		return
	case len(w.buf) <= keep:
		return
	}
	w.started = true
	_, w.err = w.w.Write(w.buf)
	w.buf = w.buf[:0]
}
