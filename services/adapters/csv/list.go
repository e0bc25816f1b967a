package csv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/adapters/internal/filter"
)

// List implements adapter.Adapter. The file is read twice: to see that all of it can
// be read, and then to send it. If it changes meanwhile, all begins anew or, once
// something was sent, ends with an error.
func (a *Adapter) List(ctx context.Context, in adapter.ListRequest, send func(adapter.Record) error) error {
	want, err := filter.Parse(in.QueryParams)
	if err != nil {
		return adapter.Refuse(fmt.Sprintf("dataset %s: query_params: %v", in.Dataset, err))
	}
	d, err := a.dataset(in.Dataset)
	if err != nil {
		return err
	}
	for range looks {
		again, err := d.list(ctx, want, send)
		if err != nil || !again {
			return err
		}
	}
	return adapter.RetryLater(fmt.Errorf("dataset %s: %s keeps changing", d.id, d.path))
}

func (d *dataset) list(ctx context.Context, want filter.Filter, send func(adapter.Record) error) (again bool, err error) {
	f, err := d.open(ctx)
	if err != nil {
		return false, err
	}
	defer f.Close()
	lacking := false
	err = d.scan(ctx, f, func(uid string, _ json.RawMessage) error {
		lacking = lacking || uid == ""
		return nil
	})
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case f.changed():
		return true, nil
	case err != nil:
		return false, fmt.Errorf("dataset %s: %w", d.id, err)
	case lacking && d.o.ReadOnly:
		return false, fmt.Errorf("dataset %s: %s has rows without a uid, and may not be written (readOnly)", d.id, d.path)
	case lacking:
		return true, d.submit(ctx, &change{kind: fill})
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return false, adapter.RetryLater(err)
	}
	err = d.scan(ctx, f, func(uid string, data json.RawMessage) error {
		if !want.Match(uid, data) {
			return nil
		}
		return send(adapter.Record{UID: uid, Data: data})
	})
	if err == nil && f.changed() {
		err = adapter.RetryLater(fmt.Errorf("dataset %s: %s was written to while it was read", d.id, d.path))
	}
	return false, err
}

// errEnough ends a scan early.
var errEnough = errors.New("enough")

// scan reads all rows. Without a column of uids, each has the uid "".
func (d *dataset) scan(ctx context.Context, f io.Reader, each func(uid string, data json.RawMessage) error) error {
	r, err := newReader(d.path, f, d.table)
	if err != nil {
		return err
	}
	for {
		w, uid, err := r.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		data, err := r.layout.data(w.values)
		if err != nil {
			return r.wrong(w, err)
		}
		if err := errors.Join(ctx.Err(), each(uid, data)); err != nil {
			return err
		}
	}
}

// Read implements adapter.Adapter.
func (a *Adapter) Read(ctx context.Context, in adapter.ReadRequest) (json.RawMessage, error) {
	d, err := a.dataset(in.Dataset)
	if err != nil {
		return nil, err
	}
	for range looks {
		f, err := d.open(ctx)
		if err != nil {
			return nil, err
		}
		var found json.RawMessage
		err = d.scan(ctx, f, func(uid string, data json.RawMessage) error {
			if uid != in.UID {
				return nil
			}
			found = data
			return errEnough
		})
		changed := f.changed()
		_ = f.Close() // it was only read
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case changed:
			continue
		case errors.Is(err, errEnough):
			return found, nil
		case err != nil:
			return nil, adapter.RetryLater(fmt.Errorf("dataset %s: %w", d.id, err))
		}
		return nil, adapter.ErrNotFound
	}
	return nil, adapter.RetryLater(fmt.Errorf("dataset %s: %s keeps changing", d.id, d.path))
}
