package golden

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const goldenDir = "../../../api/http/golden"

// TestRecordings holds what the issue of the recordings promises: enough of them, each one usable.
func TestRecordings(t *testing.T) {
	scenarios, err := Load(goldenDir)
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]int{}
	for _, scenario := range scenarios {
		section, _, _ := strings.Cut(scenario.Name, "/")
		sections[section]++
		if scenario.About == "" {
			t.Errorf("%s does not say what it shows", scenario.Name)
		}
	}
	for _, section := range []string{"http", "sync", "syncrecords", "collisions", "hashes", "changes", "traps", "guard"} {
		if sections[section] == 0 {
			t.Errorf("no scenario in %s", section)
		}
	}
	if len(scenarios) < 40 {
		t.Errorf("%d scenarios, want at least 40", len(scenarios))
	}
}

// TestReplayAcceptsWhatIsWanted plays every scenario against a server that answers what the scenario asks of
// Tandem: no scenario contradicts itself.
func TestReplayAcceptsWhatIsWanted(t *testing.T) {
	scenarios, err := Load(goldenDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, scenario := range scenarios {
		t.Run(scenario.Name, func(t *testing.T) {
			Replay(t, scenario, newScripted(t, scenario.Steps, nil))
		})
	}
}

// TestReplayRefuses changes one thing in what the server answers.
func TestReplayRefuses(t *testing.T) {
	tests := []struct {
		name, scenario string
		step           int // counted from 1
		spoil          func(*answer)
		want           string
	}{
		{"a status", "sync/new-view", 2, func(a *answer) { a.status = 500 }, "want status 200"},
		{"a status of a class", "http/missing-fn", 1, func(a *answer) { a.status = 500 }, "want status 4xx"},
		{"a key more", "sync/new-view", 2, replace(`{`, `{"extra":1,`), "/extra: want nothing"},
		{"a hash that changes without a reason", "sync/new-view", 5, replace("globalHash-A1", "other"), "<globalHash:A1> is"},
		{"a hash that differs between two requests of one view", "sync/views", 4, replace("globalHash-A1", "other"), "<globalHash:A1> is"},
		{"a record's data", "syncrecords/delta", 5, replace(`"litres":1`, `"litres":2`), "/create/milk/data/litres: want 1, got 2"},
		{"a record's hash", "hashes/numbers", 13, replace(`"hash":"`, `"hash":"0`), "/hash: want"},
		{"an error without its cause", "sync/stopped", 4, replace("stopped for", "broken for"), "does not name"},
		{"an error that is no text", "sync/stopped", 4, func(a *answer) { a.text = []byte(`{"error":"stopped"}`) }, "JSON text"},
		{"a failed update's message", "changes/create-failed", 2, replace("the shelf is full", "crashed"), "the shelf is full"},
		{"a record too many in the backend", "traps/resent-create", 7, replace(`{`, `{"again":{},`), "/again: want nothing"},
		{"a reason in the report", "traps/resent-create", 7, replace(`{`, `{"again":{},`), "Created once."},
	}
	scenarios, err := Load(goldenDir)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]Scenario{}
	for _, scenario := range scenarios {
		byName[scenario.Name] = scenario
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			scenario := byName[test.scenario]
			target := newScripted(t, scenario.Steps, map[int]func(*answer){test.step: test.spoil})
			err := Run(t.Context(), scenario, target)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), fmt.Sprintf("step %d,", test.step)) {
				t.Errorf("want step %d to differ with %q, got %v", test.step, test.want, err)
			}
		})
	}
}

