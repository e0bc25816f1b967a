package mongo

import (
	"context"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// defaultStories is how many stories are told where the query sets no limit.
const defaultStories = 100

// FindChanges tells what is known of changes; see store.ChangeLog.
func (s *Store) FindChanges(ctx context.Context, q store.ChangeQuery) ([]store.ChangeStory, error) {
	const what = "find changes"
	limit := q.Limit
	if limit <= 0 {
		limit = defaultStories
	}
	filter := bson.D{op("change", "$gt", forgotten)}
	for field, value := range map[string]string{"payload.datasetId": q.Dataset, "payload.hash": q.Hash, "payload.cuid": q.CUID} {
		if value != "" {
			filter = append(filter, is(field, name(value)))
		}
	}
	if q.UID != "" {
		uid := name(q.UID)
		filter = append(filter, either(bson.D{is("payload.uid", uid)}, bson.D{is("recordUid", uid)}, bson.D{is("outcome.uid", uid)}))
	}
	docs, err := s.pending().all(ctx, filter, find().SetSort(bson.D{is("_id", -1)}).SetLimit(int64(limit)).
		SetProjection(each([]string{"payload.pre", "payload.post", "payload.meta_data"}, 0)))
	if err != nil {
		return nil, translate(what, err)
	}
	var stories []store.ChangeStory
	told := map[string]bool{}
	for _, d := range docs {
		story, err := s.story(ctx, d)
		if err != nil {
			return nil, translate(what, err)
		}
		stories = append(stories, story)
		told[text(d, "change")] = true
	}
	waiting, err := s.waitingStories(ctx, q, told, limit)
	if err != nil {
		return nil, translate(what, err)
	}
	// A change counts by when it came, one that the log forgot by its result.
	when := func(st store.ChangeStory) time.Time {
		if st.Enqueued.IsZero() {
			return st.Reported
		}
		return st.Enqueued
	}
	stories = append(stories, waiting...)
	slices.SortStableFunc(stories, func(a, b store.ChangeStory) int { return when(b).Compare(when(a)) })
	return stories[:min(limit, len(stories))], nil
}

// story tells what a message and what belongs to it say.
func (s *Store) story(ctx context.Context, d bson.Raw) (store.ChangeStory, error) {
	c := changeOf(d)
	st := store.ChangeStory{
		Change: c, RecordUID: text(d, "recordUid"), Enqueued: timeOf(number(d, "enqueued")), Tries: int(number(d, "tries")),
		Visible: visibleTime(d), Done: dateOf(d, "deleted"), Reported: timeOf(number(d, "reported")),
	}
	if c.UID == "" {
		st.RecordUID = "" // the line's name is no uid, see recordUID
	} else if st.RecordUID == c.UID {
		aliases, err := s.aliasesOf(ctx, []record.Change{c})
		if err != nil {
			return st, err
		}
		st.RecordUID = aliases.recordUID(c)
	}
	if st.Done.IsZero() {
		st.Claimed = has(d, "ack") && st.Visible.After(s.now())
		if !has(d, "head") {
			head, err := s.pending().one(ctx, bson.D{is("head", d.Lookup("line"))}, options.FindOne().SetProjection(only("payload.hash")))
			if err != nil {
				return st, err
			}
			st.Behind = text(head, "payload", "hash")
		}
		return st, nil
	}
	st.Visible = time.Time{}
	if v := d.Lookup("outcome"); !v.IsZero() {
		o := readOutcome(v)
		st.Outcome = &o
	}
	update, err := s.coll(updatesOf(c.Dataset)).one(ctx, bson.D{is("_id", text(d, "change")), is("n", number(d, "n"))})
	if err != nil {
		return st, err
	}
	if update != nil && shown(update) {
		u := updateOf(update)
		st.Waiting = &u
	}
	st.Acknowledged, err = s.acknowledged(ctx, c, number(d, "reported"))
	return st, err
}

// waitingStories tells of changes that the log has forgotten, but whose result still
// waits for the device.
func (s *Store) waitingStories(ctx context.Context, q store.ChangeQuery, told map[string]bool, limit int) ([]store.ChangeStory, error) {
	datasets := []string{q.Dataset}
	if q.Dataset == "" {
		var err error
		if datasets, err = s.storedDatasets(ctx); err != nil {
			return nil, err
		}
		slices.Sort(datasets)
	}
	filter := bson.D{present("type")}
	if q.CUID != "" {
		filter = append(filter, is("cuid", name(q.CUID)))
	}
	if q.Hash != "" {
		filter = append(filter, is("hash", name(q.Hash)))
	}
	if q.UID != "" {
		filter = append(filter, either(bson.D{is("uid", name(q.UID))}, bson.D{is("oldUid", name(q.UID))}))
	}
	var stories []store.ChangeStory
	for _, dataset := range datasets {
		updates, err := s.coll(updatesOf(dataset)).all(ctx, filter, find().SetSort(bson.D{is("timestamp", -1)}).SetLimit(int64(limit+len(told))))
		if err != nil {
			return nil, err
		}
		for _, d := range updates {
			if told[text(d, "_id")] || !shown(d) || len(stories) >= limit {
				continue
			}
			u := updateOf(d)
			uid := u.UID
			if u.OldUID != "" {
				uid = u.OldUID
			}
			stories = append(stories, store.ChangeStory{
				Change:    record.Change{Dataset: dataset, CUID: u.CUID, Hash: u.Hash, Action: u.Action, UID: uid},
				RecordUID: u.UID, Outcome: &store.Outcome{Type: u.Type, UID: u.UID, Msg: u.Msg, Wrote: text(d, "wrote")},
				Done: timeOf(u.Timestamp), Reported: timeOf(u.Timestamp), Waiting: &u,
			})
		}
	}
	return stories, nil
}

// acknowledged is when the newest acknowledgement of an update was worked off.
func (s *Store) acknowledged(ctx context.Context, c record.Change, reported int64) (at time.Time, err error) {
	if reported == 0 {
		return time.Time{}, nil
	}
	ack, err := s.acks().one(ctx, bson.D{is("payload.datasetId", c.Dataset), is("payload.cuid", name(c.CUID)), is("payload.hash", name(c.Hash)),
		is("payload.timestamp", reported), present("deleted")}, options.FindOne().SetSort(bson.D{is("deleted", -1)}).SetProjection(only("deleted")))
	return dateOf(ack, "deleted"), err
}

// RecordViews tells where a record stands; see store.ChangeLog.
func (s *Store) RecordViews(ctx context.Context, dataset, uid string) (hash string, clients []string, err error) {
	d, err := s.coll(recordsOf(dataset)).one(ctx, bson.D{is("_id", name(uid))}, options.FindOne().SetProjection(only("hash", "refs")))
	if err != nil {
		return "", nil, translate("find the views of a record", err)
	}
	for client := range refsOf(d) {
		clients = append(clients, client)
	}
	slices.Sort(clients)
	if len(clients) == 0 {
		return "", nil, nil
	}
	return text(d, "hash"), clients, nil
}
