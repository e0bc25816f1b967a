package simulation

import (
	"context"
	"encoding/json"
	"iter"

	"github.com/tandem-sync/tandem/services/gateway"
	"github.com/tandem-sync/tandem/services/internal/backend"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/pendingworker"
	"github.com/tandem-sync/tandem/services/syncworker"
)

// parking is a backend that parks before and after each call.
type parking struct{ to *backend.Backend }

var (
	_ pendingworker.Backend = parking{}
	_ syncworker.Backend    = parking{}
	_ gateway.Backend       = parking{}
)

// call makes one call between two parks. A call that fails after it was made was
// made nevertheless.
func call(ctx context.Context, op string, do func() error) error {
	if err := stop(ctx, op, true); err != nil {
		return err
	}
	err := do()
	if lost := stop(ctx, op, false); lost != nil {
		return lost
	}
	return err
}

func stop(ctx context.Context, op string, before bool) error {
	if err := hook(ctx, "backend "+op, before); err != nil {
		return &backend.Error{Kind: backend.NotNow, Method: op, Msg: err.Error()}
	}
	return nil
}

func (p parking) Create(ctx context.Context, req backend.CreateRequest) (uid string, err error) {
	err = call(ctx, "Create", func() (err error) { uid, err = p.to.Create(ctx, req); return err })
	if err != nil {
		uid = ""
	}
	return uid, err
}

func (p parking) Read(ctx context.Context, req backend.ReadRequest) (data json.RawMessage, found bool, err error) {
	err = call(ctx, "Read", func() (err error) { data, found, err = p.to.Read(ctx, req); return err })
	return data, found, err
}

func (p parking) Update(ctx context.Context, req backend.UpdateRequest) error {
	return call(ctx, "Update", func() error { return p.to.Update(ctx, req) })
}

func (p parking) Delete(ctx context.Context, req backend.DeleteRequest) error {
	return call(ctx, "Delete", func() error { return p.to.Delete(ctx, req) })
}

func (p parking) HandleCollision(ctx context.Context, req backend.HandleCollisionRequest) error {
	return call(ctx, "HandleCollision", func() error { return p.to.HandleCollision(ctx, req) })
}

func (p parking) Describe(ctx context.Context) (d backend.Description, err error) {
	err = call(ctx, "Describe", func() (err error) { d, err = p.to.Describe(ctx); return err })
	return d, err
}

func (p parking) ListCollisions(ctx context.Context, req backend.ListCollisionsRequest) (list json.RawMessage, err error) {
	err = call(ctx, "ListCollisions", func() (err error) { list, err = p.to.ListCollisions(ctx, req); return err })
	return list, err
}

func (p parking) RemoveCollision(ctx context.Context, req backend.RemoveCollisionRequest) (n int64, err error) {
	err = call(ctx, "RemoveCollision", func() (err error) { n, err = p.to.RemoveCollision(ctx, req); return err })
	return n, err
}

// List collects the list, parks with it in hand, and then hands it on: what the
// worker gets may be old by then. Where the connection breaks, half of it arrives.
func (p parking) List(ctx context.Context, req backend.ListRequest) iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		var list []record.Record
		err := call(ctx, "List", func() error {
			for r, err := range p.to.List(ctx, req) {
				if err != nil {
					return err
				}
				list = append(list, r)
			}
			return nil
		})
		if err != nil {
			list = list[:len(list)/2]
		}
		for _, r := range list {
			if !yield(r, nil) {
				return
			}
		}
		if err != nil {
			yield(record.Record{}, err)
		}
	}
}
