package crash

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// checkOutcomes: every change that was acknowledged is in the log once and has an
// outcome, and that is what its device was told.
func checkOutcomes(t *testing.T, log []entry, f *fleet) {
	t.Helper()
	outcomes := map[change][]string{}
	for _, e := range log {
		outcomes[e.change] = append(outcomes[e.change], e.outcome)
		if e.outcome == "" {
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
	}
}

// checkEffects: what is reported as applied is in the backend, once and in order;
// what is not is not.
func checkEffects(t *testing.T, log []entry, backend map[string]map[string]json.RawMessage) {
	t.Helper()
	deleted := map[string]bool{} // dataset and uid
	for _, e := range log {
		if e.action == string(record.ActionDelete) && e.outcome == string(record.Applied) {
			deleted[e.dataset+e.outcomeUID] = true
		}
	}
	where := map[string]string{} // the first edit of a record to its uid
	for d, records := range backend {
		for uid, data := range records {
			edits := parse(data).Log
			checkLog(t, uid, edits)
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
		if e.action == string(record.ActionDelete) {
			continue
		}
		data, there := backend[e.dataset][e.outcomeUID]
		in := slices.Contains(parse(data).Log, e.token)
		switch {
		case e.outcome == string(record.Applied) && !there && !deleted[e.dataset+e.outcomeUID]:
			t.Errorf("%+v was applied, its record is gone, and nobody deleted it", e)
		case e.outcome == string(record.Applied) && there && !in:
			t.Errorf("%+v was applied and is lost: %s", e, data)
		case e.outcome != string(record.Applied) && in:
			t.Errorf("%+v is reported as %s and is in the backend: %s", e, e.outcome, data)
		}
	}
}

// checkLog: no edit twice, and those of each device in their order.
func checkLog(t *testing.T, uid string, edits []string) {
	t.Helper()
	last := map[string]string{}
	for _, edit := range edits {
		who, n, _ := strings.Cut(edit, ":")
		if n <= last[who] && edit != markToken {
			t.Errorf("record %s: edit %s comes after %s: %v", uid, edit, last[who], edits)
		}
		last[who] = n
	}
}
