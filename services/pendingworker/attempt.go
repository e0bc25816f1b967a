package pendingworker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tandem-sync/tandem/services/internal/apply"
	"github.com/tandem-sync/tandem/services/internal/backend"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// rereads bounds how often a record is read again because somebody else wrote
// it between our read and our write. The change then waits for its next turn.
const rereads = 3

// result is an outcome that the worker may yet put off.
type result struct {
	store.Outcome
	retry   bool                            // worth another try while there are tries left
	collide *backend.HandleCollisionRequest // to be kept before the outcome is saved
}

// errGone: the record went away between our read and our write.
var errGone = errors.New("the record went away meanwhile")

// attempt brings a change as far as it goes. An error means that nothing can be
// said now: the backend is away or whether it wrote is unknown.
func (w *Worker) attempt(ctx context.Context, c store.ClaimedChange) (result, error) {
	f := apply.Facts{Change: c.Change, RecordUID: c.RecordUID}
	if w.Hasher != nil {
		f.Hasher = w.Hasher(c.Change.Dataset)
	}
	if e := c.Earlier; e != nil && e.Type == record.Applied {
		f.Earlier, f.Base = true, e.Wrote
		f.RecordUID = e.UID
	}
	t := try{c: c, uid: f.RecordUID}
	b, err := w.Backend(c.Change.Dataset)
	if err != nil {
		return t.judge(err)
	}
	t.backend = b
	for range rereads {
		d, err := apply.Next(f)
		if err != nil {
			return t.failed(err.Error(), false), nil
		}
		if d.Step == apply.StepRead {
			if err := t.read(ctx, &f); err != nil {
				return t.judge(err)
			}
			if d, err = apply.Next(f); err != nil {
				return t.failed(err.Error(), false), nil
			}
		}
		res, err := t.take(ctx, d, f)
		if !backend.IsConflict(err) && !errors.Is(err, errGone) {
			return res, err
		}
		// Written by somebody else since we read it: look again.
		f.Read, f.Found, f.CurrentHash, f.CurrentMark = false, false, "", ""
	}
	return result{}, fmt.Errorf("record %s is being written by others all the time", t.uid)
}

// try is one attempt at one change.
type try struct {
	backend Backend
	c       store.ClaimedChange
	uid     string
	current json.RawMessage // what the backend holds, once read
}

func (t *try) read(ctx context.Context, f *apply.Facts) error {
	data, found, err := t.backend.Read(ctx, backend.ReadRequest{Dataset: t.c.Change.Dataset, MetaData: t.c.Change.MetaData, UID: t.uid})
	if err != nil {
		return err
	}
	t.current = nil
	f.Read, f.Found, f.CurrentHash, f.CurrentMark = true, found, "", ""
	if !found {
		return nil
	}
	t.current = data
	if f.CurrentHash, err = record.Hash(data); err == nil && f.Hasher != nil {
		f.CurrentMark, err = f.Hasher(data)
	}
	return err
}

// take does the step. A conflict is returned as the error that it is.
func (t *try) take(ctx context.Context, d apply.Decision, f apply.Facts) (result, error) {
	ch := t.c.Change
	switch d.Step {
	case apply.StepCreate:
		uid, err := t.backend.Create(ctx, backend.CreateRequest{
			Dataset: ch.Dataset, MetaData: ch.MetaData, Data: ch.Post, Key: ch.CUID + ":" + ch.Hash,
		})
		if err != nil {
			return t.judge(err)
		}
		t.uid = uid
		return t.applied()
	case apply.StepUpdate:
		if err := t.backend.Update(ctx, t.update(t.current)); err != nil {
			return t.judge(err)
		}
		return t.applied()
	case apply.StepDelete:
		if err := t.backend.Delete(ctx, t.delete(t.current)); err != nil {
			return t.judge(err)
		}
		return t.applied()
	case apply.StepApplied:
		return t.applied()
	case apply.StepCollide:
		return t.collided(ctx, f)
	default:
		return t.failed(d.Msg, false), nil
	}
}

// collided reports a collision, unless the backend remembers this very change:
// then it was applied by a worker that died before it could say so, and the
// record was changed again since.
func (t *try) collided(ctx context.Context, f apply.Facts) (result, error) {
	if known, err := t.remembered(ctx); err != nil {
		return t.judge(err)
	} else if known {
		return t.applied()
	}
	ch := t.c.Change
	return result{
		Outcome: store.Outcome{Type: record.Collision, UID: t.uid},
		retry:   true,
		collide: &backend.HandleCollisionRequest{
			Dataset: ch.Dataset, MetaData: ch.MetaData, Hash: f.CurrentHash, Timestamp: ch.Timestamp,
			UID: t.uid, Pre: ch.Pre, Post: ch.Post, Key: t.key(),
		},
	}, nil
}

// remembered asks an adapter that compares, writes and remembers in one step to
// do the change on the base that the device had. Where that base is gone it
// refuses, unless it has done the change before.
func (t *try) remembered(ctx context.Context) (bool, error) {
	ch := t.c.Change
	if !record.IsObject(ch.Pre) {
		return false, nil
	}
	d, err := t.backend.Describe(ctx)
	if err != nil || !d.CompareAndWrite || !d.RemembersKeys {
		return false, err
	}
	if ch.Action == record.ActionDelete {
		err = t.backend.Delete(ctx, t.delete(ch.Pre))
	} else {
		err = t.backend.Update(ctx, t.update(ch.Pre))
	}
	if backend.IsConflict(err) || backend.IsNotFound(err) {
		return false, nil
	}
	return err == nil, err
}

// key names this change and its content, the same at each repetition.
func (t *try) key() string {
	return t.c.Change.CUID + ":" + t.c.Change.Hash + ":" + t.c.Change.Digest()
}

func (t *try) update(expected json.RawMessage) backend.UpdateRequest {
	ch := t.c.Change
	return backend.UpdateRequest{Dataset: ch.Dataset, MetaData: ch.MetaData, UID: t.uid, Data: ch.Post, Expected: expected, Key: t.key()}
}

func (t *try) delete(expected json.RawMessage) backend.DeleteRequest {
	ch := t.c.Change
	return backend.DeleteRequest{Dataset: ch.Dataset, MetaData: ch.MetaData, UID: t.uid, Expected: expected, Key: t.key()}
}

func (t *try) applied() (result, error) {
	wrote := ""
	if t.c.Change.Action != record.ActionDelete {
		var err error
		if wrote, err = record.Hash(t.c.Change.Post); err != nil {
			return t.failed(err.Error(), false), nil
		}
	}
	return result{Outcome: store.Outcome{Type: record.Applied, UID: t.uid, Wrote: wrote}}, nil
}

func (t *try) failed(msg string, retry bool) result {
	return result{Outcome: store.Outcome{Type: record.Failed, UID: t.uid, Msg: msg}, retry: retry}
}

// judge turns an adapter's error into a result, where it is one.
func (t *try) judge(err error) (result, error) {
	switch {
	case backend.IsConflict(err), backend.IsNotNow(err):
		return result{}, err
	case backend.IsNotFound(err):
		return result{}, errGone
	case backend.IsRefused(err):
		return t.failed(backend.Message(err), false), nil
	}
	return t.failed(backend.Message(err), true), nil
}
