package simulation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// Each test here breaks one thing that Tandem promises, in a decorator, and wants
// the simulation to notice it within a few seeds and to name it.

// mutantSeeds is within how many seeds a mutant must be noticed.
const mutantSeeds = 400

func notices(t *testing.T, broken func() breakage, want string) {
	t.Helper()
	t.Parallel()
	noticesOn(t, onSQLite(), broken, want)
}

func noticesOn(t *testing.T, on engine, broken func() breakage, want string) {
	t.Helper()
	most := uint64(mutantSeeds)
	if on.stepwise {
		most /= 10 // each takes longer
	}
	for seed := uint64(1); seed <= most; seed++ {
		for _, v := range simulate(on, seed, broken()).violations {
			if strings.Contains(v, want) {
				t.Logf("noticed at seed %d: %s", seed, v)
				return
			}
		}
	}
	t.Errorf("%d seeds, and nothing says %q", most, want)
}

// unfenced is a store that takes the outcome of a worker whose claim has passed to another.
type unfenced struct {
	store.Store
	newest map[string]store.Claim
}

func (u unfenced) ClaimChanges(ctx context.Context, n int, window time.Duration) ([]store.ClaimedChange, error) {
	list, err := u.Store.ClaimChanges(ctx, n, window)
	for _, c := range list {
		u.newest[c.ID] = c.Claim
	}
	return list, err
}

func (u unfenced) FinishChange(ctx context.Context, c store.Claim, o store.Outcome) error {
	return u.Store.FinishChange(ctx, u.newest[c.ID], o)
}

func TestSimulationNoticesMissingFence(t *testing.T) {
	notices(t, func() breakage {
		return breakage{store: func(s store.Store) store.Store { return unfenced{s, map[string]store.Claim{}} }}
	}, "got through with claim")
}

// forgetful is an adapter that does not remember what it has done.
type forgetful struct {
	adapter.Adapter
	calls *int
}

func (f forgetful) key(key string) string {
	*f.calls++
	return fmt.Sprintf("%s %d", key, *f.calls)
}

func (f forgetful) Create(ctx context.Context, req adapter.CreateRequest) (string, error) {
	req.Key = f.key(req.Key)
	return f.Adapter.Create(ctx, req)
}

func TestSimulationNoticesForgottenKeys(t *testing.T) {
	notices(t, func() breakage {
		return breakage{adapter: func(a adapter.Adapter) adapter.Adapter { return forgetful{a, new(int)} }}
	}, "took effect twice")
}

// blind is an adapter that writes without comparing.
type blind struct{ adapter.Adapter }

func (b blind) Update(ctx context.Context, req adapter.UpdateRequest) error {
	req.Expected = nil
	return b.Adapter.Update(ctx, req)
}

func TestSimulationNoticesLostUpdates(t *testing.T) {
	notices(t, func() breakage {
		return breakage{
			adapter: func(a adapter.Adapter) adapter.Adapter { return blind{a} },
			tune:    func(w *workload) { w.meddling, w.weights[actForeign] = 0.7, usual[actForeign] },
		}
	}, "which its device had not seen")
}

// TestSimulationNoticesAcksWithoutTime: acknowledgements remove whatever result there is.
func TestSimulationNoticesAcksWithoutTime(t *testing.T) {
	timestamp := regexp.MustCompile(`"timestamp":\d+`)
	forget := func(body []byte) []byte {
		var req map[string]json.RawMessage
		if err := json.Unmarshal(body, &req); err != nil {
			return body
		}
		req["acknowledgements"] = timestamp.ReplaceAll(req["acknowledgements"], []byte(`"timestamp":4102444800000`))
		body, _ = json.Marshal(req)
		return body
	}
	notices(t, func() breakage { return breakage{request: forget} }, "went away before the device saw it")
}

// careless is a store that says yes and stores nothing, now and then.
type careless struct {
	store.Store
	calls *int
}

