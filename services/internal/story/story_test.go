package story

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	adminv1 "github.com/tandem-sync/tandem/proto/admin/v1"
)

// noon is now in these tests.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// before is a time of the API, so long before noon.
func before(d time.Duration) int64 { return noon.Add(-d).UnixMilli() }

// change is one that was received ten minutes ago and waits since.
func change(set ...func(*adminv1.ChangeStory)) *adminv1.ChangeStory {
	received := before(10 * time.Minute)
	c := &adminv1.ChangeStory{
		Dataset: "tasks", DatasetClient: "tasks_open", Cuid: "phone", Hash: "h1", Action: "update", Uid: "r1", RecordUid: "r1",
		Enqueued: received, Visible: received, Ready: received, View: view("tasks_open", `{"done":false}`),
	}
	for _, s := range set {
		s(c)
	}
	return c
}

// view is one whose runs go every ten seconds and have since noon.
func view(id, query string) *adminv1.DatasetClient {
	return &adminv1.DatasetClient{
		Id: id, Dataset: "tasks", QueryParams: query, Active: true, SyncCompleted: true, LastAccessed: before(3 * time.Second),
		SyncLoopStart: before(6 * time.Second), CompletedRunStart: before(6 * time.Second), SyncLoopEnd: before(5 * time.Second),
		NextDue: before(-5 * time.Second),
	}
}

type set = func(*adminv1.ChangeStory)

// done is a change that was done five minutes ago, with an outcome, and acknowledged.
func done(kind, msg string, more ...set) *adminv1.ChangeStory {
	return change(append([]set{func(c *adminv1.ChangeStory) {
		at := before(5 * time.Minute)
		c.Tries, c.Visible, c.Ready, c.Done, c.Reported, c.Acknowledged = 1, 0, 0, at, at, before(4*time.Minute)
		c.Outcome = &adminv1.ChangeOutcome{Type: kind, Uid: "r1", Msg: msg}
		if kind == "applied" {
			c.Outcome.Wrote = "abc"
		}
		in(c, "abc", c.View)
	}}, more...)...)
}

// in lets the record stand in views.
func in(c *adminv1.ChangeStory, hash string, views ...*adminv1.DatasetClient) {
	c.RecordHash, c.RecordViews, c.RecordViewCount = hash, views, int32(len(views))
}

// lateRun lets the last run of the view have begun before the change was done.
func lateRun(c *adminv1.ChangeStory) {
	v := c.View
	v.SyncLoopStart, v.CompletedRunStart, v.SyncLoopEnd = before(6*time.Minute), before(6*time.Minute), before(6*time.Minute)
}

