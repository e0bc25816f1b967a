package story

import (
	"fmt"
	"strings"
	"time"

	adminv1 "github.com/tandem-sync/tandem/proto/admin/v1"
)

// Facts are what holds for all changes of an answer.
type Facts struct {
	Now    time.Time // the server's clock
	Queued int64     // changes that wait or are in work, of all datasets
}

// Story is what there is to say of one change.
type Story struct {
	Title  string
	Lines  []Line   // what is known, in order of time
	Says   []string // what it means, in sentences
	Advice []string // what to do next
}

// Line is one fact with its name.
type Line struct{ Name, Text string }

// Tell tells the story of one version of one change.
func Tell(c *adminv1.ChangeStory, f Facts) Story {
	t := &teller{c: c, f: f, words: words{f.Now}}
	action := c.GetAction()
	if action == "" {
		action = "change without action"
	}
	t.Title = printable(fmt.Sprintf("%s %s of dataset %s, from device %s", action, c.GetHash(), c.GetDataset(), c.GetCuid()))
	t.about()
	if c.GetOutcome() == nil {
		t.waiting()
	} else {
		t.result()
		t.device()
		t.spread()
	}
	return t.Story
}

// String is the story as it is printed.
func (s Story) String() string {
	var b strings.Builder
	fmt.Fprintln(&b, s.Title)
	width := 0
	for _, l := range s.Lines {
		width = max(width, len(l.Name))
	}
	for _, l := range s.Lines {
		fmt.Fprintf(&b, "  %-*s  %s\n", width, l.Name, l.Text)
	}
	fmt.Fprintln(&b)
	for _, sentence := range s.Says {
		fmt.Fprintln(&b, sentence)
	}
	if len(s.Advice) > 0 {
		fmt.Fprintln(&b, "What to do:")
		for _, a := range s.Advice {
			fmt.Fprintln(&b, "- "+a)
		}
	}
	return b.String()
}

// teller tells one story.
type teller struct {
	Story
	words
	c *adminv1.ChangeStory
	f Facts
}

func (t *teller) line(name, format string, args ...any) {
	t.Lines = append(t.Lines, Line{name, printable(fmt.Sprintf(format, args...))})
}

func (t *teller) say(format string, args ...any) {
	t.Says = append(t.Says, printable(fmt.Sprintf(format, args...)))
}

func (t *teller) advise(format string, args ...any) {
	t.Advice = append(t.Advice, printable(fmt.Sprintf(format, args...)))
}

// about tells what the change is about, and when it came.
func (t *teller) about() {
	c := t.c
	switch {
	case c.GetUid() == "":
		t.line("record", "the device named none")
	case c.GetRecordUid() != c.GetUid():
		t.line("record", "%s; the device called it %s", c.GetRecordUid(), c.GetUid())
	default:
		t.line("record", "%s", c.GetRecordUid())
	}
	switch {
	case c.GetView() != nil:
		t.line("view", "query %s", query(c.GetView()))
	case c.GetDatasetClient() != "":
		t.line("view", "%s, which is gone", c.GetDatasetClient())
	}
	if c.GetEnqueued() != 0 {
		t.line("received", "%s", t.at(c.GetEnqueued()))
	} else {
		t.line("received", "not known any more: the log goes back queueMessagesTTL (default 24 h)")
	}
}