func (c careless) EnqueueChanges(ctx context.Context, changes []record.Change) (store.EnqueueResult, error) {
	if *c.calls++; *c.calls%10 == 0 {
		return store.EnqueueResult{Queued: len(changes)}, nil
	}
	return c.Store.EnqueueChanges(ctx, changes)
}

func TestSimulationNoticesLostChanges(t *testing.T) {
	notices(t, func() breakage {
		return breakage{store: func(s store.Store) store.Store { return careless{s, new(int)} }}
	}, "has no outcome")
}

// unordered is a store that takes the changes to one record for changes to many.
type unordered struct {
	store.Store
	calls *int
}

func (u unordered) EnqueueChanges(ctx context.Context, changes []record.Change) (store.EnqueueResult, error) {
	renamed := slices.Clone(changes)
	for i := range renamed {
		if renamed[i].Action != record.ActionCreate {
			*u.calls++
			renamed[i].UID += fmt.Sprintf("#%d", *u.calls)
		}
	}
	return u.Store.EnqueueChanges(ctx, renamed)
}

func (u unordered) ClaimChanges(ctx context.Context, n int, window time.Duration) ([]store.ClaimedChange, error) {
	list, err := u.Store.ClaimChanges(ctx, n, window)
	for i := range list {
		list[i].Change.UID, _, _ = strings.Cut(list[i].Change.UID, "#")
		list[i].RecordUID, _, _ = strings.Cut(list[i].RecordUID, "#")
	}
	return list, err
}

func TestSimulationNoticesWrongOrder(t *testing.T) {
	notices(t, func() breakage {
		return breakage{
			store: func(s store.Store) store.Store { return unordered{s, new(int)} },
			tune:  func(w *workload) { w.weights[actEdit], w.weights[actChange] = 2*usual[actEdit], 2*usual[actChange] },
		}
	}, "of the same record is in work")
}

// endless is a store that lets the sync run of a worker which was replaced write on.
type endless struct {
	store.Store
	newest map[string]store.Run
}

func (e endless) BeginRun(ctx context.Context, clientID, jobID string) (store.Run, error) {
	run, err := e.Store.BeginRun(ctx, clientID, jobID)
	if err == nil {
		e.newest[clientID] = run
	}
	return run, err
}

func (e endless) WriteRecords(ctx context.Context, run store.Run, upserts []record.Record, removes []string) error {
	err := e.Store.WriteRecords(ctx, run, upserts, removes)
	if errors.Is(err, store.ErrStale) {
		err = e.Store.WriteRecords(ctx, e.newest[run.Client.ID], upserts, removes)
	}
	return err
}

func (e endless) EndRun(ctx context.Context, run store.Run, contentHash string) error {
	err := e.Store.EndRun(ctx, run, contentHash)
	if errors.Is(err, store.ErrStale) {
		err = e.Store.EndRun(ctx, e.newest[run.Client.ID], contentHash)
	}
	return err
}

func TestSimulationNoticesStaleRuns(t *testing.T) {
	notices(t, func() breakage {
		return breakage{
			store: func(s store.Store) store.Store { return endless{s, map[string]store.Run{}} },
			tune: func(w *workload) {
				w.meddling, w.weights[actPause], w.weights[actJump] = 0.7, usual[actPause], 3*usual[actJump]
				w.weights[actJob], w.weights[actSchedule] = 2*usual[actJob], 2*usual[actSchedule]
			},
		}
	}, "got through for run")
}

// TestSimulationNoticesCoarseHash: the global hash covers the records alone, so that what
// a device changed in vain stays on it.
func TestSimulationNoticesCoarseHash(t *testing.T) {
	revision := regexp.MustCompile(`("hash":"[0-9a-f]{64})_\d+"`)
	coarse := func(_, resp []byte) []byte { return revision.ReplaceAll(resp, []byte(`$1"`)) }
	notices(t, func() breakage { return breakage{answer: coarse} }, "no rest after")
}
