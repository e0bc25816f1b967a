package embedded

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/tandem-sync/tandem/api/adapter"
)

// HandleCollision implements adapter.Adapter.
func (a *Adapter) HandleCollision(ctx context.Context, req adapter.HandleCollisionRequest) error {
	return a.write(ctx, req.Dataset, func(tx *sql.Tx) error {
		// Remembered, so that a repetition does not bring back a collision that was
		// removed meanwhile.
		if known, err := a.remember(tx, "collision", req.Dataset, req.Key, req.UID); err != nil || known {
			return err
		}
		_, err := tx.Exec(`INSERT INTO collisions (dataset, id, uid, hash, pre, post, timestamp)
			VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			req.Dataset, name("collision", req.Dataset, req.Key), req.UID, req.Hash,
			[]byte(req.Pre), []byte(req.Post), req.Timestamp)
		return err
	})
}

// ListCollisions implements adapter.Adapter.
func (a *Adapter) ListCollisions(ctx context.Context, req adapter.ListCollisionsRequest) (json.RawMessage, error) {
	list, err := a.collisions(ctx, req.Dataset)
	if err != nil {
		return nil, failure(req.Dataset, err)
	}
	return adapter.CollisionsJSON(list), nil
}

func (a *Adapter) collisions(ctx context.Context, dataset string) ([]adapter.Collision, error) {
	rows, err := a.reader.QueryContext(ctx,
		"SELECT id, uid, hash, pre, post, timestamp FROM collisions WHERE dataset = ? ORDER BY seq", dataset)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []adapter.Collision
	for rows.Next() {
		var c adapter.Collision
		var pre, post []byte
		if err := rows.Scan(&c.ID, &c.UID, &c.Hash, &pre, &post, &c.Timestamp); err != nil {
			return nil, err
		}
		c.Pre, c.Post = pre, post
		list = append(list, c)
	}
	return list, rows.Err()
}

// RemoveCollision implements adapter.Adapter.
func (a *Adapter) RemoveCollision(ctx context.Context, req adapter.RemoveCollisionRequest) (removed int64, err error) {
	err = a.write(ctx, req.Dataset, func(tx *sql.Tx) error {
		result, err := tx.Exec("DELETE FROM collisions WHERE dataset = ? AND hash = ?", req.Dataset, req.Hash)
		if err != nil {
			return err
		}
		removed, err = result.RowsAffected()
		return err
	})
	return removed, err
}
