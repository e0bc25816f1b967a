package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-sync/tandem/services/internal/store"
)

func (s *Store) jobs() coll { return s.coll(string(store.QueueSync)) }

// EnqueueJob asks for a sync run; see store.Jobs. A job that waits already serves.
func (s *Store) EnqueueJob(ctx context.Context, clientID string) error {
	d, err := s.clients().one(ctx, bson.D{is("_id", name(clientID))}, options.FindOne().SetProjection(only(jobFields...)))
	if err == nil && d == nil {
		err = store.ErrNotFound
	}
	if err == nil {
		err = s.insertJobs(ctx, []bson.Raw{d})
	}
	return translate("enqueue a job", err)
}

// jobFields of a dataset client go into its jobs, where the reference server looks
// for them.
var jobFields = []string{"id", "datasetId", "queryParams", "metaData"}

// insertJobs queues a job for each dataset client, unless one waits unclaimed: the
// unique index on waiting refuses a second.
func (s *Store) insertJobs(ctx context.Context, clients []bson.Raw) error {
	ids, err := s.messageIDs(ctx, string(store.QueueSync), len(clients))
	if err != nil {
		return err
	}
	now := s.now()
	docs := make([]bson.D, len(clients))
	for i, d := range clients {
		payload := bson.D{is("startTime", millis(now))}
		for _, field := range jobFields {
			if v := d.Lookup(field); !v.IsZero() {
				payload = append(payload, is(field, v))
			}
		}
		docs[i] = bson.D{is("_id", ids[i]), is("visible", visible(now)), is("payload", payload),
			is("waiting", d.Lookup("id")), is("enqueued", millis(now))}
	}
	if err := s.jobs().insertAll(ctx, docs, false); !isDuplicate(err) {
		return err
	}
	return nil
}

// ClaimJobs claims sync runs to do, oldest first.
func (s *Store) ClaimJobs(ctx context.Context, n int, window time.Duration) ([]store.Job, error) {
	docs, err := s.claim(ctx, store.QueueSync, bson.D{absent("deleted")}, n, window)
	if err != nil {
		return nil, translate("claim jobs", err)
	}
	var jobs []store.Job
	for _, d := range docs {
		jobs = append(jobs, store.Job{Claim: claimOf(d), ClientID: text(d, "payload", "id"), Dataset: text(d, "payload", "datasetId"),
			Enqueued: timeOf(number(d, "enqueued"))})
	}
	return jobs, nil
}

// ExtendJob keeps a claim; see store.Jobs.
func (s *Store) ExtendJob(ctx context.Context, claim store.Claim, window time.Duration) (store.Claim, error) {
	return s.extend(ctx, store.QueueSync, claim, window)
}

// FinishJob marks a job done; see store.Jobs.
func (s *Store) FinishJob(ctx context.Context, claim store.Claim) error {
	matched, err := s.jobs().update(ctx, held(claim), bson.D{set(is("deleted", date(s.now())))})
	if err == nil && !matched {
		err = store.ErrStale
	}
	return translate("finish a job", err)
}
