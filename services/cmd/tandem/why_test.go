package main

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// why asks a server about changes.
func (s *server) why(args ...string) (out, errs string, code int) {
	s.Helper()
	return run(s.T, append([]string{"admin", "why", "--data", s.data}, args...)...)
}

// tells waits until the story says all of this.
func (s *server) tells(args []string, wants ...string) {
	s.Helper()
	var last string
	s.Cleanup(func() {
		if s.Failed() {
			s.Logf("last answer to why %v:\n%s", args, last)
		}
	})
	eventually(s.T, strings.Join(args, " ")+" says: "+strings.Join(wants, "; "), func() bool {
		out, errs, code := s.why(args...)
		last = out + errs
		if code != 0 {
			return false
		}
		for _, want := range wants {
			if !strings.Contains(out, want) {
				return false
			}
		}
		return true
	})
}

// The questions of docs/09-my-change-is-missing.md, asked of a real server.
func TestWhy(t *testing.T) {
	data := filepath.Join(folder(t), "data")
	off := start(t, data, "--pending-worker-concurrency", "0")
	sync := func(s *server, cuid, pending string) {
		t.Helper()
		s.ask("tasks", `{"fn":"sync","query_params":{"done":false},"__fh":{"cuid":"`+cuid+`"},"pending":[`+pending+`]}`)
	}
	_, errs, code := off.why("--hash", "c1")
	if code != 1 || !strings.Contains(errs, "no change is known with hash c1\n- It may never have arrived") {
		t.Errorf("before it arrived: %d %s", code, errs)
	}
	sync(off, "phone", `{"action":"create","hash":"c1","uid":"c1","post":{"item":"milk","done":false}},
		{"action":"update","hash":"u1","uid":"c1","pre":{"item":"milk","done":false},"post":{"item":"milk","done":true}}`)
	off.tells([]string{"--hash", "c1"}, "create c1 of dataset tasks, from device phone\n", "It waits for a pending-worker to take it", "2 changes in the queue")
	off.tells([]string{"--hash", "u1"}, "It waits behind change c1", "tandem admin why --dataset tasks --hash c1")
	off.stop()

	s := start(t, data)
	s.tells([]string{"--hash", "c1", "--cuid", "phone"}, "It was applied", "the device called it c1", "The device has not acknowledged the result")
	s.tells([]string{"--hash", "u1"}, "It was applied")
	if out, errs, code := run(t, "admin", "sync", "tasks", "--data", data); code != 0 {
		t.Fatalf("admin sync: %d %s%s", code, out, errs)
	}
	// What the phone ticked off is not in the view of what is open.
	s.tells([]string{"--hash", "u1"}, "No view has the record", `the query {"done":false}`)

	eventually(t, "the phone gets and acknowledges its results", func() bool {
		return strings.Contains(s.ask("tasks", `{"fn":"sync","query_params":{"done":false},"__fh":{"cuid":"phone"}}`), `"u1"`)
	})
	s.ask("tasks", `{"fn":"sync","query_params":{"done":false},"__fh":{"cuid":"phone"},"acknowledgements":[{"hash":"c1"},{"hash":"u1"}]}`)
	s.tells([]string{"--hash", "c1"}, "acknowledged by the device", "The device knows it.")

	sync(s, "tablet", `{"action":"create","hash":"c2","uid":"c2","post":{"item":"bread","done":false}}`)
	s.tells([]string{"--uid", "c2"}, "It was applied")
	real := regexp.MustCompile(`record +(\S+); the device called it c2`).FindStringSubmatch(mustSay(s, "--uid", "c2"))
	if real == nil {
		t.Fatal("the story of c2 does not name its record")
	}
	if out, errs, code := run(t, "admin", "sync", "tasks", "--data", data); code != 0 {
		t.Fatalf("admin sync: %d %s%s", code, out, errs)
	}
	s.tells([]string{"--uid", real[1], "--dataset", "tasks"}, "create c2", "Its view has the record as the change left it", "stands in", "1 view")

	sync(s, "phone", `{"action":"update","hash":"u2","uid":"`+real[1]+`","pre":{"item":"rolls"},"post":{"item":"cake"}},{"action":"delete","hash":"d1","uid":"x"}`)
	s.tells([]string{"--hash", "u2"}, "It collided", "listCollisions shows it, under uid "+real[1])
	s.tells([]string{"--hash", "d1"}, "It failed: pre of a delete must be a JSON object")
	s.tells([]string{"--cuid", "phone", "--limit", "2"}, "These are the newest 2; --limit shows more.", "delete d1", "update u2")

	if _, errs, code := run(t, "admin", "stop", "tasks", "--data", data); code != 0 {
		t.Fatal(errs)
	}
	s.tells([]string{"--hash", "c2"}, "The dataset is stopped", "tandem admin start tasks")
	if _, errs, code := s.why("--cuid", "watch"); code != 1 || !strings.Contains(errs, "The dataset tasks is stopped") {
		t.Errorf("of a device that is refused: %d %s", code, errs)
	}
	whyJSON(s)
	s.stop()
}

// What is wrong is said in one line that names it and the way out.
func TestErrorsOfWhy(t *testing.T) {
	dir := folder(t)
	s := start(t, filepath.Join(dir, "data"))
	nobody := filepath.Join(dir, "nobody")
	for name, tc := range map[string]struct {
		args []string
		says []string
	}{
		"which change": {[]string{"why", "--dataset", "tasks"}, []string{"--hash", "--cuid", "--uid"}},
		"limit":        {[]string{"why", "--hash", "h", "--limit", "0"}, []string{"--limit 0", "between 1 and 100"}},
		"no server":    {[]string{"why", "--hash", "h", "--data", nobody}, []string{nobody, "is the server running?", "--data", "--addr"}},
		"no time":      {[]string{"queues", "--timeout", "1ns", "--data", s.data}, []string{s.data, "--timeout"}},
	} {
		out, errs, code := run(t, append([]string{"admin"}, tc.args...)...)
		if code != 1 || out != "" || !strings.HasPrefix(errs, "tandem: ") || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: exit code %d, printed %q and %q", name, code, out, errs)
		}
		for _, want := range tc.says {
			if !strings.Contains(errs, want) {
				t.Errorf("%s: %q does not say %q", name, errs, want)
			}
		}
	}
	s.stop()
}

func mustSay(s *server, args ...string) string {
	s.Helper()
	out, errs, code := s.why(args...)
	if code != 0 {
		s.Fatalf("why %v: %d %s", args, code, errs)
	}
	return out
}

// whyJSON: the raw answer is JSON, whether or not there is a change.
func whyJSON(s *server) {
	s.Helper()
	var answer struct {
		Changes []struct{ Hash, RecordUid string }
		Now     string
	}
	if err := json.Unmarshal([]byte(mustSay(s, "--hash", "c2", "--json")), &answer); err != nil || len(answer.Changes) != 1 || answer.Changes[0].Hash != "c2" || answer.Now == "" {
		s.Errorf("--json: %+v, %v", answer, err)
	}
	out, errs, code := s.why("--hash", "nothing", "--json")
	if err := json.Unmarshal([]byte(out), &answer); err != nil || code != 1 || len(answer.Changes) != 0 || !strings.Contains(errs, "no change is known") {
		s.Errorf("--json of nothing: %d %v\n%s%s", code, err, out, errs)
	}
}
