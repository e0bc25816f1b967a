// Package golden replays recorded conversations with the reference server against Tandem.
//
// The scenarios live in api/http/golden, whose README describes their format; hack/record records them. A
// scenario is a list of steps: requests as devices send them, and what happens in the backend meanwhile. Each
// request's answer is compared with the recorded one or, where Tandem differs on purpose, with the answer and
// the reason that stand beside it.
//
// A test starts Tandem with the datasets of the scenarios, wraps it in a Target and calls:
//
//	scenarios, err := golden.Load("../../../api/http/golden")
//	...
//	for _, scenario := range scenarios {
//		t.Run(scenario.Name, func(t *testing.T) {
//			t.Parallel() // scenarios share no dataset
//			golden.Replay(t, scenario, target)
//		})
//	}
//
// A scenario with Server settings needs a Tandem that has them. The package knows nothing of Tandem's insides.
package golden

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Scenario is one conversation.
type Scenario struct {
	// Name is the file's path below the golden directory without its ending, for example "traps/resent-create".
	Name string `json:"-"`
	// About says what the scenario shows.
	About string `json:"about"`
	// Server holds settings that differ from the defaults, by their documented names; for both servers.
	Server map[string]any `json:"server"`
	// RecordServer holds settings that only the recorder uses, to make the reference server's timing certain.
	RecordServer map[string]any `json:"recordServer"`
	// Datasets are the datasets to set up, by id. No other scenario uses them.
	Datasets map[string]Dataset `json:"datasets"`
	// Steps are played in order.
	Steps []Step `json:"steps"`
}

// Dataset is how a dataset is set up.
type Dataset struct {
	// SyncFrequency is the time between two sync runs, in seconds.
	SyncFrequency int `json:"syncFrequency"`
}

// Step is one thing that happens.
type Step struct {
	// Do is the kind: request, put, replace, remove, list, listed, stop or start.
	Do   string `json:"do"`
	Note string `json:"note"`

	// Method to KeepHeaders belong to a request. Body is JSON, Raw a text sent as it is; OverLimit sends a body
	// larger than the server takes. KeepHeaders are the response headers to compare.
	Method      string            `json:"method"`
	Path        string            `json:"path"`
	Headers     map[string]string `json:"headers"`
	Body        json.RawMessage   `json:"body"`
	Raw         *string           `json:"raw"`
	OverLimit   bool              `json:"overLimit"`
	KeepHeaders []string          `json:"keepHeaders"`

	// Until is a pattern: the step is repeated until the answer fits it.
	Until json.RawMessage `json:"until"`
	// Contains, where given, stands for the answer's text: an error that contains every phrase is right.
	Contains []string `json:"contains"`
	// AnyHash, AnyUpdates and Messages tell the recorder what to mask.
	AnyHash    bool     `json:"anyHash"`
	AnyUpdates bool     `json:"anyUpdates"`
	Messages   []string `json:"messages"`

	// Dataset to Times belong to the steps that act on a dataset or its backend.
	Dataset string          `json:"dataset"`
	UID     string          `json:"uid"`
	Data    json.RawMessage `json:"data"`
	Times   int             `json:"times"`

	// Response is what the reference server answered.
	Response *Answer `json:"response"`
	// Tandem is what Tandem answers where it differs on purpose.
	Tandem *Answer `json:"tandem"`
}

// Answer is what a server answers to a step.
type Answer struct {
	// Why is the reason for a difference.
	Why string `json:"why"`
	// Until replaces the step's; null takes it away.
	Until json.RawMessage `json:"until"`
	// Status is a number, or a text such as "4xx".
	Status any `json:"status"`
	// Headers are those named by KeepHeaders.
	Headers map[string]string `json:"headers"`
	// Body is the body, or for a list step the records. Without Body, Either and Contains any body is right.
	Body json.RawMessage `json:"body"`
	// Either lists bodies of which one must match, where timing decides.
	Either []json.RawMessage `json:"either"`
	// Contains are phrases of an error text. Empty, but given, means any text.
	Contains []string `json:"contains"`
	// Crash: the reference server's process came down.
	Crash bool `json:"crash"`
	// Never: what the step waited for did not come.
	Never bool `json:"never"`
}

// Load reads every scenario below dir and checks that it can be replayed.
func Load(dir string) ([]Scenario, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.json"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no scenarios below %s", dir)
	}
	var scenarios []Scenario
	owner := map[string]string{}
	for _, file := range files {
		scenario, err := loadFile(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for id := range scenario.Datasets {
			if other, taken := owner[id]; taken {
				return nil, fmt.Errorf("%s: dataset %s belongs to %s already", file, id, other)
			}
			owner[id] = file
		}
		scenarios = append(scenarios, scenario)
	}
	return scenarios, nil
}

func loadFile(file string) (Scenario, error) {
	var scenario Scenario
	text, err := os.ReadFile(file)
	if err != nil {
		return scenario, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&scenario); err != nil {
		return scenario, err
	}
	section := filepath.Base(filepath.Dir(file))
	scenario.Name = section + "/" + strings.TrimSuffix(filepath.Base(file), ".json")
	for i, step := range scenario.Steps {
		if err := step.check(); err != nil {
			return scenario, fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	return scenario, nil
}

// check finds steps that no server could be compared with.
func (s Step) check() error {
	switch {
	case s.Do != "request" && s.Do != "list":
		return nil
	case s.Response == nil:
		return errors.New("nothing is recorded")
	case (s.Response.Crash || s.Response.Never) && s.Tandem == nil:
		return errors.New("the reference server gives no answer, and the step does not say what Tandem answers")
	case s.Tandem != nil && s.Tandem.Why == "":
		return errors.New("the difference has no reason")
	}
	return nil
}

// want returns what Tandem has to answer.
func (s Step) want() Answer {
	answer := *s.Response
	if s.Tandem != nil {
		answer = *s.Tandem
	} else if s.Contains != nil {
		answer.Contains = s.Contains
	}
	if answer.Until == nil {
		answer.Until = s.Until
	}
	if string(answer.Until) == "null" {
		answer.Until = nil
	}
	return answer
}