func situations() []struct {
	name string
	c    *adminv1.ChangeStory
} {
	type one = struct {
		name string
		c    *adminv1.ChangeStory
	}
	return []one{
		{"waits for a worker since a moment", change(func(c *adminv1.ChangeStory) {
			c.Enqueued, c.Visible, c.Ready = before(time.Second), before(time.Second), before(time.Second)
		})},
		{"no worker takes it", change()},
		{"it could be taken a moment ago, when the change before it was done", change(func(c *adminv1.ChangeStory) { c.Ready = before(time.Minute) })},
		{"its worker died, nobody goes on", change(func(c *adminv1.ChangeStory) {
			c.Tries, c.Visible, c.Ready = 1, before(4*time.Minute), before(4*time.Minute)
		})},
		{"put back since the adapter is away, and nobody goes on", change(func(c *adminv1.ChangeStory) {
			c.Visible, c.Ready = before(3*time.Minute), before(3*time.Minute)
		})},
		{"behind two others", change(func(c *adminv1.ChangeStory) { c.Behind, c.Ahead, c.Ready = "h0", 2, 0 })},
		{"behind an older version of itself", change(func(c *adminv1.ChangeStory) { c.Behind, c.Ready = "h1", 0 })},
		{"in work", change(func(c *adminv1.ChangeStory) {
			c.Enqueued, c.Claimed, c.Tries, c.Visible, c.Ready = before(time.Second), true, 1, before(-9*time.Second), 0
		})},
		{"in work for long", change(func(c *adminv1.ChangeStory) {
			c.Claimed, c.Tries, c.Visible, c.Ready = true, 1, before(-9*time.Second), 0
		})},
		{"the adapter is away", change(func(c *adminv1.ChangeStory) { c.Visible, c.Ready = before(-8*time.Second), before(-8*time.Second) })},
		{"failed and tried again", change(func(c *adminv1.ChangeStory) {
			c.Tries, c.Visible, c.Ready = 2, before(-8*time.Second), before(-8*time.Second)
		})},
		{"waits in a stopped dataset", change(func(c *adminv1.ChangeStory) { c.View.Stopped, c.View.NextDue = true, 0 })},
		{"without uid, of a view that is gone", change(func(c *adminv1.ChangeStory) { c.Uid, c.RecordUid, c.View, c.Action = "", "", nil, "" })},

		{"applied and everywhere", done("applied", "", func(c *adminv1.ChangeStory) { in(c, "abc", c.View, view("tasks_all", "{}")) })},
		{"a create that was applied", done("applied", "", func(c *adminv1.ChangeStory) { c.Action, c.Uid, c.Hash, c.RecordUid = "create", "c1", "c1", "r1" })},
		{"applied at the third try", done("applied", "", func(c *adminv1.ChangeStory) { c.Tries = 3 })},
		{"the device has not come back", done("applied", "", func(c *adminv1.ChangeStory) { c.Waiting, c.Acknowledged, c.Reported = true, 0, before(6*time.Minute) })},
		{"the device is about to fetch it", done("applied", "", func(c *adminv1.ChangeStory) { c.Waiting, c.Acknowledged, c.Reported = true, 0, before(time.Second) })},
		{"a newer version had arrived", done("applied", "", func(c *adminv1.ChangeStory) { c.Reported, c.Acknowledged = 0, 0 })},
		{"acknowledged long ago", done("applied", "", func(c *adminv1.ChangeStory) { c.Acknowledged = 0 })},
		{"the log has forgotten it", done("applied", "", func(c *adminv1.ChangeStory) {
			c.Enqueued, c.Tries, c.DatasetClient, c.View, c.Waiting, c.Acknowledged = 0, 0, "", nil, true, 0
		})},
		{"its view is gone", done("applied", "", func(c *adminv1.ChangeStory) { c.View = nil; in(c, "") })},
		{"nobody uses its view", done("applied", "", func(c *adminv1.ChangeStory) {
			c.View.Active, c.View.LastAccessed, c.View.NextDue = false, before(3*time.Hour), 0
			lateRun(c)
		})},
		{"the dataset is stopped", done("applied", "", func(c *adminv1.ChangeStory) { c.View.Stopped, c.View.NextDue = true, 0 })},
		{"no sync run since", done("applied", "", lateRun)},
		{"the first sync run is to come", done("applied", "", func(c *adminv1.ChangeStory) {
			v := c.View
			v.SyncLoopStart, v.CompletedRunStart, v.SyncLoopEnd, v.SyncCompleted, v.NextDue = 0, 0, 0, false, noon.UnixMilli()
			in(c, "")
		})},
		{"a sync run was queued a moment ago", done("applied", "", func(c *adminv1.ChangeStory) { lateRun(c); c.View.SyncScheduled = before(time.Second) })},
		{"no sync-worker takes the sync run", done("applied", "", func(c *adminv1.ChangeStory) {
			lateRun(c)
			c.View.SyncScheduled, c.View.NextDue = before(4*time.Minute), before(-time.Minute)
		})},
		{"sync runs are not queued", done("applied", "", func(c *adminv1.ChangeStory) { lateRun(c); c.View.NextDue = before(3 * time.Minute) })},
		{"a sync run under way will bring it", done("applied", "", func(c *adminv1.ChangeStory) {
			lateRun(c)
			c.View.SyncLoopStart, c.View.SyncLoopEnd = before(time.Minute), before(-4*time.Minute)
		})},
		{"the sync run under way began too early", done("applied", "", func(c *adminv1.ChangeStory) {
			lateRun(c)
			c.View.SyncLoopStart, c.View.SyncLoopEnd, c.Done = before(time.Minute), before(-4*time.Minute), before(30*time.Second)
		})},
		{"the sync run failed", done("applied", "", func(c *adminv1.ChangeStory) {
			lateRun(c)
			c.View.SyncLoopStart, c.View.SyncLoopEnd = before(time.Minute), before(58*time.Second)
		})},
		{"changed again since, or stored otherwise", done("applied", "", func(c *adminv1.ChangeStory) { in(c, "def", c.View) })},
		{"the filter leaves it out, another has it", done("applied", "", func(c *adminv1.ChangeStory) { in(c, "abc", view("tasks_all", "{}")) })},
		{"no view has it", done("applied", "", func(c *adminv1.ChangeStory) { in(c, "") })},
		{"in more views than are told", done("applied", "", func(c *adminv1.ChangeStory) {
			for range 20 {
				c.RecordViews = append(c.RecordViews, view("tasks_other", `{"`+strings.Repeat("long", 80)+`":1}`))
			}
			c.RecordViewCount = 40
		})},
		{"a delete that is everywhere", done("applied", "", func(c *adminv1.ChangeStory) { c.Action, c.Outcome.Wrote = "delete", ""; in(c, "") })},
		{"a delete that others have not seen", done("applied", "", func(c *adminv1.ChangeStory) {
			c.Action, c.Outcome.Wrote = "delete", ""
			in(c, "abc", view("tasks_all", "{}"))
		})},
		{"a delete whose record came back", done("applied", "", func(c *adminv1.ChangeStory) { c.Action, c.Outcome.Wrote = "delete", "" })},

		{"failed", done("failed", "name is required")},
		{"failed, and the dataset is stopped", done("failed", "name is required", func(c *adminv1.ChangeStory) { c.View.Stopped = true })},
		{"collided", done("collisions", "")},
		{"collided and not kept", done("collisions", "the collision was not kept: disk full")},
	}
}

