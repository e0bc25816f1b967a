package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// An update's _id is its change's key, so that there is one for (cuid, hash). n is
// the version that it is the result of, newest the highest version that was enqueued
// when there were several: where that is above n, the device waits for that one's
// result, and this one is out of its sight.

func shown(u bson.Raw) bool { return has(u, "type") && number(u, "newest") <= number(u, "n") }

// notSuperseded selects a change's update where no version above n was enqueued.
func notSuperseded(key string, n int64) bson.D {
	return bson.D{is("_id", key), either(bson.D{absent("newest")}, bson.D{op("newest", "$lte", n)})}
}

// saveUpdate stores the result of a change for its device and returns its
// timestamp: now, or just above the last one where the clock has not moved on; 0
// where a newer version has arrived, whose result the device waits for.
func (s *Store) saveUpdate(ctx context.Context, q finished) (timestamp int64, err error) {
	last := q.reported
	if q.n > 1 || q.reported > 0 {
		if last, err = s.lastReported(ctx, q); err != nil {
			return 0, err
		}
	}
	timestamp = max(millis(s.now()), last+1)
	o := q.outcome
	oldUID := ""
	if o.UID != q.uid || q.action == record.ActionCreate && o.Type == record.Applied {
		oldUID = q.uid
	}
	fields := []bson.E{
		is("type", string(o.Type)), is("cuid", name(q.cuid)), is("action", name(string(q.action))), is("hash", name(q.hash)),
		is("uid", name(o.UID)), is("msg", name(o.Msg)), is("timestamp", timestamp),
		is("digest", q.digest), is("wrote", name(o.Wrote)), is("n", q.n),
	}
	update := bson.D{}
	if oldUID != "" {
		update = append(update, set(append(fields, is("oldUid", name(oldUID)))...))
	} else {
		update = append(update, set(fields...), unset("oldUid"))
	}
	if _, err = s.coll(updatesOf(q.dataset)).upsert(ctx, notSuperseded(q.change, q.n), update); isDuplicate(err) {
		return 0, s.leaveToNewer(ctx, q)
	}
	return timestamp, err
}

// lastReported is the timestamp of the change's last update, which may have been
// acknowledged: the log of done changes remembers it.
func (s *Store) lastReported(ctx context.Context, q finished) (int64, error) {
	last := q.reported
	update, err := s.coll(updatesOf(q.dataset)).one(ctx, bson.D{is("_id", q.change)}, options.FindOne().SetProjection(only("timestamp")))
	if err != nil {
		return 0, err
	}
	last = max(last, number(update, "timestamp"))
	versions, err := s.pending().all(ctx, bson.D{is("change", q.change)}, find().SetProjection(only("reported")))
	for _, v := range versions {
		last = max(last, number(v, "reported"))
	}
	return last, err
}

// dropSuperseded takes an update back that was saved late: where a newer version was
// done meanwhile and its update acknowledged, nothing was left to refuse this one.
func (s *Store) dropSuperseded(ctx context.Context, q finished, timestamp int64) error {
	newer, err := s.pending().one(ctx, bson.D{is("change", q.change), op("n", "$gt", q.n)}, options.FindOne().SetProjection(only("_id")))
	if err != nil || newer == nil || timestamp == 0 {
		return err
	}
	_, err = s.coll(updatesOf(q.dataset)).deleteAll(ctx, append(notSuperseded(q.change, q.n), is("n", q.n), is("timestamp", timestamp)))
	return err
}

// leaveToNewer tells newer versions that wait what became of this one: the log may
// forget it before they are worked on.
func (s *Store) leaveToNewer(ctx context.Context, q finished) error {
	newer := bson.D{is("change", q.change), op("n", "$gt", q.n), absent("deleted")}
	if q.outcome.Type != record.Applied {
		newer = append(newer, op("earlier.type", "$ne", string(record.Applied)))
	}
	_, err := s.pending().updateAll(ctx, newer, bson.D{set(is("earlier", q.stored))})
	return err
}

// tellAgain reports the result of the newest version of a change, which is done,
// once more. A device that sends a change again had it pending until now, and has
// passed over what it was told of its record meanwhile: it must look again. What is
// done and not settled is reported by being settled.
func (s *Store) tellAgain(ctx context.Context, a again) error {
	if err := s.reportAgain(ctx, a); err != nil {
		return err
	}
	_, err := s.clients().update(ctx, bson.D{is("_id", name(a.change.ClientID))}, bson.D{inc(is("revision", 1))})
	return err
}

func (s *Store) reportAgain(ctx context.Context, a again) error {
	d, u := a.version.doc, a.version.update
	if d == nil {
		_, err := s.coll(updatesOf(a.change.Dataset)).update(ctx, notSuperseded(changeKey(a.change), number(u, "n")),
			bson.D{set(is("timestamp", max(millis(s.now()), number(u, "timestamp")+1)))})
		return err
	}
	if has(d, "line") {
		return s.settle(ctx, d)
	}
	q := finishedOf(d)
	q.reported = max(q.reported, 1) // there may be an update
	reported, err := s.saveUpdate(ctx, q)
	if err == nil {
		err = s.dropSuperseded(ctx, q, reported)
	}
	if err == nil {
		_, err = s.pending().update(ctx, bson.D{is("_id", q.id)}, bson.D{is("$max", bson.D{is("reported", reported)})})
	}
	return err
}

// hideUpdate takes the results of versions below n out of the device's sight, those
// that will come as well. They stay until a newer version's takes their place: they
// may be all that is known of the older version.
func (s *Store) hideUpdate(ctx context.Context, c record.Change, n int64) error {
	_, err := s.coll(updatesOf(c.Dataset)).upsert(ctx, bson.D{is("_id", changeKey(c))},
		bson.D{is("$max", bson.D{is("newest", n)}), is("$setOnInsert", bson.D{is("cuid", name(c.CUID)), is("hash", name(c.Hash))})})
	return err
}

// ListUpdates returns the updates stored for a device; see store.Acks.
func (s *Store) ListUpdates(ctx context.Context, dataset, cuid string, limit int) ([]record.Update, error) {
	docs, err := s.coll(updatesOf(dataset)).all(ctx, bson.D{is("cuid", name(cuid)), present("type")},
		find().SetSort(bson.D{is("timestamp", 1), is("n", 1), is("_id", 1)}))
	if err != nil {
		return nil, translate("list updates", err)
	}
	var updates []record.Update
	for _, d := range docs {
		if shown(d) && (limit <= 0 || len(updates) < limit) {
			updates = append(updates, updateOf(d))
		}
	}
	return updates, nil
}

func updateOf(d bson.Raw) record.Update {
	return record.Update{
		Type: record.UpdateType(text(d, "type")), CUID: text(d, "cuid"), Action: record.Action(text(d, "action")), Hash: text(d, "hash"),
		UID: text(d, "uid"), OldUID: text(d, "oldUid"), Msg: text(d, "msg"), Timestamp: number(d, "timestamp"),
	}
}
