package adaptertest_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/adaptertest"
	"github.com/tandem-sync/tandem/api/adapter/internal/localtest"
	"github.com/tandem-sync/tandem/api/adapter/memadapter"
)

// broken is an adapter with a defect, and the test that must find it.
type broken struct {
	name, foundBy string
	make          func(*memadapter.Adapter) adapter.Adapter
}

var defects = []broken{
	{"CreatesTwice", "Create/Repeated", func(m *memadapter.Adapter) adapter.Adapter { return createsTwice{m} }},
	{"MixesDatasets", "Write/OtherDataset", func(m *memadapter.Adapter) adapter.Adapter { return mixesDatasets{m} }},
	{"WritesBlindly", "Write/CompareAndUpdate", func(m *memadapter.Adapter) adapter.Adapter { return writesBlindly{m} }},
	{"ComparesFirst", "Parallel/Updates", func(m *memadapter.Adapter) adapter.Adapter { return comparesFirst{m} }},
	{"Forgets", "Write/RepeatedUpdate", func(m *memadapter.Adapter) adapter.Adapter { return forgets{m} }},
	{"Decodes", "RoundTrip/LoneSurrogates", func(m *memadapter.Adapter) adapter.Adapter { return decodes{m} }},
	{"DropsEmptyKeys", "RoundTrip/EmptyKeys", func(m *memadapter.Adapter) adapter.Adapter { return dropsEmptyKeys{m} }},
	{"IgnoresQuery", "List/Equality", func(m *memadapter.Adapter) adapter.Adapter { return ignoresQuery{m} }},
	{"ListsSome", "List/Many", func(m *memadapter.Adapter) adapter.Adapter { return listsSome{m} }},
	{"MatchesOperators", "Collisions/HostileHash", func(m *memadapter.Adapter) adapter.Adapter { return matchesOperators{m} }},
	{"NotFoundIsUnknown", "Write/NotFound", func(m *memadapter.Adapter) adapter.Adapter { return notFoundIsUnknown{m} }},
	{"NeverHints", "Optional/Watch", func(m *memadapter.Adapter) adapter.Adapter { return neverHints{m} }},
}

const defectEnv = "ADAPTERTEST_DEFECT"

// TestSuiteFindsDefects runs the test that must find it against each defect, in a
// process of its own, where it has to fail.
func TestSuiteFindsDefects(t *testing.T) {
	for _, d := range defects {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDefective$/^"+strings.ReplaceAll(d.foundBy, "/", "$/^")+"$")
			cmd.Env = append(os.Environ(), defectEnv+"="+d.name)
			out, err := cmd.CombinedOutput()
			if err == nil || !strings.Contains(string(out), "--- FAIL: TestDefective/"+d.foundBy+" ") {
				t.Errorf("%s did not fail (%v):\n%.3000s", d.foundBy, err, out)
			}
		})
	}
}

// TestDefective is the process of TestSuiteFindsDefects.
func TestDefective(t *testing.T) {
	for _, d := range defects {
		if d.name == os.Getenv(defectEnv) {
			client := localtest.Client(t, d.make(memadapter.New()))
			adaptertest.Exercise(t, client, adaptertest.Options{Timeout: 5 * time.Second})
			return
		}
	}
	// Without a defect named it has nothing to do: TestSuiteFindsDefects judges it.
}

// What is skipped does not run, and what an adapter does not claim is not asked of it.
func TestSkipAndClaims(t *testing.T) {
	client := localtest.Client(t, modest{createsTwice{memadapter.New()}})
	adaptertest.Exercise(t, client, adaptertest.Options{Skip: map[string]string{
		"Create/Repeated":            "creates twice",
		"Create/RepeatedAfterUpdate": "creates twice",
		"Create/OddKey":              "creates twice",
		"Parallel/CreatesWithOneKey": "creates twice",
	}})
}

// modest hides all that is optional.
type modest struct{ adapter.Adapter }

type createsTwice struct{ *memadapter.Adapter }