// TestTell compares each situation with its golden text; UPDATE_GOLDEN=1 writes them.
func TestTell(t *testing.T) {
	const golden = "testdata/stories.txt"
	var got strings.Builder
	for _, s := range situations() {
		got.WriteString("== " + s.name + "\n\n" + Tell(s.c, Facts{Now: noon, Queued: 7}).String() + "\n")
	}
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Errorf("the stories are not those of %s (-want +got); if they should be, run with UPDATE_GOLDEN=1:\n%s", golden, diff)
	}
}

// TestAllIsSaid: whatever the situation, it is said what it means and what to do,
// each in a text of its own.
func TestAllIsSaid(t *testing.T) {
	for _, s := range situations() {
		story := Tell(s.c, Facts{Now: noon})
		if len(story.Says) == 0 || len(story.Lines) < 2 || story.Title == "" {
			t.Errorf("%s: little is said:\n%s", s.name, story)
		}
		if len(story.Advice) == 0 && s.c.GetOutcome().GetType() != "applied" {
			t.Errorf("%s: no advice:\n%s", s.name, story)
		}
		if text := story.String(); strings.Contains(text, "%!") || strings.Contains(text, "1970") {
			t.Errorf("%s:\n%s", s.name, text)
		}
	}
}

// Names come from devices: they must not give orders to a terminal or a shell.
func TestHostileNames(t *testing.T) {
	const evil = "h'; rm -rf ~ #\x1b[2J\nfake line\u202e"
	for _, s := range situations() {
		c := s.c
		c.Hash, c.Cuid, c.Uid, c.RecordUid, c.Action = evil, evil, evil, evil, evil
		if c.Behind != "" {
			c.Behind = evil
		}
		if c.Outcome != nil {
			c.Outcome.Msg, c.Outcome.Uid = evil, evil
		}
		if c.View != nil {
			c.View.QueryParams = evil
		}
		text := Tell(c, Facts{Now: noon}).String()
		if strings.ContainsAny(text, "\x1b\u202e") || strings.Contains(text, "\nfake") {
			t.Errorf("%s: not made harmless: %q", s.name, text)
		}
		if _, command, ok := strings.Cut(text, "--hash h"); ok {
			t.Errorf("%s: not quoted: %s", s.name, command)
		}
	}
	for name, want := range map[string]string{"a1-._:@": "a1-._:@", "": "''", "a b": "'a b'", "it's": `'it'\''s'`, "$(x)": "'$(x)'", "-x": "-x", "é": "'é'"} {
		if got := arg(name); got != want {
			t.Errorf("arg(%q) = %s, want %s", name, got, want)
		}
	}
}

