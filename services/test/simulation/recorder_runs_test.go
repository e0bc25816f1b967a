package simulation

import (
	"context"
	"errors"
	"slices"
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

func (r *recorder) BeginRun(ctx context.Context, clientID, jobID string) (store.Run, error) {
	begun, err := r.Store.BeginRun(ctx, clientID, jobID)
	if err != nil {
		return begun, err
	}
	if before, ok := r.runs[clientID]; ok && !before.ended && before.until.After(r.s.now()) {
		r.s.violate("run %d of %s began while run %d was under way", begun.Token, clientID, before.token)
	}
	r.runs[clientID] = run{token: begun.Token, job: jobID, until: r.s.now().Add(begun.Client.Config.BackendListTimeout)}
	return begun, nil
}

func (r *recorder) inRun(op string, of store.Run) {
	if now := r.runs[of.Client.ID]; now.token != of.Token || now.ended {
		r.s.violate("%s got through for run %d of %s, which has ended; the present one is %d", op, of.Token, of.Client.ID, now.token)
	}
}

func (r *recorder) WriteRecords(ctx context.Context, of store.Run, upserts []record.Record, removes []string) error {
	err := r.Store.WriteRecords(ctx, of, upserts, removes)
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
	if err == nil && r.runs[clientID].job == jobID {
		r.endRun(clientID)
	}
	return err
}

func (r *recorder) endRun(clientID string) {
	now := r.runs[clientID]
	now.ended = true
	r.runs[clientID] = now
}

func (r *recorder) AcquireLease(ctx context.Context, name, holder string, ttl time.Duration) (store.Lease, bool, error) {
	l, ok, err := r.Store.AcquireLease(ctx, name, holder, ttl)
	if err == nil && ok {
		if before := r.leases[name]; before.holder != holder && before.expires.After(r.s.now()) {
			r.s.violate("lease %s was taken by %s while another held it", name, holder)
		}
		r.leases[name] = lease{l.Token, r.s.now().Add(ttl), holder}
	}
	return l, ok, err
}

func (r *recorder) RenewLease(ctx context.Context, l store.Lease, ttl time.Duration) error {
	err := r.Store.RenewLease(ctx, l, ttl)
	if err == nil {
		r.leaseholder("RenewLease", l)
		r.leases[l.Name] = lease{l.Token, r.s.now().Add(ttl), r.leases[l.Name].holder}
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

func (r *recorder) ScheduleDue(ctx context.Context, l store.Lease, limit int) (store.Scheduled, error) {
	done, err := r.Store.ScheduleDue(ctx, l, limit)
	if err == nil {
		r.leaseholder("ScheduleDue", l)
	}
	return done, err
}

func (r *recorder) RemoveIdle(ctx context.Context, l store.Lease, retention time.Duration, limit int) (int, error) {
	n, err := r.Store.RemoveIdle(ctx, l, retention, limit)
	if err == nil {
		r.leaseholder("RemoveIdle", l)
	}
	for id := range r.runs { // what was removed has no run any more
		if _, err := r.DatasetClient(context.Background(), id); errors.Is(err, store.ErrNotFound) {
			delete(r.runs, id)
		}
	}
	return n, err
}

func (r *recorder) leaseholder(op string, l store.Lease) {
	if now := r.leases[l.Name]; now.token != l.Token {
		r.s.violate("%s got through with token %d of lease %s, whose holder has token %d", op, l.Token, l.Name, now.token)
	}
}
