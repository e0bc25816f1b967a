package sqlite

import (
	"context"

	"github.com/tandem-sync/tandem/services/internal/store"
)

// A wish is written where there is none or a later one. Two statements, so that
// each reads one range of clients_wanted and costs what it changes: while changes
// come in, nearly all dataset clients have their wish already.
const (
	wishNew     = "UPDATE fhsync_datasetClients SET wanted = ?1 WHERE datasetId = ?2 AND active = 1 AND wanted = 0 AND id <> ?3"
	wishEarlier = "UPDATE fhsync_datasetClients SET wanted = ?1 WHERE datasetId = ?2 AND active = 1 AND wanted > ?1 AND id <> ?3"
	wishOne     = `UPDATE fhsync_datasetClients SET wanted = ?1 WHERE id = ?3 AND datasetId = ?2 AND active = 1
		AND (wanted = 0 OR wanted > ?1)`
)

// WantSync notes wishes for sync runs; see store.DatasetClients. dueAt follows
// from them (schema_2.sql).
func (s *Store) WantSync(ctx context.Context, wish store.SyncWish) error {
	at, others := millis(wish.At), millis(wish.OthersAt)
	if wish.ClientID == "" {
		others, at = at, 0
	}
	return s.write(ctx, "want a sync run", func(tx session) error {
		if at != 0 {
			if _, err := tx.exec(wishOne, at, wish.Dataset, wish.ClientID); err != nil {
				return err
			}
		}
		if others == 0 {
			return nil
		}
		if _, err := tx.exec(wishNew, others, wish.Dataset, wish.ClientID); err != nil {
			return err
		}
		_, err := tx.exec(wishEarlier, others, wish.Dataset, wish.ClientID)
		return err
	})
}
