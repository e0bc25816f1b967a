package golden

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"
)

const (
	// stepLimit bounds how long a step may wait for what it waits for.
	stepLimit = 20 * time.Second
	pollEvery = 25 * time.Millisecond
)

// Target is a running Tandem whose adapters follow the rules of api/http/golden/README.md.
type Target interface {
	// URL is the gateway's address without a path, for example http://127.0.0.1:8001.
	URL() string
	// BodyLimit is the largest request body that the gateway takes, in bytes.
	BodyLimit() int
	// Put, Replace and Remove change the backend of a dataset behind Tandem's back.
	Put(ctx context.Context, dataset, uid string, data json.RawMessage) error
	Replace(ctx context.Context, dataset, uid string, data json.RawMessage) error
	Remove(ctx context.Context, dataset, uid string) error
	// Records returns what the backend of a dataset holds: uid to data.
	Records(ctx context.Context, dataset string) (map[string]json.RawMessage, error)
	// Lists counts how often a sync run has begun to list the backend of a dataset, failed lists included.
	Lists(dataset string) int
	// SetStopped stops or starts a dataset.
	SetStopped(ctx context.Context, dataset string, stopped bool) error
}

// Replay plays a scenario against the target and fails the test at the first step that differs.
func Replay(t testing.TB, scenario Scenario, target Target) {
	t.Helper()
	if err := Run(t.Context(), scenario, target); err != nil {
		t.Fatal(err)
	}
}

// Run plays a scenario against the target and returns the first difference.
func Run(ctx context.Context, scenario Scenario, target Target) error {
	r := &replay{target: target, known: bindings{}}
	for i, step := range scenario.Steps {
		if err := r.step(ctx, step); err != nil {
			return fmt.Errorf("%s (%s)\nstep %d, %s: %w", scenario.Name, scenario.About, i+1, describe(step), err)
		}
	}
	return nil
}

func describe(step Step) string {
	text := step.Do + " " + step.Dataset + step.UID
	if step.Do == "request" {
		text = step.Method + " " + step.Path
	}
	if step.Note != "" {
		text += " (" + step.Note + ")"
	}
	return text
}

// replay is one scenario under way.
type replay struct {
	target Target
	known  bindings
}

func (r *replay) step(ctx context.Context, step Step) error {
	uid := step.UID
	if bound, ok := r.known[uid]; ok {
		uid = bound
	}
	switch step.Do {
	case "request":
		return r.compare(ctx, step, r.ask)
	case "list":
		return r.compare(ctx, step, r.list)
	case "listed":
		return r.listed(ctx, step)
	case "put":
		return r.target.Put(ctx, step.Dataset, uid, step.Data)
	case "replace":
		return r.target.Replace(ctx, step.Dataset, uid, step.Data)
	case "remove":
		return r.target.Remove(ctx, step.Dataset, uid)
	case "stop", "start":
		return r.target.SetStopped(ctx, step.Dataset, step.Do == "stop")
	}
	return fmt.Errorf("unknown kind of step")
}

// answer is what the target gave.
type answer struct {
	status int
	header http.Header
	text   []byte
}

// compare asks until the answer fits the pattern to wait for, and then compares it with the wanted one.
func (r *replay) compare(ctx context.Context, step Step, ask func(context.Context, Step) (answer, error)) error {
	want := step.want()
	var got answer
	err := poll(ctx, func() (bool, error) {
		var err error
		if got, err = ask(ctx, step); err != nil {
			return false, err
		}
		return r.arrived(want, got)
	})
	if err == nil {
		err = r.check(want, got)
	}
	if err == nil {
		return nil
	}
	if step.Tandem != nil {
		err = fmt.Errorf("%w\n  here Tandem differs from the reference server: %s", err, step.Tandem.Why)
	}
	return fmt.Errorf("%w\n  answer: %d %s", err, got.status, got.text)
}

// arrived says whether the answer is the one that the step waits for.
func (r *replay) arrived(want Answer, got answer) (bool, error) {
	if want.Until == nil {
		return true, nil
	}
	pattern, err := decode(want.Until)
	if err != nil {
		return false, fmt.Errorf("until: %w", err)
	}
	value, err := decode(got.text)
	if got.status != http.StatusOK || err != nil {
		return false, nil
	}
	return len(matcher{subset: true}.match("", pattern, value, maps.Clone(r.known))) == 0, nil
}

