package backend

import (
	"context"
	"encoding/json"

	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
)

// HandleCollision hands a change over that met a record which somebody else had
// changed.
func (b *Backend) HandleCollision(ctx context.Context, req HandleCollisionRequest) error {
	if err := b.check("HandleCollision", req.Dataset, size(req.Pre, req.Post), req.UID, req.Hash, req.Key); err != nil {
		return err
	}
	_, err := unary(ctx, b, "HandleCollision", adapterv1.AdapterServiceClient.HandleCollision, &adapterv1.HandleCollisionRequest{
		Context: b.context(req.MetaData), Hash: req.Hash, Timestamp: req.Timestamp, Uid: req.UID,
		Pre: req.Pre, Post: req.Post, IdempotencyKey: req.Key,
	})
	return err
}

// ListCollisions returns the collisions kept, as the JSON object for the device.
func (b *Backend) ListCollisions(ctx context.Context, req ListCollisionsRequest) (json.RawMessage, error) {
	if err := b.check("ListCollisions", req.Dataset, 0); err != nil {
		return nil, err
	}
	resp, err := unary(ctx, b, "ListCollisions", adapterv1.AdapterServiceClient.ListCollisions, &adapterv1.ListCollisionsRequest{
		Context: b.context(req.MetaData),
	})
	if err == nil && !json.Valid(resp.GetCollisions()) {
		err = b.failed("ListCollisions", "the backend's collisions are not JSON")
	}
	if err != nil {
		return nil, err
	}
	return resp.GetCollisions(), nil
}

// RemoveCollision forgets the collisions with the hash and returns how many
// there were.
func (b *Backend) RemoveCollision(ctx context.Context, req RemoveCollisionRequest) (removed int64, err error) {
	if err := b.check("RemoveCollision", req.Dataset, 0, req.Hash); err != nil {
		return 0, err
	}
	resp, err := unary(ctx, b, "RemoveCollision", adapterv1.AdapterServiceClient.RemoveCollision, &adapterv1.RemoveCollisionRequest{
		Context: b.context(req.MetaData), Hash: req.Hash,
	})
	return resp.GetRemoved(), err
}
