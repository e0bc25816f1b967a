package mongo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// Of a message in the pending queue, payload is the reference server's (and holds
// what the device sent), and beside it stand
//
//	change     names all versions of the change (changeKey)
//	version    change and the number of this version: unique
//	n          that number
//	digest     of the content: tells versions of one hash apart
//	recordUid  the record as known: what a made-up uid became
//	line       the record's line; gone when the change is done and settled
//	head       the line again, on the one change of it that may be claimed: unique
//	enqueued   when it was received
//	invalid    why it can't be applied
//	given      how many tries were given back with a clear answer
//	unsure     one was given back without: the change may be in effect
//	earlier    the outcome of an older version, where the log may forget it
//	outcome    {type, uid, msg, wrote}, set with deleted
//	reported   timestamp of its last update

// retries bounds how often an operation starts over since others were quicker.
const retries = 10

var errContended = fmt.Errorf("too many others write the same: %w", store.ErrUnavailable)

// EnqueueChanges stores the changes of one request; see store.Changes.
func (s *Store) EnqueueChanges(ctx context.Context, changes []record.Change) (store.EnqueueResult, error) {
	for _, c := range changes {
		if c.CUID == "" || c.Hash == "" {
			return store.EnqueueResult{}, errors.New("mongo: enqueue changes: a change without cuid or hash")
		}
	}
	if len(changes) == 0 {
		return store.EnqueueResult{}, ctx.Err()
	}
	mine := map[string]bool{} // versions that this call has inserted
	for range retries {
		p, err := s.planEnqueue(ctx, changes, mine)
		if err == nil {
			err = s.enqueue(ctx, p, mine)
		}
		if isDuplicate(err) {
			continue // another gateway was quicker with a version or a line
		}
		if err != nil {
			return store.EnqueueResult{}, translate("enqueue changes", err)
		}
		return store.EnqueueResult{Queued: len(mine), Repeated: len(changes) - len(mine)}, nil
	}
	return store.EnqueueResult{}, translate("enqueue changes", errContended)
}

// enqueue does what the plan says. Before a newer version exists the results of older
// ones are out of the device's sight: it would take them for the newer one's. After a
// crash in between they stay so until the device, which has no answer, sends it again.
// What follows the inserts speaks of changes that exist.
func (s *Store) enqueue(ctx context.Context, p plan, mine map[string]bool) error {
	for _, in := range p.inserts {
		if in.n > 1 {
			if err := s.hideUpdate(ctx, in.change, in.n); err != nil {
				return err
			}
		}
	}
	if len(p.inserts) > 0 {
		ids, err := s.messageIDs(ctx, string(store.QueuePending), len(p.inserts))
		if err != nil {
			return err
		}
		docs := make([]bson.D, len(p.inserts))
		for i, in := range p.inserts {
			if docs[i], err = in.doc(ids[i], s.now()); err != nil {
				return err
			}
		}
		if err := s.insertChanges(ctx, p.inserts, docs, mine); err != nil {
			return err
		}
	}
	for _, line := range p.joined {
		if err := s.promote(ctx, line); err != nil {
			return err
		}
	}
	for _, again := range p.again {
		if err := s.tellAgain(ctx, again); err != nil {
			return err
		}
	}
	return nil
}

// insertChanges inserts in order. Where one is refused those before it are in, and
// are noted as such.
func (s *Store) insertChanges(ctx context.Context, inserts []insert, docs []bson.D, mine map[string]bool) error {
	err := s.pending().insertAll(ctx, docs, true)
	if isDuplicate(err) {
		inserted, findErr := s.pending().all(ctx, bson.D{op("_id", "$in", idsOf(docs))}, find().SetProjection(only("version")))
		for _, d := range inserted {
			mine[text(d, "version")] = true
		}
		return errors.Join(err, findErr)
	}
	if err == nil {
		for _, in := range inserts {
			mine[in.version()] = true
		}
	}
	return err
}

// ChangedUIDs reads what a device changed; see store.Changes.
func (s *Store) ChangedUIDs(ctx context.Context, dataset, cuid string, since time.Time) ([]string, error) {
	const applied = "outcome.type"
	docs, err := s.pending().all(ctx, bson.D{is("payload.datasetId", dataset), is("payload.cuid", name(cuid)), either(
		bson.D{absent("deleted")},
		bson.D{op("deleted", "$gte", date(since)), is(applied, string(record.Applied))},
	)}, find().SetProjection(only("payload.uid", "recordUid", "outcome.uid")))
	if err != nil {
		return nil, translate("read changed uids", err)
	}
	var uids []string
	seen := map[string]bool{"": true}
	for _, d := range docs {
		for _, uid := range []string{text(d, "payload", "uid"), text(d, "recordUid"), text(d, "outcome", "uid")} {
			if !seen[uid] {
				seen[uid] = true
				uids = append(uids, uid)
			}
		}
	}
	return uids, nil
}
