package fleet

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/tandem-sync/tandem/services/test/device"
)

// judged is a test that takes notes of what the judge says.
type judged struct {
	testing.TB
	said []string
}

func (j *judged) Helper()                        {}
func (j *judged) Errorf(format string, a ...any) { j.said = append(j.said, fmt.Sprintf(format, a...)) }

// scene is one device that created a record, changed it and deleted another, and
// all that a server and a backend should hold then.
func scene() (*Fleet, *worker, Evidence) {
	w := &worker{query: `{}`, acked: map[Change]bool{}, results: map[Change]string{}}
	w.Device = device.New(device.Config{CUID: "d0", Dataset: "tasks"})
	e := Evidence{
		Log: []Entry{
			{Change{"d0", "h1", "create", "d0:1"}, "tasks", "h1", "applied", "u1"},
			{Change{"d0", "h2", "create", "d0:2"}, "tasks", "h2", "applied", "u2"},
			{Change{"d0", "h3", "update", "d0:3"}, "tasks", "u1", "applied", "u1"},
			{Change{"d0", "h4", "delete", ""}, "tasks", "u2", "applied", "u2"},
			{Change{"d0", "h5", "update", "d0:4"}, "tasks", "u1", "collisions", "u1"},
		},
		Backend:    map[string]map[string]json.RawMessage{"tasks": {"u1": json.RawMessage(`{"log":["d0:1","d0:3"],"list":"a"}`)}},
		Collisions: map[string]int{"tasks": 1},
	}
	for _, c := range e.Log {
		w.acked[c.Change], w.results[c.Change] = true, c.Outcome
	}
	w.fleet = &Fleet{devices: []*worker{w}}
	return w.fleet, w, e
}

// Each promise that is broken is noticed, by the name that it has.
func TestCheck(t *testing.T) {
	data := func(log string) json.RawMessage { return json.RawMessage(`{"log":[` + log + `],"list":"a"}`) }
	for name, c := range map[string]struct {
		do   func(*worker, *Evidence)
		want string
	}{
		"acknowledged and not taken": {func(_ *worker, e *Evidence) { e.Log = e.Log[:4] }, "acknowledged and is not in the log"},
		"taken twice":                {func(_ *worker, e *Evidence) { e.Log = append(e.Log, e.Log[0]) }, "was worked on 2 times"},
		"no result":                  {func(_ *worker, e *Evidence) { e.Log[2].Outcome = "" }, "has no outcome"},
		"another result":             {func(w *worker, e *Evidence) { w.results[e.Log[2].Change] = "failed" }, "was told failed of"},
		"two results":                {func(w *worker, e *Evidence) { w.resolved(pending(e.Log[2]), device.Update{Type: "failed"}) }, "was told two things"},
		"lost":                       {func(_ *worker, e *Evidence) { e.Backend["tasks"]["u1"] = data(`"d0:1"`) }, "was applied and is lost"},
		"a record lost":              {func(_ *worker, e *Evidence) { delete(e.Backend["tasks"], "u1") }, "its record is gone"},
		"applied twice":              {func(_ *worker, e *Evidence) { e.Backend["tasks"]["u1"] = data(`"d0:1","d0:3","d0:3"`) }, "d0:3 comes after d0:3"},
		"out of order":               {func(_ *worker, e *Evidence) { e.Backend["tasks"]["u1"] = data(`"d0:3","d0:1"`) }, "d0:1 comes after d0:3"},
		"created twice":              {func(_ *worker, e *Evidence) { e.Backend["tasks"]["u3"] = data(`"d0:1"`) }, "made two records"},
		"a delete lost":              {func(_ *worker, e *Evidence) { e.Backend["tasks"]["u2"] = data(`"d0:2"`) }, "was deleted, as its device was told"},
		"applied and called a collision": {
			func(_ *worker, e *Evidence) { e.Backend["tasks"]["u1"] = data(`"d0:1","d0:3","d0:4"`) }, "is reported as collisions and is in the backend"},
		"created and called failed": {func(_ *worker, e *Evidence) {
			e.Log = append(e.Log, Entry{Change{"d0", "h6", "create", "d0:5"}, "tasks", "h6", "failed", "h6"})
			e.Backend["tasks"]["u4"] = data(`"d0:5"`)
		}, "is reported as failed and is in the backend"},
		"a collision lost":       {func(_ *worker, e *Evidence) { e.Collisions["tasks"] = 0 }, "0 collisions are kept, 1 were reported"},
		"a device that lacks it": {func(*worker, *Evidence) {}, "should be"},
	} {
		t.Run(name, func(t *testing.T) {
			f, w, e := scene()
			c.do(w, &e)
			j := &judged{TB: t}
			f.Check(j, e)
			if !strings.Contains(strings.Join(j.said, "\n"), c.want) {
				t.Errorf("the judge says %q, want %q", j.said, c.want)
			}
		})
	}
}

func pending(e Entry) device.Pending {
	return device.Pending{Hash: e.Hash, Action: e.Action, Post: json.RawMessage(`{"log":["` + e.Token + `"]}`)}
}

// What is as it should be is no complaint.
func TestCheckWhole(t *testing.T) {
	f, w, e := scene()
	w.query = `{"list":"b"}` // in which there is nothing
	j := &judged{TB: t}
	if figures := f.Check(j, e); len(j.said) > 0 || figures == "" {
		t.Errorf("the judge says %q", j.said)
	}
}