func TestTimes(t *testing.T) {
	w := words{noon}
	for d, want := range map[time.Duration]string{
		0: "just now", 999 * time.Millisecond: "just now", time.Second: "1 s ago", 89 * time.Second: "89 s ago",
		90 * time.Second: "1 min ago", 89 * time.Minute: "89 min ago", 90 * time.Minute: "1 h ago", 47 * time.Hour: "47 h ago",
		48 * time.Hour: "2 days ago", 50 * 24 * time.Hour: "50 days ago", -500 * time.Millisecond: "just now", -5 * time.Second: "in 5 s",
		-3 * time.Minute: "in 3 min",
	} {
		if got := w.ago(before(d)); got != want {
			t.Errorf("%v ago: %q, want %q", d, got, want)
		}
	}
	if got := w.at(before(time.Hour)); got != "2026-11-23 11:00:00 UTC (60 min ago)" {
		t.Error(got)
	}
}

func TestNotFound(t *testing.T) {
	known := []*adminv1.Dataset{{Id: "tasks", Stopped: true}, {Id: "notes"}}
	for _, c := range []struct {
		name     string
		req      *adminv1.FindChangesRequest
		datasets []*adminv1.Dataset
		says     []string
		not      []string
	}{
		{"hash", &adminv1.FindChangesRequest{Hash: "h9"}, known, []string{"no change is known with hash h9\n", "never have arrived", "queueMessagesTTL", "dataset tasks is stopped", "--cuid CUID"}, []string{"notes is stopped", "not configured"}},
		{"all", &adminv1.FindChangesRequest{Hash: "h9", Cuid: "phone", Uid: "r1", Dataset: "notes"}, known, []string{"hash h9, device phone, record r1, dataset notes\n"}, []string{"stopped", "not configured"}},
		{"stopped", &adminv1.FindChangesRequest{Cuid: "phone", Dataset: "tasks"}, known, []string{"tandem admin start tasks"}, []string{"--cuid CUID"}},
		{"unknown dataset", &adminv1.FindChangesRequest{Hash: "h", Dataset: "tsks"}, known, []string{"No device has asked for dataset tsks", "Known are: tasks, notes"}, []string{"stopped"}},
		{"no dataset", &adminv1.FindChangesRequest{Hash: "h", Dataset: "tsks"}, nil, []string{"Known are: none"}, nil},
	} {
		got := NotFound(c.req, c.datasets)
		for _, want := range c.says {
			if !strings.Contains(got, want) {
				t.Errorf("%s: does not say %q:\n%s", c.name, want, got)
			}
		}
		for _, not := range c.not {
			if strings.Contains(got, not) {
				t.Errorf("%s: says %q:\n%s", c.name, not, got)
			}
		}
	}
}
