package simulation

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// The recorder's eyes on sync runs, jobs and leases.

func (r *recorder) ClaimJobs(ctx context.Context, n int, window time.Duration) ([]store.Job, error) {
	jobs, err := r.Store.ClaimJobs(ctx, n, window)
	for _, j := range jobs {
		r.claims[string(store.QueueSync)+j.ID] = claimed{ack: j.Ack}
	}
	return jobs, err
}

func (r *recorder) ExtendJob(ctx context.Context, c store.Claim, window time.Duration) (store.Claim, error) {
	extended, err := r.Store.ExtendJob(ctx, c, window)
	if err == nil {
		r.holder("ExtendJob", store.QueueSync, c)
	}
	return extended, err
}

func (r *recorder) FinishJob(ctx context.Context, c store.Claim) error {
	err := r.Store.FinishJob(ctx, c)
	if err == nil {
		r.holder("FinishJob", store.QueueSync, c)
	}
	return err
}

// BeginRun notes a run as soon as it has begun, which shows in the dataset client.
func (r *recorder) BeginRun(ctx context.Context, clientID, jobID string) (store.Run, error) {
	mine, noted := &run{job: jobID, until: r.s.now().Add(syncConfig.BackendListTimeout)}, false
	note := func() {
		noted = true
		if before := r.runs[clientID]; before.underWay() && before.until.After(r.s.now()) {
			r.s.violate("a run of %s began while run %d was under way", clientID, before.token)
		}
		r.runs[clientID] = mine
	}
	var before [2]time.Time
	w := &watch{before: func(string) { before = r.times(clientID) }}
	w.after = func() {
		if !noted && w.commands > 0 && r.times(clientID) != before {
			note()
		}
	}
	end := watched(ctx, w)
	begun, err := r.Store.BeginRun(ctx, clientID, jobID)
	end()
	if err == nil && !noted {
		note()
	}
	mine.token = begun.Token
	return begun, err
}

// times are when the last run of a dataset client began and ended, or will have to.
func (r *recorder) times(clientID string) [2]time.Time {
	c, err := r.s.engine.DatasetClient(context.Background(), clientID)
	if err != nil {
		return [2]time.Time{}
	}
	return [2]time.Time{c.SyncLoopStart, c.SyncLoopEnd}
}

func (of *run) underWay() bool { return of != nil && !of.ended }

func (r *recorder) inRun(op string, of store.Run) {
	if now := r.runs[of.Client.ID]; !now.underWay() || now.token != of.Token {
		r.s.violate("%s got through for run %d of %s, which has ended; the present one is %+v", op, of.Token, of.Client.ID, now)
	}
}

func (r *recorder) WriteRecords(ctx context.Context, of store.Run, upserts []record.Record, removes []string) error {
	late := false
	end := watched(ctx, &watch{before: func(command string) {
		if now := r.runs[of.Client.ID]; strings.HasPrefix(command, "bulk") && (!now.underWay() || now.token != of.Token) {
			late = true
		}
	}})
	err := r.Store.WriteRecords(ctx, of, upserts, removes)
	end()
	if late {
		r.s.counts["late writes"]++
	}
	if err == nil {
		r.inRun("WriteRecords", of)
		for _, u := range upserts {
			r.s.event("   view %s: %s is %s", brief(of.Client.ID), brief(u.UID), u.Data)
		}
		for _, uid := range slices.Sorted(slices.Values(removes)) { // they come in any order
			r.s.event("   view %s: %s left", brief(of.Client.ID), brief(uid))
		}
	}
	return err
}

func (r *recorder) EndRun(ctx context.Context, of store.Run, contentHash string) error {
	err := r.Store.EndRun(ctx, of, contentHash)
	if err == nil {
		r.inRun("EndRun", of)
		r.endRun(of.Client.ID)
	}
	return err
}

func (r *recorder) MarkRunEnded(ctx context.Context, clientID, jobID string) error {
	err := r.Store.MarkRunEnded(ctx, clientID, jobID)
	if now := r.runs[clientID]; err == nil && now != nil && now.job == jobID {
		r.endRun(clientID)
	}
	return err
}

func (r *recorder) endRun(clientID string) {
	if now := r.runs[clientID]; now != nil {
		now.ended = true
	}
}

func (r *recorder) AcquireLease(ctx context.Context, name, holder string, ttl time.Duration) (store.Lease, bool, error) {
	began := r.s.now() // it holds from some moment after that
	l, ok, err := r.Store.AcquireLease(ctx, name, holder, ttl)
	if err == nil && ok {
		if before := r.leases[name]; before.holder != holder && before.expires.After(r.s.now()) {
			r.s.violate("lease %s was taken by %s while another held it", name, holder)
		}
		r.leases[name] = lease{l.Token, began.Add(ttl), holder}
	}
	return l, ok, err
}

func (r *recorder) RenewLease(ctx context.Context, l store.Lease, ttl time.Duration) error {
	began := r.s.now()
	err := r.Store.RenewLease(ctx, l, ttl)
	if err == nil {
		r.leaseholder("RenewLease", l)
		r.leases[l.Name] = lease{l.Token, began.Add(ttl), r.leases[l.Name].holder}
	}
	return err
}

func (r *recorder) ReleaseLease(ctx context.Context, l store.Lease) error {
	err := r.Store.ReleaseLease(ctx, l)
	if err == nil && r.leases[l.Name].token == l.Token {
		r.leases[l.Name] = lease{token: l.Token}
	}
	return err
}

func (r *recorder) ScheduleDue(ctx context.Context, l store.Lease, limit int) (done store.Scheduled, err error) {
	err = r.leased(ctx, "ScheduleDue", l, nil, func() (err error) { done, err = r.Store.ScheduleDue(ctx, l, limit); return err })
	return done, err
}

func (r *recorder) WantSync(ctx context.Context, w store.SyncWish) error {
	err := r.Store.WantSync(ctx, w)
	if err == nil {
		r.s.counts["wishes"]++
		r.s.event("   view %s wants a sync run since a change was applied", brief(w.ClientID))
	}
	return err
}

// RemoveIdle notes that what was removed has no run any more. First of all its run is
// taken from it.
func (r *recorder) RemoveIdle(ctx context.Context, l store.Lease, retention time.Duration, limit int) (n int, err error) {
	gone := func() {
		for id := range r.runs {
			c, err := r.s.engine.DatasetClient(context.Background(), id)
			if errors.Is(err, store.ErrNotFound) || err == nil && c.SyncLoopStart.IsZero() {
				r.endRun(id)
			}
		}
	}
	err = r.leased(ctx, "RemoveIdle", l, gone, func() (err error) { n, err = r.Store.RemoveIdle(ctx, l, retention, limit); return err })
	return n, err
}

// leased makes a call that needs a lease. It has to be held when the first command is
// sent: a call that loses it on the way does no harm.
func (r *recorder) leased(ctx context.Context, op string, l store.Lease, after func(), do func() error) error {
	var now lease
	w := &watch{after: after}
	w.before = func(string) {
		if w.commands <= 1 {
			now = r.leases[l.Name]
		}
	}
	end := watched(ctx, w)
	err := do()
	end()
	if err == nil {
		r.check(op, l, now)
	}
	return err
}

func (r *recorder) leaseholder(op string, l store.Lease) { r.check(op, l, r.leases[l.Name]) }

func (r *recorder) check(op string, l store.Lease, now lease) {
	if now.token != l.Token {
		r.s.violate("%s got through with token %d of lease %s, whose holder has token %d", op, l.Token, l.Name, now.token)
	}
}
