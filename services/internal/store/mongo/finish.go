package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// finished is what the end of a change needs to know of it.
type finished struct {
	id                                bson.ObjectID
	dataset, cuid, hash, digest, line string
	client, uid                       string
	action                            record.Action
	change                            string
	n, reported                       int64
	outcome                           store.Outcome
	stored                            bson.RawValue // outcome, as stored
}

func finishedOf(d bson.Raw) finished {
	q := finished{
		id: id(d), dataset: text(d, "payload", "datasetId"), cuid: text(d, "payload", "cuid"), hash: text(d, "payload", "hash"),
		digest: text(d, "digest"), line: text(d, "line"), client: text(d, "payload", "datasetClient", "id"), uid: text(d, "payload", "uid"),
		action: record.Action(text(d, "payload", "action")), change: text(d, "change"), n: number(d, "n"), reported: number(d, "reported"),
		stored: d.Lookup("outcome"),
	}
	if !q.stored.IsZero() {
		q.outcome = readOutcome(q.stored)
	}
	return q
}

// FinishChange ends a change; see store.Changes. The one write that sets deleted and
// the outcome decides; settle follows from it.
func (s *Store) FinishChange(ctx context.Context, claim store.Claim, o store.Outcome) error {
	const what = "finish a change"
	uid := name(o.UID)
	if o.UID == "" {
		d, err := s.pending().one(ctx, held(claim), options.FindOne().SetProjection(only("payload.uid")))
		if err != nil {
			return translate(what, err)
		}
		uid = name(text(d, "payload", "uid"))
	}
	d, err := s.pending().change(ctx, held(claim), bson.D{set(is("deleted", date(s.now())), is("outcome", bson.D{
		is("type", string(o.Type)), is("uid", uid), is("msg", name(o.Msg)), is("wrote", name(o.Wrote))}))},
		options.FindOneAndUpdate().SetProjection(each([]string{"payload.pre", "payload.post", "payload.meta_data"}, 0)))
	if err == nil && d == nil {
		err = store.ErrStale
	}
	if err == nil {
		err = s.settle(ctx, d)
	}
	return translate(what, err)
}

// settle writes all that follows from a finished change: the mapping of a made-up uid,
// the update for the device, the mark in the dataset client; then it gives up the head of
// the line. Doing it twice does no harm, and until the last step whoever claims the
// line's head does it again.
//
// The mapping comes before the update: a device that has the update sends its changes
// under the real uid, and they are the same changes only if the mapping is known.
func (s *Store) settle(ctx context.Context, d bson.Raw) error {
	q := finishedOf(d)
	lines := []string{q.line}
	if q.action == record.ActionCreate && q.outcome.Type == record.Applied && q.outcome.UID != "" {
		moved, err := s.mapUID(ctx, q, q.outcome.UID)
		if err != nil {
			return err
		}
		lines = append(lines, moved...)
	}
	reported, err := s.saveUpdate(ctx, q)
	if err != nil {
		return err
	}
	if err := s.touchView(ctx, q); err != nil {
		return err
	}
	first, err := s.pending().update(ctx, bson.D{is("_id", q.id), present("line")},
		bson.D{is("$max", bson.D{is("reported", reported)}), unset("head", "line")})
	if err == nil && !first {
		// Another was quicker, and newer versions may have come and gone since then.
		err = s.dropSuperseded(ctx, q, reported)
	}
	if err != nil {
		return err
	}
	seen := map[string]bool{"": true}
	for _, line := range lines {
		if seen[line] {
			continue
		}
		seen[line] = true
		if err := s.promote(ctx, line); err != nil {
			return err
		}
	}
	return nil
}

// recentCollisions is how many collisions a dataset client remembers, so that one
// that is settled twice counts once.
const recentCollisions = 50

// touchView notes in the dataset client that a change came through it. What
// failed or collided must bring the device's copy back, so that its revision
// grows now; what was applied shows with the next sync run.
func (s *Store) touchView(ctx context.Context, q finished) error {
	client := bson.D{is("_id", name(q.client))}
	dirty := is("$max", bson.D{is("dirty", millis(s.now()))})
	switch q.outcome.Type {
	case record.Applied:
		_, err := s.clients().update(ctx, client, bson.D{dirty})
		return err
	case record.Collision:
		matched, err := s.clients().update(ctx, append(client, op("collided", "$ne", q.id)), bson.D{dirty,
			inc(is("revision", 1), is("collisionCount", 1)),
			is("$push", bson.D{is("collided", bson.D{is("$each", bson.A{q.id}), is("$slice", -recentCollisions)})}),
		})
		if matched || err != nil {
			return err
		}
	}
	_, err := s.clients().update(ctx, client, bson.D{dirty, inc(is("revision", 1))})
	return err
}
