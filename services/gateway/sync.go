package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/wake"
	"github.com/tandem-sync/tandem/services/internal/wire"
)

// handleSync answers fn "sync": takes the device's acknowledgements and changes, and
// tells what became of earlier ones. Nothing new costs one store read.
func (g *Gateway) handleSync(w http.ResponseWriter, r *http.Request, c call) error {
	ctx := r.Context()
	dc, updates, err := g.store.SyncState(ctx, c.ClientID, c.dataset, c.CUID, g.cfg.SyncReqAckLimit)
	if err != nil {
		return fmt.Errorf("read the state of dataset %s: %w", c.dataset, err)
	}
	if dc != nil && dc.Stopped {
		return stopped(c.dataset)
	}
	if err := g.touch(ctx, c, dc); err != nil {
		return err
	}
	acks, err := g.takeAcks(ctx, c, updates)
	if err != nil {
		return err
	}
	if updates, err = g.takeChanges(ctx, c, updates); err != nil {
		return err
	}
	// Those that the answer leaves out the device has just acknowledged.
	g.shown.note(c.dataset, c.CUID, updates)
	resp := wire.SyncResponse{Updates: without(updates, acks)}
	if dc != nil {
		resp.Hash = dc.GlobalHash()
	}
	if err := g.respond(ctx, c, wire.Summary{Hash: resp.Hash, Updates: len(resp.Updates)}); err != nil {
		return err
	}
	writeRaw(w, http.StatusOK, resp.Encode())
	return nil
}

func stopped(dataset string) error {
	return refusal("sync stopped for dataset " + dataset)
}

// touch notes the access. A dataset client that is new, or asleep, is written at
// once, so that it is synced at once; the rest is merged and written later.
func (g *Gateway) touch(ctx context.Context, c call, dc *record.DatasetClient) error {
	t := store.Touch{ID: c.ClientID, Dataset: c.dataset, QueryParams: c.QueryParams, MetaData: c.MetaData, Config: c.cfg, At: g.clock()}
	if dc != nil && dc.Active {
		g.touches.add(t)
		return nil
	}
	if err := g.store.TouchDatasetClients(ctx, []store.Touch{t}); err != nil {
		return fmt.Errorf("note the access to dataset %s: %w", c.dataset, err)
	}
	g.bus.Publish(wake.Schedule)
	if dc != nil {
		return nil
	}
	// A new view of a dataset that is stopped is stopped from the beginning.
	made, err := g.store.DatasetClient(ctx, c.ClientID)
	if err != nil {
		return fmt.Errorf("read the state of dataset %s: %w", c.dataset, err)
	}
	if made.Stopped {
		return stopped(c.dataset)
	}
	return nil
}

// takeAcks queues the acknowledgements, and returns them as they count: each for
// the result that there was when it came and never for a later one, whatever time
// it claims or lacks (protocol section 4, trap 2). updates are those read before.
func (g *Gateway) takeAcks(ctx context.Context, c call, updates []record.Update) ([]record.Ack, error) {
	acks := c.Acks
	if limit := g.cfg.SyncReqAckLimit; limit > 0 && len(acks) > limit {
		acks = acks[:limit] // the updates of the others are reported again
	}
	if len(acks) == 0 {
		return nil, nil
	}
	newest := make(map[string]int64, len(updates))
	for _, u := range updates {
		newest[u.Hash] = u.Timestamp
	}
	past := g.clock().UnixMilli() - 1
	sent := make([]record.Ack, len(acks))
	for i, a := range acks {
		latest, known := newest[a.Hash]
		if !known {
			latest = past
		}
		if a.Timestamp <= 0 || a.Timestamp > latest {
			a.Timestamp = latest
		}
		sent[i] = a
	}
	enqueue := func(ctx context.Context) error {
		if err := g.store.EnqueueAcks(ctx, sent); err != nil {
			return fmt.Errorf("queue %d acknowledgements of dataset %s: %w", len(sent), c.dataset, err)
		}
		g.bus.Publish(wake.Ack)
		return nil
	}
	if g.cfg.SyncReqWaitForAck {
		return sent, enqueue(ctx)
	}
	go func() {
		// Not waited for, as the setting asks: an acknowledgement that is lost is
		// sent again with the update that it left in place.
		if err := enqueue(context.WithoutCancel(ctx)); err != nil {
			g.log.Error("acknowledgements not stored", "dataset", c.dataset, "cuid", c.CUID, "err", err)
		}
	}()
	return sent, nil
}

