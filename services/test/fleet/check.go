package fleet

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// Entry is a change in the server's log.
type Entry struct {
	Change
	Dataset, UID        string
	Outcome, OutcomeUID string // as recorded, "" if it has none
}

// Evidence is what a test found in the server and behind it, once all is at rest.
type Evidence struct {
	Log        []Entry                               // every change that the server took, by arrival
	Backend    map[string]map[string]json.RawMessage // records by dataset and uid
	Collisions map[string]int                        // how many the backend kept, by dataset
}

// Check holds what the devices were told, and what they have, against the evidence.
// It returns the figures in words.
func (f *Fleet) Check(t testing.TB, e Evidence) (figures string) {
	t.Helper()
	f.checkOutcomes(t, e.Log)
	checkEffects(t, e.Log, e.Backend)
	for d, kept := range e.Collisions {
		reported := 0
		for _, change := range e.Log {
			if change.Dataset == d && change.Outcome == string(record.Collision) {
				reported++
			}
		}
		if kept != reported {
			t.Errorf("%s: %d collisions are kept, %d were reported", d, kept, reported)
		}
	}
	acked, results, records := 0, map[string]int{}, 0
	for _, w := range f.devices {
		w.compare(t, w.view(e.Backend[w.Dataset()]))
		acked += len(w.acked)
		for _, r := range w.results {
			results[r]++
		}
	}
	for _, d := range e.Backend {
		records += len(d)
	}
	return fmt.Sprintf("%d changes acknowledged, %d in the log, results %v, %d records", acked, len(e.Log), results, records)
}

// view is what a device should have of its dataset.
func (w *worker) view(records map[string]json.RawMessage) map[string]json.RawMessage {
	want := map[string]json.RawMessage{}
	for uid, data := range records {
		if w.query == `{}` || strings.Contains(w.query, `"`+parse(data).List+`"`) {
			want[uid] = data
		}
	}
	return want
}

// checkOutcomes: every change that was acknowledged is in the log once and has an
// outcome, and that is what its device was told.
func (f *Fleet) checkOutcomes(t testing.TB, log []Entry) {
	t.Helper()
	outcomes := map[Change][]string{}
	for _, e := range log {
		outcomes[e.Change] = append(outcomes[e.Change], e.Outcome)
		if e.Outcome == "" {
			t.Errorf("%+v has no outcome", e)
		}
	}
	for c, list := range outcomes {
		if len(list) > 1 {
			t.Errorf("%+v was worked on %d times: %v", c, len(list), list)
		}
	}
	for _, w := range f.devices {
		for c := range w.acked {
			if len(outcomes[c]) == 0 {
				t.Errorf("%+v was acknowledged and is not in the log", c)
			}
		}
		for c, told := range w.results {
			// A content that never arrived is dropped by the client when the result of
			// an older one comes; see package simulation.
			if list := outcomes[c]; len(list) > 0 && list[0] != told {
				t.Errorf("%s was told %s of %+v, which is %s", w.CUID(), told, c, list[0])
			}
		}
		for _, torn := range w.torn {
			t.Errorf("%s was told two things of %s", w.CUID(), torn)
		}
	}
}

// checkEffects: what is reported as applied is in the backend, once and in order;
// what is not is not.
func checkEffects(t testing.TB, log []Entry, backend map[string]map[string]json.RawMessage) {
	t.Helper()
	deleted := map[string]bool{} // dataset and uid
	applied := map[[2]string]bool{}
	for _, e := range log {
		if e.Outcome == string(record.Applied) {
			applied[[2]string{e.CUID, e.Hash}] = true
			deleted[e.Dataset+e.OutcomeUID] = deleted[e.Dataset+e.OutcomeUID] || e.Action == string(record.ActionDelete)
		}
	}
	where := map[string]string{} // the first edit of a record to its uid
	in := map[string]bool{}      // every edit that is in some record
	for d, records := range backend {
		for uid, data := range records {
			edits := parse(data).Log
			checkLog(t, uid, edits)
			for _, edit := range edits {
				in[edit] = true
			}
			if len(edits) == 0 {
				t.Errorf("record %s has no edits: %s", uid, data)
				continue
			}
			if other, twice := where[edits[0]]; twice {
				t.Errorf("create %s made two records, %s and %s", edits[0], other, uid)
			}
			where[edits[0]] = uid
			if deleted[d+uid] {
				t.Errorf("record %s was deleted, as its device was told, and is there: %s", uid, data)
			}
		}
	}
	for _, e := range log {
		if e.Action == string(record.ActionDelete) {
			continue
		}
		data, there := backend[e.Dataset][e.OutcomeUID]
		switch {
		case e.Outcome == string(record.Applied) && !there && !deleted[e.Dataset+e.OutcomeUID]:
			t.Errorf("%+v was applied, its record is gone, and nobody deleted it", e)
		case e.Outcome == string(record.Applied) && there && !slices.Contains(parse(data).Log, e.Token):
			t.Errorf("%+v was applied and is lost: %s", e, data)
		case e.Outcome == string(record.Failed) && in[e.Token] && applied[[2]string{e.CUID, e.Hash}]:
			// It came with the next version of the same change: its user went on from it.
		case e.Outcome != string(record.Applied) && in[e.Token]:
			t.Errorf("%+v is reported as %s and is in the backend", e, e.Outcome)
		}
	}
}

// checkLog: no edit twice, and those of each device in their order.
func checkLog(t testing.TB, uid string, edits []string) {
	t.Helper()
	last := map[string]string{} // edits of a device compare as their numbers do
	for _, edit := range edits {
		who, _, _ := strings.Cut(edit, ":")
		if edit <= last[who] && edit != markToken {
			t.Errorf("record %s: edit %s comes after %s: %v", uid, edit, last[who], edits)
		}
		last[who] = edit
	}
}

// compare holds a device against the backend.
func (w *worker) compare(t testing.TB, want map[string]json.RawMessage) {
	t.Helper()
	has := w.Records()
	for uid, data := range want {
		if got, ok := has[uid]; !ok || hashOf(t, got.Data) != hashOf(t, data) {
			t.Errorf("%s (view %s): record %s is %s, should be %s", w.CUID(), w.query, uid, got.Data, data)
		}
	}
	for uid, r := range has {
		if _, ok := want[uid]; !ok {
			t.Errorf("%s (view %s): record %s (%s) should not be there", w.CUID(), w.query, uid, r.Data)
		}
	}
	if p := w.Pending(); len(p) > 0 {
		t.Errorf("%s has pending changes: %+v", w.CUID(), p)
	}
}

func hashOf(t testing.TB, data json.RawMessage) string {
	t.Helper()
	h, err := record.Hash(data)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