func (a createsTwice) Create(ctx context.Context, req adapter.CreateRequest) (string, error) {
	req.Key = rand.Text()
	return a.Adapter.Create(ctx, req)
}

type mixesDatasets struct{ *memadapter.Adapter }

func (a mixesDatasets) Read(ctx context.Context, req adapter.ReadRequest) (json.RawMessage, error) {
	req.Dataset = "all"
	return a.Adapter.Read(ctx, req)
}

func (a mixesDatasets) Create(ctx context.Context, req adapter.CreateRequest) (string, error) {
	req.Dataset = "all"
	return a.Adapter.Create(ctx, req)
}

type writesBlindly struct{ *memadapter.Adapter }

func (a writesBlindly) Update(ctx context.Context, req adapter.UpdateRequest) error {
	req.Expected = nil
	return a.Adapter.Update(ctx, req)
}

type comparesFirst struct{ *memadapter.Adapter }

func (a comparesFirst) Update(ctx context.Context, req adapter.UpdateRequest) error {
	held, err := a.Read(ctx, adapter.ReadRequest{Dataset: req.Dataset, UID: req.UID})
	if err == nil && req.Expected != nil && string(held) != string(req.Expected) {
		return adapter.ErrConflict
	}
	select { // the gap that a database's round trip makes
	case <-time.After(5 * time.Millisecond):
	case <-ctx.Done():
	}
	req.Expected = nil
	return a.Adapter.Update(ctx, req)
}

type forgets struct{ *memadapter.Adapter }

func (a forgets) Update(ctx context.Context, req adapter.UpdateRequest) error {
	req.Key = rand.Text()
	return a.Adapter.Update(ctx, req)
}

type decodes struct{ *memadapter.Adapter }

func (a decodes) Create(ctx context.Context, req adapter.CreateRequest) (string, error) {
	var v map[string]any
	if err := json.Unmarshal(req.Data, &v); err != nil {
		return "", adapter.Refuse(err.Error())
	}
	req.Data, _ = json.Marshal(v)
	return a.Adapter.Create(ctx, req)
}

type dropsEmptyKeys struct{ *memadapter.Adapter }

func (a dropsEmptyKeys) Create(ctx context.Context, req adapter.CreateRequest) (string, error) {
	req.Data = json.RawMessage(strings.ReplaceAll(string(req.Data), `"":1,`, ""))
	return a.Adapter.Create(ctx, req)
}

type ignoresQuery struct{ *memadapter.Adapter }

func (a ignoresQuery) List(ctx context.Context, req adapter.ListRequest, send func(adapter.Record) error) error {
	req.QueryParams = json.RawMessage("{}")
	return a.Adapter.List(ctx, req, send)
}

type listsSome struct{ *memadapter.Adapter }

func (a listsSome) List(ctx context.Context, req adapter.ListRequest, send func(adapter.Record) error) error {
	enough, n := errors.New("enough"), 0
	err := a.Adapter.List(ctx, req, func(r adapter.Record) error {
		if n++; n > 1000 {
			return enough
		}
		return send(r)
	})
	if errors.Is(err, enough) {
		return nil
	}
	return err
}

type matchesOperators struct{ *memadapter.Adapter }

func (a matchesOperators) RemoveCollision(ctx context.Context, req adapter.RemoveCollisionRequest) (int64, error) {
	if strings.Contains(req.Hash, "$ne") {
		req.Hash = "h1"
	}
	return a.Adapter.RemoveCollision(ctx, req)
}

type notFoundIsUnknown struct{ *memadapter.Adapter }

func (a notFoundIsUnknown) Read(ctx context.Context, req adapter.ReadRequest) (json.RawMessage, error) {
	data, err := a.Adapter.Read(ctx, req)
	if err != nil {
		return nil, errors.New(err.Error())
	}
	return data, nil
}

type neverHints struct{ *memadapter.Adapter }

func (a neverHints) Watch(ctx context.Context, _ adapter.WatchRequest, _ func(adapter.Hint) error) error {
	<-ctx.Done()
	return ctx.Err()
}
