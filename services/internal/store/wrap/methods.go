package wrap

import (
	"context"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// The methods of the port, each through the guard. Those whose results do not
// fit one of the two helpers are in around.go.

func (s around) EnqueueChanges(ctx context.Context, changes []record.Change) (store.EnqueueResult, error) {
	return value(ctx, s, "EnqueueChanges", func(ctx context.Context) (store.EnqueueResult, error) { return s.Store.EnqueueChanges(ctx, changes) })
}

func (s around) ClaimChanges(ctx context.Context, n int, window time.Duration) ([]store.ClaimedChange, error) {
	return value(ctx, s, "ClaimChanges", func(ctx context.Context) ([]store.ClaimedChange, error) { return s.Store.ClaimChanges(ctx, n, window) })
}

func (s around) ExtendChange(ctx context.Context, claim store.Claim, window time.Duration) (store.Claim, error) {
	return value(ctx, s, "ExtendChange", func(ctx context.Context) (store.Claim, error) { return s.Store.ExtendChange(ctx, claim, window) })
}

func (s around) RetryChange(ctx context.Context, claim store.Claim, delay time.Duration, free bool) error {
	return s.guard(ctx, "RetryChange", func(ctx context.Context) error { return s.Store.RetryChange(ctx, claim, delay, free) })
}

func (s around) FinishChange(ctx context.Context, claim store.Claim, outcome store.Outcome) error {
	return s.guard(ctx, "FinishChange", func(ctx context.Context) error { return s.Store.FinishChange(ctx, claim, outcome) })
}

func (s around) ChangedUIDs(ctx context.Context, dataset, cuid string, since time.Time) ([]string, error) {
	return value(ctx, s, "ChangedUIDs", func(ctx context.Context) ([]string, error) { return s.Store.ChangedUIDs(ctx, dataset, cuid, since) })
}

func (s around) EnqueueAcks(ctx context.Context, acks []record.Ack) error {
	return s.guard(ctx, "EnqueueAcks", func(ctx context.Context) error { return s.Store.EnqueueAcks(ctx, acks) })
}

func (s around) ClaimAcks(ctx context.Context, n int, window time.Duration) ([]store.ClaimedAck, error) {
	return value(ctx, s, "ClaimAcks", func(ctx context.Context) ([]store.ClaimedAck, error) { return s.Store.ClaimAcks(ctx, n, window) })
}

func (s around) FinishAcks(ctx context.Context, acks []store.ClaimedAck) error {
	return s.guard(ctx, "FinishAcks", func(ctx context.Context) error { return s.Store.FinishAcks(ctx, acks) })
}

func (s around) ListUpdates(ctx context.Context, dataset, cuid string, limit int) ([]record.Update, error) {
	return value(ctx, s, "ListUpdates", func(ctx context.Context) ([]record.Update, error) {
		return s.Store.ListUpdates(ctx, dataset, cuid, limit)
	})
}

func (s around) EnqueueJob(ctx context.Context, clientID string) error {
	return s.guard(ctx, "EnqueueJob", func(ctx context.Context) error { return s.Store.EnqueueJob(ctx, clientID) })
}

func (s around) ClaimJobs(ctx context.Context, n int, window time.Duration) ([]store.Job, error) {
	return value(ctx, s, "ClaimJobs", func(ctx context.Context) ([]store.Job, error) { return s.Store.ClaimJobs(ctx, n, window) })
}

func (s around) ExtendJob(ctx context.Context, claim store.Claim, window time.Duration) (store.Claim, error) {
	return value(ctx, s, "ExtendJob", func(ctx context.Context) (store.Claim, error) { return s.Store.ExtendJob(ctx, claim, window) })
}

func (s around) FinishJob(ctx context.Context, claim store.Claim) error {
	return s.guard(ctx, "FinishJob", func(ctx context.Context) error { return s.Store.FinishJob(ctx, claim) })
}

func (s around) DatasetClient(ctx context.Context, id string) (record.DatasetClient, error) {
	return value(ctx, s, "DatasetClient", func(ctx context.Context) (record.DatasetClient, error) { return s.Store.DatasetClient(ctx, id) })
}

func (s around) ListDatasetClients(ctx context.Context, dataset string) ([]record.DatasetClient, error) {
	return value(ctx, s, "ListDatasetClients", func(ctx context.Context) ([]record.DatasetClient, error) {
		return s.Store.ListDatasetClients(ctx, dataset)
	})
}

func (s around) TouchDatasetClients(ctx context.Context, touches []store.Touch) error {
	return s.guard(ctx, "TouchDatasetClients", func(ctx context.Context) error { return s.Store.TouchDatasetClients(ctx, touches) })
}

func (s around) SetStopped(ctx context.Context, dataset string, stopped bool) (int64, error) {
	return value(ctx, s, "SetStopped", func(ctx context.Context) (int64, error) { return s.Store.SetStopped(ctx, dataset, stopped) })
}

func (s around) ScheduleDue(ctx context.Context, lease store.Lease, limit int) (store.Scheduled, error) {
	return value(ctx, s, "ScheduleDue", func(ctx context.Context) (store.Scheduled, error) { return s.Store.ScheduleDue(ctx, lease, limit) })
}

func (s around) WantSync(ctx context.Context, wish store.SyncWish) error {
	return s.guard(ctx, "WantSync", func(ctx context.Context) error { return s.Store.WantSync(ctx, wish) })
}

func (s around) FindChanges(ctx context.Context, q store.ChangeQuery) ([]store.ChangeStory, error) {
	return value(ctx, s, "FindChanges", func(ctx context.Context) ([]store.ChangeStory, error) { return s.Store.FindChanges(ctx, q) })
}

func (s around) RemoveIdle(ctx context.Context, lease store.Lease, retention time.Duration, limit int) (int, error) {
	return value(ctx, s, "RemoveIdle", func(ctx context.Context) (int, error) { return s.Store.RemoveIdle(ctx, lease, retention, limit) })
}

func (s around) BeginRun(ctx context.Context, clientID, jobID string) (store.Run, error) {
	return value(ctx, s, "BeginRun", func(ctx context.Context) (store.Run, error) { return s.Store.BeginRun(ctx, clientID, jobID) })
}

func (s around) WriteRecords(ctx context.Context, run store.Run, upserts []record.Record, removes []string) error {
	return s.guard(ctx, "WriteRecords", func(ctx context.Context) error { return s.Store.WriteRecords(ctx, run, upserts, removes) })
}

func (s around) EndRun(ctx context.Context, run store.Run, contentHash string) error {
	return s.guard(ctx, "EndRun", func(ctx context.Context) error { return s.Store.EndRun(ctx, run, contentHash) })
}

func (s around) MarkRunEnded(ctx context.Context, clientID, jobID string) error {
	return s.guard(ctx, "MarkRunEnded", func(ctx context.Context) error { return s.Store.MarkRunEnded(ctx, clientID, jobID) })
}

func (s around) ReadRecords(ctx context.Context, dataset string, uids []string) ([]record.Record, error) {
	return value(ctx, s, "ReadRecords", func(ctx context.Context) ([]record.Record, error) { return s.Store.ReadRecords(ctx, dataset, uids) })
}

func (s around) RenewLease(ctx context.Context, lease store.Lease, ttl time.Duration) error {
	return s.guard(ctx, "RenewLease", func(ctx context.Context) error { return s.Store.RenewLease(ctx, lease, ttl) })
}

func (s around) ReleaseLease(ctx context.Context, lease store.Lease) error {
	return s.guard(ctx, "ReleaseLease", func(ctx context.Context) error { return s.Store.ReleaseLease(ctx, lease) })
}

func (s around) Queues(ctx context.Context) (map[store.Queue]int64, error) {
	return value(ctx, s, "Queues", func(ctx context.Context) (map[store.Queue]int64, error) { return s.Store.Queues(ctx) })
}

func (s around) Purge(ctx context.Context) error {
	return s.guard(ctx, "Purge", func(ctx context.Context) error { return s.Store.Purge(ctx) })
}

func (s around) Ping(ctx context.Context) error {
	return s.guard(ctx, "Ping", func(ctx context.Context) error { return s.Store.Ping(ctx) })
}
