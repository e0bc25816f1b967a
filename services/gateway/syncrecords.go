package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/tandem-sync/tandem/services/internal/delta"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/wire"
)

// handleSyncRecords answers fn "syncRecords": the difference between the stored view and
// what the device has. Only the data of what differs is read.
//
// The global hash is read first: should a sync run store records meanwhile, the
// device gets newer records under an older hash and asks again, never the reverse.
func (g *Gateway) handleSyncRecords(w http.ResponseWriter, r *http.Request, c call) error {
	ctx := r.Context()
	dc, err := g.store.DatasetClient(ctx, c.ClientID)
	if errors.Is(err, store.ErrNotFound) {
		return refusal(fmt.Sprintf("unknown dataset client datasetId = %s :: queryParams = %s", c.dataset, c.QueryParams))
	}
	if err != nil {
		return fmt.Errorf("read the state of dataset %s: %w", c.dataset, err)
	}
	if dc.Stopped {
		return stopped(c.dataset)
	}
	if !dc.SyncCompleted {
		if err := g.respond(ctx, c, wire.Summary{}); err != nil {
			return err
		}
		writeRaw(w, http.StatusOK, []byte(wire.NoRecords))
		return nil
	}
	diff, err := g.difference(ctx, c, dc)
	if err != nil {
		return fmt.Errorf("read the records of dataset %s: %w", c.dataset, err)
	}
	hash, err := g.hashAfter(ctx, c, dc, diff)
	if err != nil {
		return fmt.Errorf("read the updates of dataset %s: %w", c.dataset, err)
	}
	if err := g.respond(ctx, c, wire.Summary{Hash: hash, Create: len(diff.Create), Update: len(diff.Update), Delete: len(diff.Delete)}); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	out := wire.NewRecordsWriter(w)
	if err := g.writeDifference(ctx, out, c.dataset, diff, hash); err != nil {
		if !out.Started() {
			return err
		}
		// A part is on its way: only a broken connection tells the device that it is
		// not all.
		g.log.Error("answer broken off", "dataset", c.dataset, "cuid", c.CUID, "err", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// difference compares the stored view with what the device has. What this device
// changed since the view was listed, or is about to change, would look taken
// back: such records are left as the device has them. They are asked for last,
// so that a change which is finished meanwhile is known by its real uid.
func (g *Gateway) difference(ctx context.Context, c call, dc record.DatasetClient) (delta.Delta, error) {
	var failed error
	view := func(yield func(uid, hash string) bool) {
		for pair, err := range g.store.ViewHashes(ctx, c.ClientID) {
			if err != nil {
				failed = err
				return
			}
			if !yield(pair.UID, pair.Hash) {
				return
			}
		}
	}
	diff := delta.Compute(view, c.ClientRecs)
	if failed != nil || diff.Empty() || c.CUID == "" {
		return diff, failed
	}
	own, err := g.store.ChangedUIDs(ctx, c.dataset, c.CUID, dc.CompletedRunStart)
	return diff.Without(own), err
}

// hashAfter is the global hash that the device may take with this difference, ""
// when it must not: a client leaves out of an answer the records for which it has
// changes of its own, but takes the answer's hash all the same. Where the result
// of such a change has not reached the device yet, the record would stay as the
// device has it, and the hash would say that all is well. Without a hash the
// device asks again after it has seen the result. What the device has not sent
// yet needs no such care: its result is still to come, and brings a new hash.
func (g *Gateway) hashAfter(ctx context.Context, c call, dc record.DatasetClient, diff delta.Delta) (string, error) {
	if diff.Empty() || c.CUID == "" {
		return dc.GlobalHash(), nil
	}
	updates, err := g.store.ListUpdates(ctx, c.dataset, c.CUID, 0)
	if err != nil {
		return "", err
	}
	for _, u := range g.shown.unseen(c.dataset, c.CUID, updates) {
		for _, uid := range []string{u.UID, u.OldUID, u.Hash} {
			if diff.Has(uid) {
				return "", nil
			}
		}
	}
	return dc.GlobalHash(), nil
}

// readBatch is how many records are held in memory for an answer.
const readBatch = 200

// writeDifference writes the answer, reading the data of what differs batch by batch.
func (g *Gateway) writeDifference(ctx context.Context, out *wire.RecordsWriter, dataset string, diff delta.Delta, hash string) error {
	write := func(uids []string, to func([]record.Record) error) error {
		for batch := range slices.Chunk(uids, readBatch) {
			records, err := g.store.ReadRecords(ctx, dataset, batch)
			if err != nil {
				return fmt.Errorf("read the records of dataset %s: %w", dataset, err)
			}
			if err := to(records); err != nil {
				return err
			}
		}
		return nil
	}
	if err := write(diff.Create, out.Create); err != nil {
		return err
	}
	if err := write(diff.Update, out.Update); err != nil {
		return err
	}
	if err := out.Delete(diff.Delete); err != nil {
		return err
	}
	return out.Close(hash)
}
