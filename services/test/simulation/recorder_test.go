package simulation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// recorder stands right above the store: it sees what was really stored, notes
// it in the ledger and checks that only the present holders of claims, runs and
// leases get through.
type recorder struct {
	store.Store
	s      *sim
	claims map[string]claimed // by queue and message
	runs   map[string]*run    // by dataset client
	leases map[string]lease   // by name
}

type claimed struct {
	ack    string
	change *version
	record string // uid
	until  time.Time
}

type run struct {
	token int64 // 0: the call that began it is not over
	job   string
	until time.Time
	ended bool
}

type lease struct {
	token   int64
	expires time.Time
	holder  string
}

func newRecorder(s *sim, to store.Store) *recorder {
	return &recorder{Store: to, s: s, claims: map[string]claimed{}, runs: map[string]*run{}, leases: map[string]lease{}}
}

// holder checks that a call which got through showed the present claim.
func (r *recorder) holder(op string, queue store.Queue, c store.Claim) claimed {
	now := r.claims[string(queue)+c.ID]
	if now.ack != c.Ack {
		r.s.violate("%s got through with claim %s of message %s, which has passed to %s", op, c.Ack, c.ID, now.ack)
	}
	return now
}

// release notes that a claim was given up. When it would have ended stays known, so
// that an older claim whose holder hears of it only now is not taken for a newer one.
func (r *recorder) release(c store.Claim) {
	key := string(store.QueuePending) + c.ID
	r.claims[key] = claimed{until: r.claims[key].until}
}

// EnqueueChanges notes each change as soon as it is stored: others may work on it
// before the call is over, and if the call fails it stays.
func (r *recorder) EnqueueChanges(ctx context.Context, changes []record.Change) (store.EnqueueResult, error) {
	end := watched(ctx, &watch{after: func() {
		for _, c := range changes {
			if r.s.ledger.find(c) == nil && len(r.stories(c)) > len(r.s.ledger.byHash[pair(c.CUID, c.Hash)]) {
				r.s.ledger.durable(c)
			}
		}
	}})
	res, err := r.Store.EnqueueChanges(ctx, changes)
	end()
	if err == nil {
		for _, c := range changes {
			if !r.s.superseded(c) {
				r.s.ledger.durable(c)
			}
			r.visible(c.CUID, c.Hash)
		}
	}
	return res, err
}

// stories is what the store's log knows of the versions of a change, the oldest first.
func (r *recorder) stories(c record.Change) []store.ChangeStory {
	all, err := r.s.engine.FindChanges(context.Background(), store.ChangeQuery{Dataset: dataset, CUID: c.CUID, Hash: c.Hash})
	r.s.must(err)
	all = slices.DeleteFunc(all, func(st store.ChangeStory) bool { return st.Enqueued.IsZero() })
	slices.Reverse(all)
	return all
}

// visible checks that the result that waits for a device, if there is one, is that of
// the newest content of its change.
func (r *recorder) visible(cuid, hash string) {
	list, err := r.ListUpdates(context.Background(), dataset, cuid, 0)
	r.s.must(err)
	versions := r.s.ledger.byHash[pair(cuid, hash)]
	newest := versions[len(versions)-1]
	for _, u := range list {
		if u.Hash == hash && (len(newest.outcomes) == 0 || newest.outcomes[0].Type != u.Type) {
			r.s.violate("%s waits for %s as the result of %s, whose outcome is %+v", u.Type, cuid, newest, newest.outcomes)
		}
	}
}

// ClaimChanges notes claims. A worker may hear of its claim late, when that has
// ended and another has the change: that one's counts.
func (r *recorder) ClaimChanges(ctx context.Context, n int, window time.Duration) ([]store.ClaimedChange, error) {
	list, err := r.Store.ClaimChanges(ctx, n, window)
	for _, c := range list {
		v := r.s.ledger.find(c.Change)
		if v == nil {
			r.s.violate("a change was claimed that nobody stored: %+v", c.Change)
			continue
		}
		key := string(store.QueuePending) + c.ID
		if c.Until.Before(r.claims[key].until) {
			r.s.event("   claimed too late: %s", v)
			continue
		}
		v.claimedAt = len(r.s.world.log)
		for id, other := range r.claims {
			if other.record == c.RecordUID && other.change != nil && other.change != v && other.until.After(r.s.now()) {
				r.s.violate("%s was claimed while %s of the same record is in work (%s)", v, other.change, id)
			}
		}
		r.claims[key] = claimed{ack: c.Ack, change: v, record: c.RecordUID, until: c.Until}
		r.s.event("   claimed: %s, try %d, record %s", v, c.Tries, brief(c.RecordUID))
	}
	return list, err
}

