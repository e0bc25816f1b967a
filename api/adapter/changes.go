package adapter

import (
	"errors"

	"google.golang.org/grpc"

	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
)

// ChangeWriter takes the answer of a ListChanges and sends it on in batches. It
// is not to be used from two goroutines at once. Its methods return an error
// when the caller has gone or what was written is unusable; return that.
type ChangeWriter struct {
	c       *adapterv1.Context
	stream  grpc.ServerStreamingServer[adapterv1.ListChangesResponse]
	changed batcher
	removed []string
	bytes   int
	reset   bool
	wrote   bool
	err     error // the first one; the list can't succeed any more
}

func newChangeWriter(c *adapterv1.Context, stream grpc.ServerStreamingServer[adapterv1.ListChangesResponse]) *ChangeWriter {
	w := &ChangeWriter{c: c, stream: stream}
	w.changed.send = func(batch []*adapterv1.Record) error {
		return w.send(&adapterv1.ListChangesResponse{Changed: batch})
	}
	return w
}

// Reset says that the cursor is too old: the whole content follows, and what is
// not among it is gone. It comes before everything else.
func (w *ChangeWriter) Reset() error {
	if w.wrote {
		return w.fail(errors.New("Reset must come before Changed and Removed"))
	}
	w.reset = true
	return nil
}

// Changed tells of a record that is new or changed.
func (w *ChangeWriter) Changed(r Record) error {
	w.wrote = true
	if err := first(w.err, w.stream.Context().Err(), checkRecord(w.c, r.UID, r.Data)); err != nil {
		return w.fail(err)
	}
	return w.fail(w.changed.add(r.UID, r.Data))
}

// Removed tells of a record that is gone from the view.
func (w *ChangeWriter) Removed(uid string) error {
	w.wrote = true
	if w.err != nil {
		return w.err
	}
	w.removed = append(w.removed, uid)
	w.bytes += len(uid)
	if len(w.removed) < batchCount && w.bytes < batchBytes {
		return nil
	}
	return w.fail(w.flushRemoved())
}

func (w *ChangeWriter) flushRemoved() error {
	removed := w.removed
	w.removed, w.bytes = nil, 0
	return w.send(&adapterv1.ListChangesResponse{Removed: removed})
}

func (w *ChangeWriter) send(m *adapterv1.ListChangesResponse) error {
	m.Reset_, w.reset = w.reset, false
	return w.stream.Send(m)
}

func (w *ChangeWriter) finish(cursor string) error {
	if err := w.changed.flush(); err != nil {
		return err
	}
	return w.send(&adapterv1.ListChangesResponse{Removed: w.removed, Cursor: cursor})
}

func (w *ChangeWriter) fail(err error) error {
	if w.err == nil {
		w.err = err
	}
	return w.err
}
