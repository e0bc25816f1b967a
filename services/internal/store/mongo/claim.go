package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// ClaimChanges claims heads; see store.Changes. A head that is done already was left
// by a worker that died before it had settled: it is settled here. One whose made-up
// uid has become a real one since it was enqueued goes to that record's line first.
func (s *Store) ClaimChanges(ctx context.Context, n int, window time.Duration) ([]store.ClaimedChange, error) {
	for {
		docs, err := s.claim(ctx, store.QueuePending, bson.D{present("head")}, n, window)
		if err != nil {
			return nil, translate("claim changes", err)
		}
		if len(docs) == 0 {
			return nil, translate("look for lines without a head", s.sweep(ctx))
		}
		claimed, err := s.claimed(ctx, docs)
		if err != nil {
			return nil, translate("claim changes", err)
		}
		if len(claimed) > 0 {
			return claimed, nil
		}
	}
}

// claimed makes work of messages just claimed, and does what is not for workers.
func (s *Store) claimed(ctx context.Context, docs []bson.Raw) ([]store.ClaimedChange, error) {
	var changes []record.Change
	for _, d := range docs {
		changes = append(changes, changeOf(d))
	}
	aliases, err := s.aliasesOf(ctx, changes)
	if err != nil {
		return nil, err
	}
	var claimed []store.ClaimedChange
	for i, d := range docs {
		c := changes[i]
		uid := aliases.recordUID(c)
		switch {
		case has(d, "deleted"):
			err = s.settle(ctx, d)
		case uid != text(d, "recordUid") && text(d, "recordUid") == c.UID:
			err = s.rejoin(ctx, d, c, uid)
		default:
			one := store.ClaimedChange{Claim: claimOf(d), Change: c, RecordUID: text(d, "recordUid"), Enqueued: timeOf(number(d, "enqueued")),
				Unsure: flag(d, "unsure") || number(d, "tries")-1 > number(d, "given")}
			if c.UID == "" {
				one.RecordUID = "" // the line's name is no uid here, see recordUID
			}
			one.Earlier, err = s.earlier(ctx, d)
			claimed = append(claimed, one)
		}
		if err != nil {
			return nil, err
		}
	}
	return claimed, nil
}

// rejoin moves a change to the line of the record that its made-up uid became.
func (s *Store) rejoin(ctx context.Context, d bson.Raw, c record.Change, uid string) error {
	line := lineOf(c.Dataset, uid)
	if _, err := s.pending().update(ctx, held(claimOf(d)), bson.D{
		set(is("line", line), is("recordUid", name(uid)), is("visible", visible(s.now()))), inc(is("tries", -1)), unset("head", "ack"),
	}); err != nil {
		return err
	}
	for _, l := range []string{line, text(d, "line")} {
		if err := s.promote(ctx, l); err != nil {
			return err
		}
	}
	return nil
}

// changeOf reads the change of a message.
func changeOf(d bson.Raw) record.Change {
	p, ok := d.Lookup("payload").DocumentOK()
	if !ok {
		return record.Change{}
	}
	return record.Change{
		Dataset: text(p, "datasetId"), ClientID: text(p, "datasetClient", "id"), CUID: text(p, "cuid"), Hash: text(p, "hash"),
		Action: record.Action(text(p, "action")), UID: text(p, "uid"), Pre: jsonOf(p, "pre"), Post: jsonOf(p, "post"),
		Timestamp: number(p, "timestamp"), MetaData: jsonOf(p, "meta_data"), Invalid: text(d, "invalid"),
	}
}

// earlier finds the outcome that a newer version builds on.
func (s *Store) earlier(ctx context.Context, d bson.Raw) (*store.Outcome, error) {
	if number(d, "n") <= 1 {
		return nil, nil
	}
	older, err := s.pending().all(ctx, bson.D{is("change", text(d, "change")), op("n", "$lt", number(d, "n")), present("outcome")},
		find().SetSort(bson.D{is("n", -1)}).SetProjection(only("outcome")))
	if err != nil {
		return nil, err
	}
	var versions []version
	for _, o := range older {
		versions = append(versions, version{doc: o})
	}
	best := earlierOf(versions)
	kept := d.Lookup("earlier")
	if best.IsZero() || !kept.IsZero() && text(best.Document(), "type") != string(record.Applied) && text(kept.Document(), "type") == string(record.Applied) {
		best = kept // the log has forgotten it
	}
	if best.IsZero() {
		update, err := s.coll(updatesOf(text(d, "payload", "datasetId"))).one(ctx, bson.D{is("_id", text(d, "change")), present("type"),
			op("digest", "$ne", text(d, "digest"))})
		if err != nil {
			return nil, err
		}
		best = outcomeOf(version{update: update})
	}
	if best.IsZero() {
		return nil, nil
	}
	o := readOutcome(best)
	return &o, nil
}

func readOutcome(v bson.RawValue) store.Outcome {
	d := v.Document()
	return store.Outcome{Type: record.UpdateType(text(d, "type")), UID: text(d, "uid"), Msg: text(d, "msg"), Wrote: text(d, "wrote")}
}

// ExtendChange keeps a claim; see store.Changes.
func (s *Store) ExtendChange(ctx context.Context, claim store.Claim, window time.Duration) (store.Claim, error) {
	return s.extend(ctx, store.QueuePending, claim, window)
}

// RetryChange gives a claim up; see store.Changes.
func (s *Store) RetryChange(ctx context.Context, claim store.Claim, delay time.Duration, free bool) error {
	update := bson.D{set(is("visible", visible(s.now().Add(max(delay, 0))))), unset("ack")}
	if free {
		update = append(update, inc(is("tries", -1)))
		update[0] = set(append(update[0].Value.(bson.D), is("unsure", true))...)
	} else {
		update = append(update, inc(is("given", 1)))
	}
	d, err := s.pending().change(ctx, held(claim), update)
	if err == nil && d == nil {
		err = store.ErrStale
	}
	if err == nil {
		err = s.promote(ctx, text(d, "line")) // an older one may have joined meanwhile
	}
	return translate("put a change back", err)
}
