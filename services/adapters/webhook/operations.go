package webhook

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/internal/record"
)

// Ping tells whether the service answers. One that does not know the operation has
// answered, too. Where each dataset has a service of its own there is none to ask.
func (a *Adapter) Ping(ctx context.Context) error {
	if a.o.URL == "" {
		return nil
	}
	req := request{Operation: "ping"}
	if err := a.do(ctx, req, a.done(req)); !errors.Is(err, adapter.ErrNotOffered) {
		return err
	}
	return nil
}

// Create implements adapter.Adapter.
func (a *Adapter) Create(ctx context.Context, in adapter.CreateRequest) (string, error) {
	req := request{
		Operation: "create", Dataset: in.Dataset, MetaData: in.MetaData, Data: in.Data,
		IdempotencyKey: idempotencyKey("create", in.Dataset, in.Key),
	}
	var out struct {
		UID string `json:"uid"`
	}
	err := a.do(ctx, req, a.decode(req, &out, func() error {
		if out.UID == "" {
			return errors.New(`"uid" is missing; it is a text that is not empty`)
		}
		return nil
	}))
	return out.UID, err
}

// Read implements adapter.Adapter.
func (a *Adapter) Read(ctx context.Context, in adapter.ReadRequest) (json.RawMessage, error) {
	req := request{Operation: "read", Dataset: in.Dataset, MetaData: in.MetaData, UID: in.UID}
	var out struct {
		Data json.RawMessage `json:"data"`
	}
	err := a.do(ctx, req, a.decode(req, &out, func() error {
		if !record.IsObject(out.Data) {
			return errors.New(`"data" is missing; it is the record, a JSON object`)
		}
		return nil
	}))
	return out.Data, err
}

// Update implements adapter.Adapter.
func (a *Adapter) Update(ctx context.Context, in adapter.UpdateRequest) error {
	req := request{
		Operation: "update", Dataset: in.Dataset, MetaData: in.MetaData, UID: in.UID, Data: in.Data, Expected: in.Expected,
		IdempotencyKey: idempotencyKey("update", in.Dataset, in.Key),
	}
	return a.do(ctx, req, a.done(req))
}

// Delete implements adapter.Adapter.
func (a *Adapter) Delete(ctx context.Context, in adapter.DeleteRequest) error {
	req := request{
		Operation: "delete", Dataset: in.Dataset, MetaData: in.MetaData, UID: in.UID, Expected: in.Expected,
		IdempotencyKey: idempotencyKey("delete", in.Dataset, in.Key),
	}
	return a.do(ctx, req, a.done(req))
}

// HandleCollision implements adapter.Adapter.
func (a *Adapter) HandleCollision(ctx context.Context, in adapter.HandleCollisionRequest) error {
	req := request{
		Operation: "handleCollision", Dataset: in.Dataset, MetaData: in.MetaData, UID: in.UID,
		Hash: &in.Hash, Timestamp: &in.Timestamp, Pre: in.Pre, Post: in.Post,
		IdempotencyKey: idempotencyKey("handleCollision", in.Dataset, in.Key),
	}
	return a.do(ctx, req, a.done(req))
}

// ListCollisions implements adapter.Adapter.
func (a *Adapter) ListCollisions(ctx context.Context, in adapter.ListCollisionsRequest) (json.RawMessage, error) {
	req := request{Operation: "listCollisions", Dataset: in.Dataset, MetaData: in.MetaData}
	var out struct {
		Collisions json.RawMessage `json:"collisions"`
	}
	err := a.do(ctx, req, a.decode(req, &out, func() error {
		if !record.IsObject(out.Collisions) {
			return errors.New(`"collisions" is missing; it is a JSON object from id to collision`)
		}
		return nil
	}))
	return out.Collisions, err
}

// RemoveCollision implements adapter.Adapter. Its key is for the attempts of this one
// call: the contract has none.
func (a *Adapter) RemoveCollision(ctx context.Context, in adapter.RemoveCollisionRequest) (int64, error) {
	req := request{
		Operation: "removeCollision", Dataset: in.Dataset, MetaData: in.MetaData, Hash: &in.Hash,
		IdempotencyKey: idempotencyKey("removeCollision", in.Dataset, rand.Text()),
	}
	var out struct {
		Removed *int64 `json:"removed"`
	}
	err := a.do(ctx, req, a.decode(req, &out, func() error {
		if out.Removed == nil || *out.Removed < 0 {
			return errors.New(`"removed" is missing; it is how many collisions had the hash`)
		}
		return nil
	}))
	if err != nil {
		return 0, err
	}
	return *out.Removed, nil
}