func TestLoadRefuses(t *testing.T) {
	request := `{"do":"request","method":"GET","path":"/"`
	tests := []struct{ name, text, want string }{
		{"nothing recorded", `{"steps":[` + request + `}]}`, "nothing is recorded"},
		{"a crash alone", `{"steps":[` + request + `,"response":{"crash":true}}]}`, "does not say what Tandem answers"},
		{"no reason", `{"steps":[` + request + `,"response":{"status":200},"tandem":{"status":400}}]}`, "no reason"},
		{"a misspelt key", `{"stepz":[]}`, "stepz"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "section"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "section", "a.json"), []byte(test.text), 0o644); err != nil {
				t.Fatal(err)
			}
			if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("want an error with %q, got %v", test.want, err)
			}
		})
	}
}

func replace(from, to string) func(*answer) {
	return func(a *answer) { a.text = []byte(strings.Replace(string(a.text), from, to, 1)) }
}

// scripted is a Target that answers each step with what the step wants, spoilt where a test asks for it.
type scripted struct {
	*httptest.Server
	answers []answer
	next    int
	lists   int
}

func newScripted(t *testing.T, steps []Step, spoil map[int]func(*answer)) *scripted {
	s := &scripted{}
	for i, step := range steps {
		if step.Response == nil {
			continue
		}
		got := wanted(step.want())
		if change := spoil[i+1]; change != nil {
			change(&got)
		}
		s.answers = append(s.answers, got)
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		got := s.take()
		maps.Copy(w.Header(), got.header)
		w.WriteHeader(got.status)
		_, _ = w.Write(got.text)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *scripted) take() answer {
	got := s.answers[min(s.next, len(s.answers)-1)]
	s.next++
	return got
}

// masked finds the values of a pattern that stand for others.
var masked = regexp.MustCompile(`"<(uid|collision|globalHash|contains|any|maybe|time|text):?([^<>"]*)>"`)

// wanted writes an answer that fits.
func wanted(want Answer) answer {
	got := answer{status: http.StatusOK, header: http.Header{}, text: []byte(`{}`)}
	switch status := want.Status.(type) {
	case float64:
		got.status = int(status)
	case string:
		got.status = int(status[0]-'0')*100 + 4
	}
	for name, value := range want.Headers {
		got.header.Set(name, strings.TrimSuffix(strings.TrimPrefix(value, "<contains:"), ">"))
	}
	body := want.Body
	if want.Either != nil {
		body = want.Either[0]
	}
	switch {
	case want.Contains != nil:
		got.text = []byte(show("Error: " + strings.Join(want.Contains, ", ")))
	case body != nil:
		got.text = masked.ReplaceAllFunc([]byte(compact(body)), func(found []byte) []byte {
			parts := masked.FindSubmatch(found)
			switch string(parts[1]) {
			case "uid", "collision", "globalHash":
				return []byte(show(string(parts[1]) + "-" + string(parts[2])))
			case "time":
				return []byte("1495123790928")
			case "any":
				return []byte(`{}`)
			}
			return []byte(show("text " + string(parts[2])))
		})
	}
	return got
}

// compact takes the layout out of a recorded body, in which no text holds a line break.
func compact(raw json.RawMessage) string {
	var out strings.Builder
	for line := range strings.Lines(string(raw)) {
		out.WriteString(strings.TrimSpace(line))
	}
	return strings.ReplaceAll(out.String(), `": `, `":`)
}

func (s *scripted) URL() string    { return s.Server.URL }
func (s *scripted) BodyLimit() int { return 10 }

func (s *scripted) Put(context.Context, string, string, json.RawMessage) error     { return nil }
func (s *scripted) Replace(context.Context, string, string, json.RawMessage) error { return nil }
func (s *scripted) Remove(context.Context, string, string) error                   { return nil }
func (s *scripted) SetStopped(context.Context, string, bool) error                 { return nil }

func (s *scripted) Records(context.Context, string) (map[string]json.RawMessage, error) {
	var records map[string]json.RawMessage
	err := json.Unmarshal(s.take().text, &records)
	return records, err
}

// Lists counts up at each look, so that a step that waits for lists goes on.
func (s *scripted) Lists(string) int {
	s.lists++
	return s.lists
}
