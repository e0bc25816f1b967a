package memadapter

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"slices"

	"github.com/tandem-sync/tandem/api/adapter"
)

// HandleCollision implements adapter.Adapter.
func (a *Adapter) HandleCollision(_ context.Context, req adapter.HandleCollisionRequest) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.dataset(req.Dataset)
	if _, seen := d.keys["collision "+req.Key]; seen {
		return nil
	}
	d.keys["collision "+req.Key] = req.UID
	d.collisions = append(d.collisions, adapter.Collision{
		ID: rand.Text(), UID: req.UID, Hash: req.Hash,
		Timestamp: req.Timestamp, Pre: req.Pre, Post: req.Post,
	})
	return nil
}

// ListCollisions implements adapter.Adapter.
func (a *Adapter) ListCollisions(_ context.Context, req adapter.ListCollisionsRequest) (json.RawMessage, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return adapter.CollisionsJSON(a.dataset(req.Dataset).collisions), nil
}

// RemoveCollision implements adapter.Adapter.
func (a *Adapter) RemoveCollision(_ context.Context, req adapter.RemoveCollisionRequest) (int64, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.dataset(req.Dataset)
	before := len(d.collisions)
	d.collisions = slices.DeleteFunc(d.collisions, func(c adapter.Collision) bool { return c.Hash == req.Hash })
	return int64(before - len(d.collisions)), nil
}