func (r *recorder) ExtendChange(ctx context.Context, c store.Claim, window time.Duration) (store.Claim, error) {
	extended, err := r.Store.ExtendChange(ctx, c, window)
	if err == nil {
		held := r.holder("ExtendChange", store.QueuePending, c)
		held.until = extended.Until
		r.claims[string(store.QueuePending)+c.ID] = held
	}
	return extended, err
}

// RetryChange notes that a claim is given up. The first command does that, and others
// may take the change while the rest is done.
func (r *recorder) RetryChange(ctx context.Context, c store.Claim, delay time.Duration, free bool) error {
	w, noted := &watch{}, false
	w.after = func() {
		if held := r.claims[string(store.QueuePending)+c.ID]; w.commands > 0 && !noted && held.ack == c.Ack {
			noted = true
			r.s.event("   put back: %s", held.change)
			r.release(c)
		}
	}
	end := watched(ctx, w)
	err := r.Store.RetryChange(ctx, c, delay, free)
	end()
	if err == nil && !noted {
		held := r.holder("RetryChange", store.QueuePending, c)
		r.s.event("   put back: %s", held.change)
		r.release(c)
	}
	return err
}

// FinishChange notes an outcome as soon as the store has it: others may go on with
// the record from then on, and if the call fails the change is done all the same.
func (r *recorder) FinishChange(ctx context.Context, c store.Claim, o store.Outcome) error {
	var v *version
	if t := r.s.current; t != nil {
		v = t.change
	}
	noted := false
	note := func() {
		noted = true
		held := r.holder("FinishChange", store.QueuePending, c)
		r.release(c)
		if v == nil {
			return
		}
		r.s.event("   outcome: %s %s %s %s", v, o.Type, brief(o.UID), o.Msg)
		r.s.ledger.finished(v, o)
		if held.change != v && held.change != nil {
			r.s.violate("%s was finished in place of %s", held.change, v)
		}
	}
	end := watched(ctx, &watch{after: func() {
		if !noted && v != nil && len(v.outcomes) == 0 && r.done(v) {
			note()
		}
	}})
	err := r.Store.FinishChange(ctx, c, o)
	end()
	if err == nil && !noted {
		note()
	}
	if err == nil && v != nil {
		r.visible(v.CUID, v.Hash)
	} else if noted {
		r.s.counts["finished, and failed"]++
	}
	return err
}

// done tells whether the store says that a version is.
func (r *recorder) done(v *version) bool {
	stories, versions := r.stories(v.Change), r.s.ledger.byHash[pair(v.CUID, v.Hash)]
	i := slices.Index(versions, v)
	return i >= 0 && len(stories) == len(versions) && !stories[i].Done.IsZero()
}

func (r *recorder) ClaimAcks(ctx context.Context, n int, window time.Duration) ([]store.ClaimedAck, error) {
	list, err := r.Store.ClaimAcks(ctx, n, window)
	for _, a := range list {
		r.claims[string(store.QueueAck)+a.ID] = claimed{ack: a.Claim.Ack}
	}
	return list, err
}

// FinishAcks checks that a result goes only when its device has seen it.
func (r *recorder) FinishAcks(ctx context.Context, acks []store.ClaimedAck) error {
	var before map[string]record.Update
	end := watched(ctx, &watch{
		before: func(string) { before = r.updates(acks) },
		after: func() {
			after := r.updates(acks)
			for id, u := range before {
				if _, left := after[id]; !left && r.s.phone(u.CUID).seen[u.Hash] < u.Timestamp {
					r.s.violate("the result of %s for %s went away before the device saw it (%s, %d)", u.Hash, u.CUID, u.Type, u.Timestamp)
				}
			}
			before = after
		},
	})
	err := r.Store.FinishAcks(ctx, acks)
	end()
	return err
}

func (r *recorder) updates(acks []store.ClaimedAck) map[string]record.Update {
	all := map[string]record.Update{}
	for _, a := range acks {
		list, err := r.ListUpdates(context.Background(), a.Ack.Dataset, a.Ack.CUID, 0)
		if err != nil {
			r.s.violate("list the updates of %s: %v", a.Ack.CUID, err)
		}
		for _, u := range list {
			all[fmt.Sprint(u.CUID, u.Hash, u.Timestamp)] = u
		}
	}
	return all
}
