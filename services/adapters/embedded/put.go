package embedded

import (
	"context"
	"database/sql"
	"encoding/json"
)

// Put stores a record under a uid of the caller's choosing, over what is there:
// for imports, and for whoever else writes to the backend. Devices see it after
// the next sync run. It refuses data that devices can't compare.
func (a *Adapter) Put(ctx context.Context, dataset, uid string, data json.RawMessage) error {
	if err := hashable(dataset, data); err != nil {
		return err
	}
	return a.write(ctx, dataset, func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO records (dataset, uid, data) VALUES (?, ?, ?)
			ON CONFLICT (dataset, uid) DO UPDATE SET data = excluded.data`, dataset, uid, []byte(data))
		return err
	})
}

// Remove removes a record, whatever it holds; none is no error.
func (a *Adapter) Remove(ctx context.Context, dataset, uid string) error {
	return a.write(ctx, dataset, func(tx *sql.Tx) error {
		_, err := tx.Exec("DELETE FROM records WHERE dataset = ? AND uid = ?", dataset, uid)
		return err
	})
}
