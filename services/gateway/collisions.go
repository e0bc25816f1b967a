package gateway

import (
	"fmt"
	"net/http"

	"github.com/tandem-sync/tandem/services/internal/backend"
)

// handleListCollisions answers fn "listCollisions" with what the adapter keeps.
func (g *Gateway) handleListCollisions(w http.ResponseWriter, r *http.Request, c call) error {
	b, err := g.backend(c.dataset)
	if err != nil {
		return err
	}
	body, err := b.ListCollisions(r.Context(), backend.ListCollisionsRequest{MetaData: c.MetaData})
	if err != nil {
		return fmt.Errorf("list the collisions of dataset %s: %w", c.dataset, err)
	}
	writeRaw(w, http.StatusOK, body)
	return nil
}

// handleRemoveCollision answers fn "removeCollision". The answer has the shape that
// clients know from the reference server.
func (g *Gateway) handleRemoveCollision(w http.ResponseWriter, r *http.Request, c call) error {
	b, err := g.backend(c.dataset)
	if err != nil {
		return err
	}
	n, err := b.RemoveCollision(r.Context(), backend.RemoveCollisionRequest{MetaData: c.MetaData, Hash: c.Hash})
	if err != nil {
		return fmt.Errorf("remove the collision %s of dataset %s: %w", c.Hash, c.dataset, err)
	}
	writeJSON(w, http.StatusOK, map[string]int64{"ok": 1, "n": n})
	return nil
}