// takeChanges queues the changes, in the device's order; they are durable when it
// returns. updates are those read before; where the request sends a change again
// that has a result among them, they are read anew, since the store has reported
// that result once more or taken back the result of an older version.
func (g *Gateway) takeChanges(ctx context.Context, c call, updates []record.Update) ([]record.Update, error) {
	if len(c.Changes) == 0 {
		return updates, nil
	}
	done, err := g.enqueue(ctx, c.Changes)
	if err != nil {
		return nil, fmt.Errorf("queue %d changes of dataset %s: %w", len(c.Changes), c.dataset, err)
	}
	if done.Queued > 0 {
		g.bus.Publish(wake.Pending)
	}
	if done.Repeated == 0 && !overlap(updates, c.Changes) {
		return updates, nil
	}
	updates, err = g.store.ListUpdates(ctx, c.dataset, c.CUID, g.cfg.SyncReqAckLimit)
	if err != nil {
		return nil, fmt.Errorf("read the updates of dataset %s: %w", c.dataset, err)
	}
	return updates, nil
}

// enqueue queues changes. One that the store can't hold must not keep the others from
// it, since the device sends them together again and again (protocol section 4, trap
// 4): what the device named stays, its content goes, and it gets a failed result.
func (g *Gateway) enqueue(ctx context.Context, changes []record.Change) (store.EnqueueResult, error) {
	done, err := g.store.EnqueueChanges(ctx, changes)
	if !errors.Is(err, store.ErrTooLarge) {
		return done, err
	}
	if len(changes) == 1 {
		c := changes[0]
		c.Invalid = fmt.Sprintf("the change is too large to store (%d kB)", (len(c.Pre)+len(c.Post)+len(c.MetaData))>>10)
		c.Pre, c.Post, c.MetaData = nil, nil, nil
		return g.store.EnqueueChanges(ctx, []record.Change{c})
	}
	var all store.EnqueueResult
	for i := range changes {
		one, err := g.enqueue(ctx, changes[i:i+1])
		if err != nil {
			return store.EnqueueResult{}, err
		}
		all.Queued, all.Repeated = all.Queued+one.Queued, all.Repeated+one.Repeated
	}
	return all, nil
}

// overlap tells whether a change has a result among updates.
func overlap(updates []record.Update, changes []record.Change) bool {
	if len(updates) == 0 {
		return false
	}
	hashes := make(map[string]struct{}, len(updates))
	for _, u := range updates {
		hashes[u.Hash] = struct{}{}
	}
	for _, c := range changes {
		if _, ok := hashes[c.Hash]; ok {
			return true
		}
	}
	return false
}

// without leaves out the updates that this very request acknowledges: they wait
// to be removed.
func without(updates []record.Update, acks []record.Ack) []record.Update {
	if len(acks) == 0 {
		return updates
	}
	seen := make(map[string]int64, len(acks))
	for _, a := range acks {
		if t, ok := seen[a.Hash]; !ok || t < a.Timestamp {
			seen[a.Hash] = a.Timestamp
		}
	}
	var left []record.Update
	for _, u := range updates {
		// A later result than the one acknowledged was not seen by the device.
		if t, acked := seen[u.Hash]; !acked || u.Timestamp > t {
			left = append(left, u)
		}
	}
	return left
}
