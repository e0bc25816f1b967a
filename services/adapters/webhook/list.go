package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/internal/record"
)

// List implements adapter.Adapter. Records are handed on as they come in; once one
// was, the call is not repeated here.
func (a *Adapter) List(ctx context.Context, in adapter.ListRequest, send func(adapter.Record) error) error {
	req := request{Operation: "list", Dataset: in.Dataset, MetaData: in.MetaData, QueryParams: in.QueryParams}
	return a.do(ctx, req, func(resp answer) *failure {
		source := &metered{r: resp.body, max: a.o.MaxResponse, left: a.o.MaxResponse}
		sent := false
		var sendErr error
		err := readList(resp.header.Get("Content-Type"), source, func(r adapter.Record) error {
			sent = true
			source.left = source.max
			sendErr = send(r)
			return sendErr
		})
		switch {
		case err == nil:
			return nil
		case sendErr != nil:
			return &failure{err: sendErr}
		case source.err != nil:
			f := a.unreached(req, source.err)
			f.again = !sent
			return f
		}
		return a.unusable(req, resp, err)
	})
}

// metered bounds how much is read between two records, and keeps the error that the
// network had.
type metered struct {
	r         io.Reader
	max, left int64
	err       error
}

// Read implements io.Reader.
func (m *metered) Read(b []byte) (int, error) {
	if m.left <= 0 {
		return 0, errTooLarge
	}
	n, err := m.r.Read(b)
	m.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		m.err = err
	}
	return n, err
}

// item is a record as the service sends it; End is the last line of NDJSON.
type item struct {
	UID  string          `json:"uid"`
	Data json.RawMessage `json:"data"`
	End  bool            `json:"end"`
}

func (i item) record() (adapter.Record, error) {
	switch {
	case i.UID == "":
		return adapter.Record{}, errors.New("a record of the list has no uid")
	case !record.IsObject(i.Data):
		return adapter.Record{}, fmt.Errorf("record %.100q of the list has no data, or data that are no JSON object", i.UID)
	}
	return adapter.Record{UID: i.UID, Data: i.Data}, nil
}

// readList reads a list in one of its three forms. It ends without an error only at
// the end that each of them has.
func readList(contentType string, r io.Reader, send func(adapter.Record) error) error {
	d := json.NewDecoder(r)
	switch kind, _, _ := mime.ParseMediaType(contentType); kind {
	case "application/x-ndjson", "application/ndjson", "application/jsonl":
		return readLines(d, send)
	case "application/json":
	default:
		return fmt.Errorf("a list has the content type application/json or application/x-ndjson, not %.100q", contentType)
	}
	first, err := d.Token()
	if err != nil {
		return early(err)
	}
	switch first {
	case json.Delim('['):
		err = readArray(d, send)
	case json.Delim('{'):
		err = readObject(d, send)
	default:
		err = errors.New("a list is a JSON array or object")
	}
	if err != nil {
		return early(err)
	}
	if _, err := d.Token(); err != nil { // the bracket
		return early(err)
	}
	return nothingMore(d)
}

func readArray(d *json.Decoder, send func(adapter.Record) error) error {
	for d.More() {
		var i item
		if err := d.Decode(&i); err != nil {
			return err
		}
		if err := pass(i, send); err != nil {
			return err
		}
	}
	return nil
}

func readObject(d *json.Decoder, send func(adapter.Record) error) error {
	for d.More() {
		uid, err := d.Token()
		if err != nil {
			return err
		}
		i := item{UID: uid.(string)} // the decoder takes nothing else for a key
		if err := d.Decode(&i.Data); err != nil {
			return err
		}
		if err := pass(i, send); err != nil {
			return err
		}
	}
	return nil
}

// readLines reads NDJSON, of which nothing but its last line tells that it is whole.
func readLines(d *json.Decoder, send func(adapter.Record) error) error {
	for {
		var i item
		if err := d.Decode(&i); errors.Is(err, io.EOF) {
			return errors.New(`the list has no last line {"end":true}: it is not whole`)
		} else if err != nil {
			return early(err)
		}
		if i.End {
			return nothingMore(d)
		}
		if err := pass(i, send); err != nil {
			return err
		}
	}
}

func pass(i item, send func(adapter.Record) error) error {
	r, err := i.record()
	if err != nil {
		return err
	}
	return send(r)
}

func nothingMore(d *json.Decoder) error {
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the end of the list")
	}
	return nil
}

// early makes the end of the answer, where more should come, an error of its own.
func early(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
