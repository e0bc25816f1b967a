package simulation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/internal/record"
)

// effect is a change of the backend's state.
type effect struct {
	uid           string
	method, key   string
	before, after json.RawMessage // nil: no such record
	from, to      string          // their hashes
	by            *version        // nil: somebody else
}

// world stands between Tandem and the adapter: it logs what really changes, and
// makes the adapter refuse, fail and be away.
//
// Whether a record is refused depends on its data alone. An adapter that refuses a
// change to one worker and takes it from another, which was paused for longer
// than its claim, makes a change failed and applied: it knows no claims, so that
// nobody could prevent that.
type world struct {
	adapter.Adapter
	s       *sim
	log     []effect
	away    bool
	foreign bool // the call comes from somebody else
}

// Describe implements adapter.Describer.
func (w *world) Describe(ctx context.Context) (adapter.Description, error) {
	if w.away {
		return adapter.Description{}, adapter.RetryLater(nil)
	}
	if d, ok := w.Adapter.(adapter.Describer); ok {
		return d.Describe(ctx)
	}
	return adapter.Description{}, nil
}

func (w *world) List(ctx context.Context, req adapter.ListRequest, send func(adapter.Record) error) error {
	if w.away {
		return adapter.RetryLater(nil)
	}
	return w.Adapter.List(ctx, req, send)
}

func (w *world) Read(ctx context.Context, req adapter.ReadRequest) (json.RawMessage, error) {
	if w.away {
		return nil, adapter.RetryLater(nil)
	}
	return w.Adapter.Read(ctx, req)
}

func (w *world) Create(ctx context.Context, req adapter.CreateRequest) (uid string, err error) {
	if err := w.mood(req.Data); err != nil {
		return "", err
	}
	// The uid is not known before: what was there is found out by all there is.
	before := w.snapshot(ctx)
	uid, err = w.Adapter.Create(ctx, req)
	if err == nil {
		w.note(ctx, effect{uid: uid, method: "create", key: req.Key, before: before[uid]})
	}
	return uid, err
}

func (w *world) Update(ctx context.Context, req adapter.UpdateRequest) error {
	if err := w.mood(req.Data); err != nil {
		return err
	}
	before := w.peek(ctx, req.UID)
	err := w.Adapter.Update(ctx, req)
	w.note(ctx, effect{uid: req.UID, method: "update", key: req.Key, before: before})
	return err
}

func (w *world) Delete(ctx context.Context, req adapter.DeleteRequest) error {
	if w.away {
		return adapter.RetryLater(nil)
	}
	before := w.peek(ctx, req.UID)
	if strings.Contains(string(before), `"locked"`) && !w.foreign {
		return adapter.Refuse("the record is locked")
	}
	err := w.Adapter.Delete(ctx, req)
	w.note(ctx, effect{uid: req.UID, method: "delete", key: req.Key, before: before})
	return err
}

func (w *world) HandleCollision(ctx context.Context, req adapter.HandleCollisionRequest) error {
	if w.away {
		return adapter.RetryLater(nil)
	}
	err := w.Adapter.HandleCollision(ctx, req)
	if err == nil && w.s.current != nil && w.s.current.change != nil {
		w.s.current.change.kept = true
	}
	return err
}

// mood is what the adapter thinks of data.
func (w *world) mood(data json.RawMessage) error {
	switch {
	case w.away:
		return adapter.RetryLater(nil)
	case strings.Contains(string(data), `"refuse"`):
		return adapter.Refuse("not with me")
	case strings.Contains(string(data), `"broken"`):
		return errors.New("something went wrong")
	}
	return nil
}

// peek reads a record, nil when there is none.
func (w *world) peek(ctx context.Context, uid string) json.RawMessage {
	data, err := w.Adapter.Read(context.WithoutCancel(ctx), adapter.ReadRequest{Dataset: dataset, UID: uid})
	if err != nil && !errors.Is(err, adapter.ErrNotFound) {
		w.s.violate("the backend can't read %s: %v", uid, err)
	}
	return data
}

func (w *world) snapshot(ctx context.Context) map[string]json.RawMessage {
	all := map[string]json.RawMessage{}
	err := w.Adapter.List(context.WithoutCancel(ctx), adapter.ListRequest{Dataset: dataset, QueryParams: json.RawMessage("{}")},
		func(r adapter.Record) error { all[r.UID] = r.Data; return nil })
	if err != nil {
		w.s.violate("the backend can't list: %v", err)
	}
	return all
}

// note logs an effect, if there was one, and checks it.
func (w *world) note(ctx context.Context, e effect) {
	e.after = w.peek(ctx, e.uid)
	e.from, e.to = hashOf(e.before), hashOf(e.after)
	if e.from == e.to {
		return
	}
	if t := w.s.current; t != nil && !w.foreign {
		e.by = t.change
	}
	w.log = append(w.log, e)
	w.s.event("   backend: %s %s -> %s (%s, key %s)", e.method, brief(e.uid), show(e.after), e.by, brief(e.key))
	if !w.foreign {
		w.s.ledger.checkEffect(e)
	}
}

func hashOf(data json.RawMessage) string {
	if data == nil {
		return ""
	}
	h, err := record.Hash(data)
	if err != nil {
		panic(err)
	}
	return h
}

func brief(id string) string {
	if len(id) > 40 {
		return fmt.Sprintf("%.6s..%s", id, id[len(id)-6:])
	}
	return fmt.Sprintf("%.8s", id)
}

func show(data json.RawMessage) string {
	if data == nil {
		return "nothing"
	}
	return string(data)
}
