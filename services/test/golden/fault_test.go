package golden

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/tandem-sync/tandem/api/adapter"
)

// fault is what a record's field of that name asks for.
type fault struct {
	Op      string
	Error   string
	Times   int
	DelayMs int
}

// play waits and fails as data asks for. record is "" for operations on a whole dataset.
func (f *faulty) play(ctx context.Context, op, dataset, record string, data json.RawMessage) error {
	var holds struct{ Fault *fault }
	if json.Unmarshal(data, &holds) != nil || holds.Fault == nil || holds.Fault.Op != op {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Duration(holds.Fault.DelayMs) * time.Millisecond):
	}
	if holds.Fault.Error == "" {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	key := dataset + "/" + op + "/" + record
	if holds.Fault.Times > 0 && f.played[key] >= holds.Fault.Times {
		return nil
	}
	f.played[key]++
	return errors.New(holds.Fault.Error)
}

// playAny plays the first fault that a record of the dataset asks for.
func (f *faulty) playAny(ctx context.Context, op, dataset string) error {
	var all []adapter.Record
	err := f.Adapter.List(ctx, adapter.ListRequest{Dataset: dataset, QueryParams: json.RawMessage("{}")}, func(r adapter.Record) error {
		all = append(all, r)
		return nil
	})
	if err != nil {
		return err
	}
	for _, r := range all {
		if err := f.play(ctx, op, dataset, "", r.Data); err != nil {
			return err
		}
	}
	return nil
}

// playHeld plays the fault of the record that the backend holds.
func (f *faulty) playHeld(ctx context.Context, op, dataset, uid string) error {
	data, err := f.Adapter.Read(ctx, adapter.ReadRequest{Dataset: dataset, UID: uid})
	if err != nil {
		return nil // nothing held, nothing asked for
	}
	return f.play(ctx, op, dataset, uid, data)
}

func (f *faulty) List(ctx context.Context, req adapter.ListRequest, send func(adapter.Record) error) error {
	f.mu.Lock()
	f.lists[req.Dataset]++
	f.mu.Unlock()
	if err := f.playAny(ctx, "list", req.Dataset); err != nil {
		return err
	}
	return f.Adapter.List(ctx, req, send)
}

func (f *faulty) Create(ctx context.Context, req adapter.CreateRequest) (string, error) {
	if err := f.play(ctx, "create", req.Dataset, req.Key, req.Data); err != nil {
		return "", err
	}
	return f.Adapter.Create(ctx, req)
}

func (f *faulty) Read(ctx context.Context, req adapter.ReadRequest) (json.RawMessage, error) {
	if err := f.playHeld(ctx, "read", req.Dataset, req.UID); err != nil {
		return nil, err
	}
	return f.Adapter.Read(ctx, req)
}

func (f *faulty) Update(ctx context.Context, req adapter.UpdateRequest) error {
	if err := f.play(ctx, "update", req.Dataset, req.UID, req.Data); err != nil {
		return err
	}
	return f.Adapter.Update(ctx, req)
}

func (f *faulty) Delete(ctx context.Context, req adapter.DeleteRequest) error {
	if err := f.playHeld(ctx, "delete", req.Dataset, req.UID); err != nil {
		return err
	}
	return f.Adapter.Delete(ctx, req)
}

func (f *faulty) ListCollisions(ctx context.Context, req adapter.ListCollisionsRequest) (json.RawMessage, error) {
	if err := f.playAny(ctx, "listCollisions", req.Dataset); err != nil {
		return nil, err
	}
	return f.Adapter.ListCollisions(ctx, req)
}
