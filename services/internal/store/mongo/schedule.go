package mongo

import (
	"context"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// When a dataset client is due follows from several of its fields, and no index can
// follow that. dueAt and expiresAt are bounds: every write that may bring the true
// time forward lowers them, and the scheduler, which looks at what they have passed
// for, decides by the true time and sets them to that. So it reads what is due, and
// what changed since it last looked.

// expirePage is how many dataset clients one step of deactivation looks at.
const expirePage = 500

// ScheduleDue queues what is due; see store.DatasetClients. A dataset client that
// nobody accessed is deactivated whether or not a sync run of it ever finished:
// nobody waits for it, and the next access makes it due again.
func (s *Store) ScheduleDue(ctx context.Context, lease store.Lease, limit int) (done store.Scheduled, err error) {
	const what = "schedule"
	if err := s.checkLease(ctx, lease); err != nil {
		return done, translate(what, err)
	}
	if done.Deactivated, err = s.deactivate(ctx); err != nil {
		return store.Scheduled{}, translate(what, err)
	}
	waiting := bson.D{is("active", true), op("stopped", "$ne", true)}
	for done.Jobs < limit {
		due, looked, err := s.lookDue(ctx, append(waiting, op("dueAt", "$lte", millis(s.now()))), limit-done.Jobs)
		if err == nil && len(due) > 0 {
			err = s.scheduleAll(ctx, due)
		}
		if err != nil {
			return store.Scheduled{}, translate(what, err)
		}
		done.Jobs += len(due)
		if looked == 0 {
			break
		}
	}
	if done.Next, err = s.nextDue(ctx, waiting); err != nil {
		return store.Scheduled{}, translate(what, err)
	}
	return done, nil
}

// nextDue is when the next dataset client becomes due. Bounds that are too early are
// set right on the way.
func (s *Store) nextDue(ctx context.Context, waiting bson.D) (time.Time, error) {
	for {
		d, err := s.clients().one(ctx, waiting, options.FindOne().SetSort(bson.D{is("dueAt", 1)}))
		if err != nil || d == nil {
			return time.Time{}, err
		}
		at, bound := clientOf(d).Due(), number(d, "dueAt")
		if millis(at) <= bound {
			return time.UnixMilli(bound).UTC(), nil
		}
		if _, err := s.clients().bulk(ctx, []mongo.WriteModel{setBound(d, at)}); err != nil {
			return time.Time{}, err
		}
	}
}

// setBound sets when the scheduler looks at a dataset client, while what that follows
// from is as it was read.
func setBound(d bson.Raw, at time.Time) mongo.WriteModel {
	return mongo.NewUpdateOneModel().SetFilter(asRead(d, "dueAt", "syncLoopEnd", "syncScheduled", "wanted", "config")).
		SetUpdate(bson.D{set(is("dueAt", millis(at)))})
}

// lookDue reads dataset clients whose bound has passed, returns those that are due,
// and sets the bound of the others.
func (s *Store) lookDue(ctx context.Context, filter bson.D, limit int) (due []bson.Raw, looked int, err error) {
	docs, err := s.clients().all(ctx, filter, find().SetSort(bson.D{is("dueAt", 1)}).SetLimit(int64(limit)))
	if err != nil {
		return nil, 0, err
	}
	var later []mongo.WriteModel
	for _, d := range docs {
		at := clientOf(d).Due()
		if at.IsZero() || !at.After(s.now()) {
			due = append(due, d)
			continue
		}
		later = append(later, setBound(d, at))
	}
	_, err = s.clients().bulk(ctx, later)
	return due, len(docs), err
}

// asRead selects a document while these fields are as they were read.
func asRead(d bson.Raw, fields ...string) bson.D {
	filter := bson.D{is("_id", d.Lookup("_id"))}
	for _, field := range fields {
		if v := d.Lookup(field); v.IsZero() {
			filter = append(filter, op(field, "$exists", false))
		} else {
			filter = append(filter, is(field, v))
		}
	}
	return filter
}

// scheduleAll queues jobs, then notes that they are. After a crash in between they
// are due again, and the jobs that wait serve. A run may begin, and even end, before
// the note: then there is nothing to note any more.
func (s *Store) scheduleAll(ctx context.Context, due []bson.Raw) error {
	if err := s.insertJobs(ctx, due); err != nil {
		return err
	}
	now := s.now()
	writes := make([]mongo.WriteModel, len(due))
	for i, d := range due {
		c := clientOf(d)
		c.SyncScheduled = now
		writes[i] = mongo.NewUpdateOneModel().SetFilter(asRead(d, "syncLoopStart", "syncLoopEnd", "syncScheduled")).SetUpdate(
			bson.D{set(is("syncScheduled", millis(now)), is("dueAt", millis(c.Due())))})
	}
	_, err := s.clients().bulk(ctx, writes)
	return err
}

// deactivate ends the activity of dataset clients that nobody accessed for long.
func (s *Store) deactivate(ctx context.Context) (n int, err error) {
	for {
		now := s.now()
		docs, err := s.clients().all(ctx, bson.D{is("active", true), op("expiresAt", "$lte", millis(now))}, find().SetLimit(expirePage))
		if err != nil || len(docs) == 0 {
			return n, err
		}
		var writes []mongo.WriteModel
		for _, d := range docs {
			end := expiry(clientOf(d))
			fields := bson.D{is("expiresAt", millis(end))}
			if !end.After(now) {
				fields = append(fields, is("active", false))
				n++
			}
			writes = append(writes, mongo.NewUpdateOneModel().SetFilter(asRead(d, "lastAccessed", "config")).SetUpdate(bson.D{is("$set", fields)}))
		}
		if _, err := s.clients().bulk(ctx, writes); err != nil {
			return n, err
		}
	}
}

// WantSync notes a wish for sync runs; see store.DatasetClients.
func (s *Store) WantSync(ctx context.Context, wish store.SyncWish) error {
	want := func(who bson.E, at time.Time) error {
		_, err := s.clients().updateAll(ctx, bson.D{who, is("datasetId", wish.Dataset), is("active", true), either(
			bson.D{is("wanted", 0)}, bson.D{op("wanted", "$gt", millis(at))})},
			bson.D{set(is("wanted", millis(at))), is("$min", bson.D{is("dueAt", millis(at))})})
		return translate("note a wish for sync runs", err)
	}
	if wish.ClientID != "" {
		if err := want(is("_id", name(wish.ClientID)), wish.At); err != nil {
			return err
		}
	} else if err := want(present("_id"), wish.At); err != nil {
		return err
	}
	if wish.ClientID == "" || wish.OthersAt.IsZero() {
		return nil
	}
	return want(op("_id", "$ne", name(wish.ClientID)), wish.OthersAt)
}

// RemoveIdle removes dataset clients that nobody came back for; see
// store.DatasetClients.
func (s *Store) RemoveIdle(ctx context.Context, lease store.Lease, retention time.Duration, limit int) (removed int, err error) {
	const what = "remove idle dataset clients"
	for removed < limit {
		if err := s.checkLease(ctx, lease); err != nil {
			return removed, translate(what, err)
		}
		d, err := s.clients().one(ctx, bson.D{is("active", false), op("expiresAt", "$lte", millis(s.now().Add(-retention)))},
			options.FindOne().SetSort(bson.D{is("expiresAt", 1)}))
		if err != nil || d == nil {
			return removed, translate(what, err)
		}
		if end := expiry(clientOf(d)); end.After(s.now().Add(-retention)) {
			_, err = s.clients().update(ctx, asRead(d, "lastAccessed", "config"), bson.D{set(is("expiresAt", millis(end)))})
		} else {
			err = s.removeClient(ctx, clientOf(d), asRead(d, "lastAccessed", "active"))
			removed++
		}
		if err != nil {
			return removed, translate(what, err)
		}
	}
	return removed, nil
}

// removeWindow is how long a removal keeps sync runs away, from each page on.
const removeWindow = time.Minute

// removeClient removes a dataset client, its refs, and the records that it alone
// held. First it becomes one that never ran, so that a device that comes back in
// the middle finds no half of a view; a run of it that is under way is stale. The removal
// itself counts as a run under way: what a run of a device that came back writes must
// not be taken away again.
func (s *Store) removeClient(ctx context.Context, c record.DatasetClient, unchanged bson.D) error {
	token, err := s.next(ctx, "run")
	if err != nil {
		return err
	}
	reset := []bson.E{is("globalHash", ""), is("syncCompleted", false), is("runToken", token), is("runJob", ""), is("syncLoopStart", int64(0)),
		is("syncLoopEnd", millis(until(s.now(), removeWindow))), is("completedRunStart", int64(0)), is("syncScheduled", nil), is("dueAt", int64(0))}
	matched, err := s.clients().update(ctx, unchanged, bson.D{set(reset...), inc(is("revision", 1))})
	if err != nil || !matched {
		return err
	}
	if err := s.bumpShared(ctx, c.ID); err != nil {
		return err
	}
	removing := slices.Concat(unchanged, bson.D{is("runToken", token)})
	records := s.coll(recordsOf(c.Dataset))
	for {
		page, err := records.all(ctx, bson.D{is("refs", name(c.ID))}, find().SetProjection(only("_id")).SetLimit(hashPage))
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		alone, err := s.clients().update(ctx, removing, bson.D{set(is("syncLoopEnd", millis(until(s.now(), removeWindow))))})
		if err != nil {
			return err
		}
		if !alone {
			return s.leaveAlone(ctx, c.ID, token)
		}
		ids := make(bson.A, len(page))
		for i, d := range page {
			ids[i] = d.Lookup("_id")
		}
		if _, err := records.updateAll(ctx, bson.D{op("_id", "$in", ids)}, bson.D{is("$pull", bson.D{is("refs", name(c.ID))})}); err != nil {
			return err
		}
		if _, err := records.deleteAll(ctx, bson.D{op("_id", "$in", ids), op("refs", "$size", 0)}); err != nil {
			return err
		}
	}
	gone, err := s.clients().deleteAll(ctx, removing)
	if err != nil || gone > 0 {
		return err
	}
	return s.leaveAlone(ctx, c.ID, token)
}

// leaveAlone ends the removal of a dataset client whose devices came back: it runs at once.
func (s *Store) leaveAlone(ctx context.Context, id string, token int64) error {
	_, err := s.clients().update(ctx, bson.D{is("_id", name(id)), is("runToken", token)},
		bson.D{set(is("runToken", int64(0)), is("syncLoopEnd", int64(0)), is("syncScheduled", nil), is("dueAt", int64(0)))})
	return err
}