func (r *replay) check(want Answer, got answer) error {
	if !statusFits(want.Status, got.status) {
		return fmt.Errorf("want status %v", want.Status)
	}
	for name, pattern := range want.Headers {
		if diffs := (matcher{}).match(name, pattern, got.header.Get(name), r.known); len(diffs) > 0 {
			return fmt.Errorf("header %s", diffs[0])
		}
	}
	if want.Contains != nil {
		return checkError(want.Contains, got.text)
	}
	bodies := want.Either
	if want.Body != nil {
		bodies = append(bodies, want.Body)
	}
	if len(bodies) == 0 {
		return nil
	}
	value, err := decode(got.text)
	if err != nil {
		return fmt.Errorf("the body is no JSON: %w", err)
	}
	var report strings.Builder
	for _, body := range bodies {
		pattern, err := decode(body)
		if err != nil {
			return fmt.Errorf("recorded body: %w", err)
		}
		trial := maps.Clone(r.known)
		diffs := matcher{}.match("", pattern, value, trial)
		if len(diffs) == 0 {
			r.known = trial
			return nil
		}
		report.WriteString("\n  " + strings.Join(diffs, "\n  "))
	}
	return fmt.Errorf("the body differs:%s", report.String())
}

// statusFits compares with a number or a class such as "4xx"; a list of records has no status.
func statusFits(want any, got int) bool {
	switch status := want.(type) {
	case float64:
		return int(status) == got
	case string:
		return strings.TrimSuffix(status, "xx") == fmt.Sprint(got/100)
	}
	return true
}

func checkError(phrases []string, body []byte) error {
	value, err := decode(body)
	text, isText := value.(string)
	if err != nil || !isText || text == "" {
		return fmt.Errorf("an error's body is a JSON text")
	}
	for _, phrase := range phrases {
		if !containsFold(text, phrase) {
			return fmt.Errorf("the error does not name %q", phrase)
		}
	}
	return nil
}

// ask sends the step's request.
func (r *replay) ask(ctx context.Context, step Step) (answer, error) {
	text, err := r.body(step)
	if err != nil {
		return answer{}, err
	}
	request, err := http.NewRequestWithContext(ctx, step.Method, r.target.URL()+step.Path, strings.NewReader(text))
	if err != nil {
		return answer{}, err
	}
	if step.Method == http.MethodPost {
		request.Header.Set("Content-Type", "application/json")
	}
	for name, value := range step.Headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, body}, err
}

// body writes a request's body, with masks replaced by what they stand for.
func (r *replay) body(step Step) (string, error) {
	switch {
	case step.OverLimit:
		return `{"fn":"sync","meta_data":"` + strings.Repeat("x", r.target.BodyLimit()) + `"}`, nil
	case step.Raw != nil:
		return *step.Raw, nil
	}
	text := string(step.Body)
	for token, value := range r.known {
		escaped, err := json.Marshal(value)
		if err != nil {
			return "", err
		}
		text = strings.ReplaceAll(text, token, string(escaped[1:len(escaped)-1]))
	}
	return text, nil
}

// list answers with what the backend holds.
func (r *replay) list(ctx context.Context, step Step) (answer, error) {
	records, err := r.target.Records(ctx, step.Dataset)
	if err != nil {
		return answer{}, err
	}
	if records == nil {
		records = map[string]json.RawMessage{}
	}
	text, err := json.Marshal(records)
	return answer{status: http.StatusOK, text: text}, err
}

// listed waits for the wanted number of further lists. As runs of a view never overlap, two of them mean that
// one whole run went by.
func (r *replay) listed(ctx context.Context, step Step) error {
	goal := r.target.Lists(step.Dataset) + step.Times
	return poll(ctx, func() (bool, error) { return r.target.Lists(step.Dataset) >= goal, nil })
}

// poll repeats try until it says yes.
func poll(ctx context.Context, try func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		if done, err := try(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("what the step waits for did not come: %w", ctx.Err())
		case <-ticker.C:
		}
	}
}
