package sql

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/tandem-sync/tandem/api/adapter"
)

// HandleCollision implements adapter.Adapter.
func (a *Adapter) HandleCollision(ctx context.Context, req adapter.HandleCollisionRequest) error {
	d, err := a.dataset(req.Dataset)
	if err != nil {
		return err
	}
	return a.write(ctx, d, func(tx *sql.Tx) error {
		if known, err := a.remember(ctx, tx, "collision", d.id, req.Key, ""); err != nil || known {
			return err
		}
		id := hexDigest("collision", d.id, req.Key)[:24]
		s := (&statement{d: a.d}).add("DELETE FROM ", a.kept, " WHERE id = ").plain(id) // its key was forgotten
		if _, err := s.exec(ctx, tx); err != nil {
			return err
		}
		s = (&statement{d: a.d}).add("INSERT INTO ", a.kept, " (id, dataset, uid, hash, pre, post, timestamp) VALUES (")
		for i, v := range []any{id, d.id, req.UID, req.Hash, optional(req.Pre), optional(req.Post), req.Timestamp} {
			if i > 0 {
				s.add(", ")
			}
			s.plain(v)
		}
		_, err := s.add(")").exec(ctx, tx)
		return err
	})
}

func optional(raw json.RawMessage) any {
	if raw == nil {
		return nil
	}
	return string(raw)
}

// ListCollisions implements adapter.Adapter. The oldest change comes first.
func (a *Adapter) ListCollisions(ctx context.Context, req adapter.ListCollisionsRequest) (json.RawMessage, error) {
	d, err := a.dataset(req.Dataset)
	if err != nil {
		return nil, err
	}
	s := (&statement{d: a.d}).add("SELECT id, uid, hash, timestamp, pre, post FROM ", a.kept, " WHERE dataset = ").
		plain(d.id).add(" ORDER BY timestamp, id")
	var list []adapter.Collision
	rows, err := s.query(ctx, a.db)
	if err != nil {
		return nil, failure(a.d, d.id, err)
	}
	defer rows.Close()
	for rows.Next() {
		var c adapter.Collision
		var pre, post sql.NullString
		if err := rows.Scan(&c.ID, &c.UID, &c.Hash, &c.Timestamp, &pre, &post); err != nil {
			return nil, failure(a.d, d.id, err)
		}
		if pre.Valid {
			c.Pre = json.RawMessage(pre.String)
		}
		if post.Valid {
			c.Post = json.RawMessage(post.String)
		}
		list = append(list, c)
	}
	return adapter.CollisionsJSON(list), failure(a.d, d.id, rows.Err())
}

// RemoveCollision implements adapter.Adapter.
func (a *Adapter) RemoveCollision(ctx context.Context, req adapter.RemoveCollisionRequest) (int64, error) {
	d, err := a.dataset(req.Dataset)
	if err != nil {
		return 0, err
	}
	s := (&statement{d: a.d}).add("DELETE FROM ", a.kept, " WHERE dataset = ").plain(d.id).add(" AND hash = ").plain(req.Hash)
	n, err := s.exec(ctx, a.db)
	if err != nil && a.d.judge(err).badly {
		return 0, nil // a text that the database can't hold is no hash of its records
	}
	return n, failure(a.d, d.id, err)
}
