package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-sync/tandem/services/internal/store"
)

// A run under way is its token in the dataset client. Tokens come from one counter
// and never repeat, not even where a dataset client was removed and made again. What
// a run consumed (runDirty) and changed (runWrote) stays noted until a run succeeds,
// so that a run that failed or vanished takes nothing with it.

// BeginRun begins a sync run; see store.Runs. Run.Client is the dataset client as
// it was before.
func (s *Store) BeginRun(ctx context.Context, clientID, jobID string) (store.Run, error) {
	const what = "begin a sync run"
	for range retries {
		d, err := s.readClient(ctx, clientID)
		if err == nil && d == nil {
			err = store.ErrNotFound
		}
		now := s.now()
		if err == nil && number(d, "runToken") != 0 && number(d, "syncLoopEnd") > millis(now) {
			err = store.ErrBusy
		}
		if err != nil {
			return store.Run{}, translate(what, err)
		}
		token, err := s.next(ctx, "run")
		if err != nil {
			return store.Run{}, translate(what, err)
		}
		client, dirty := clientOf(d), number(d, "dirty")
		consumed := flag(d, "runDirty") || dirty != 0
		if dirty < millis(now) {
			// A change finished in this very millisecond counts as finished after the run
			// began (ChangedUIDs), and so must make the next run count as well.
			dirty = 0
		}
		matched, err := s.clients().update(ctx, asRead(d, "runToken", "syncLoopEnd", "dirty", "runDirty"), bson.D{set(
			is("runToken", token), is("runJob", name(jobID)), is("syncLoopStart", millis(now)),
			is("syncLoopEnd", millis(until(now, client.Config.BackendListTimeout))),
			is("runDirty", consumed), is("dirty", dirty), is("wanted", int64(0)))})
		if err == nil && matched {
			err = s.bumpShared(ctx, clientID) // of a run that died
		}
		if err != nil {
			return store.Run{}, translate(what, err)
		}
		if matched {
			return store.Run{Client: client, Token: token}, nil
		}
	}
	return store.Run{}, translate(what, errContended)
}

// current selects the dataset client of a run while that is under way.
func current(run store.Run) bson.D {
	token := run.Token
	if token == 0 {
		token = -1 // no run has it
	}
	return bson.D{is("_id", name(run.Client.ID)), is("runToken", token)}
}

// EndRun ends a sync run; see store.Runs.
func (s *Store) EndRun(ctx context.Context, run store.Run, contentHash string) error {
	const what = "end a sync run"
	for range retries {
		d, err := s.clients().one(ctx, current(run))
		if err == nil && d == nil {
			err = store.ErrStale
		}
		if err != nil {
			return translate(what, err)
		}
		now := s.now()
		fields := []bson.E{is("runToken", int64(0)), is("syncLoopEnd", millis(now)), is("syncScheduled", nil), is("dueAt", millis(now))}
		grows := 0
		if contentHash != "" {
			if text(d, "globalHash") != contentHash || flag(d, "runWrote") || flag(d, "runDirty") {
				grows = 1
			}
			fields = append(fields, is("globalHash", contentHash), is("runWrote", false), is("runDirty", false),
				is("syncCompleted", true), is("completedRunStart", number(d, "syncLoopStart")))
		}
		matched, err := s.clients().update(ctx, asRead(d, "runToken", "globalHash", "runWrote", "runDirty"),
			bson.D{set(fields...), inc(is("revision", grows))})
		if err != nil || matched {
			return translate(what, err)
		}
	}
	return translate(what, errContended)
}

// MarkRunEnded completes the mark of a job delivered twice; see store.Runs.
func (s *Store) MarkRunEnded(ctx context.Context, clientID, jobID string) error {
	const what = "mark a sync run ended"
	now := millis(s.now())
	client := bson.D{is("_id", name(clientID))}
	matched, err := s.clients().update(ctx, append(client, either(bson.D{is("runToken", 0)}, bson.D{is("runJob", name(jobID))})),
		bson.D{set(is("runToken", int64(0)), is("syncLoopEnd", now), is("syncScheduled", nil), is("dueAt", now))})
	if err != nil || matched {
		return translate(what, err)
	}
	d, err := s.clients().one(ctx, client, options.FindOne().SetProjection(only("_id")))
	if err == nil && d == nil {
		err = store.ErrNotFound
	}
	return translate(what, err)
}
