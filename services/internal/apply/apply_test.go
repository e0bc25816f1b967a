package apply_test

import (
	"encoding/json"
	"testing"

	"github.com/tandem-sync/tandem/services/internal/apply"
	"github.com/tandem-sync/tandem/services/internal/record"
)

const (
	a = `{"v":"a"}`
	b = `{"v":"b"}`
	c = `{"v":"c"}`
)

func hash(t *testing.T, s string) string {
	t.Helper()
	h, err := record.Hash(json.RawMessage(s))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func change(action record.Action, pre, post string) record.Change {
	return record.Change{Dataset: "d", CUID: "u", Hash: "h", Action: action, UID: "x", Pre: json.RawMessage(pre), Post: json.RawMessage(post)}
}

// TestNext goes through protocol section 4 rule by rule.
func TestNext(t *testing.T) {
	const nothing = "" // the backend holds no record
	read := func(f apply.Facts, current string) apply.Facts {
		f.Read, f.Found = true, current != nothing
		if f.Found {
			f.CurrentHash = hash(t, current)
		}
		return f
	}
	facts := func(ch record.Change) apply.Facts { return apply.Facts{Change: ch, RecordUID: ch.UID} }
	newer := func(ch record.Change, base string) apply.Facts {
		f := facts(ch)
		f.RecordUID, f.Earlier, f.Base = "real", true, hash(t, base)
		return f
	}
	mapped := func(ch record.Change) apply.Facts {
		f := facts(ch)
		f.RecordUID = "real"
		return f
	}
	create, update, remove := change(record.ActionCreate, "", b), change(record.ActionUpdate, a, b), change(record.ActionDelete, a, "")

	for _, tc := range []struct {
		name string
		f    apply.Facts
		want apply.Step
	}{
		{"create", facts(create), apply.StepCreate},
		{"update looks first", facts(update), apply.StepRead},
		{"delete looks first", facts(remove), apply.StepRead},

		{"update of what the device had", read(facts(update), a), apply.StepUpdate},
		{"update in effect already", read(facts(update), b), apply.StepApplied},
		{"update of a record changed by others", read(facts(update), c), apply.StepCollide},
		{"update of a record that is gone", read(facts(update), nothing), apply.StepCollide},
		{"update without pre of a record", read(facts(change(record.ActionUpdate, "", b)), a), apply.StepCollide},
		{"update without pre of no record", read(facts(change(record.ActionUpdate, "", b)), nothing), apply.StepFail},
		{"update that changes nothing", read(facts(change(record.ActionUpdate, a, a)), a), apply.StepApplied},
		{"key order does not count", read(facts(change(record.ActionUpdate, `{"x":1,"y":2}`, b)), `{"y":2,"x":1}`), apply.StepUpdate},

		{"delete of what the device had", read(facts(remove), a), apply.StepDelete},
		{"delete in effect already", read(facts(remove), nothing), apply.StepApplied},
		{"delete of a record changed by others", read(facts(remove), c), apply.StepCollide},

		{"newer create looks at the record that it made", newer(create, a), apply.StepRead},
		{"newer create becomes an update", read(newer(create, a), a), apply.StepUpdate},
		{"newer create in effect already", read(newer(create, a), b), apply.StepApplied},
		{"newer create, changed by others", read(newer(create, a), c), apply.StepCollide},
		{"newer create, record is gone", read(newer(create, a), nothing), apply.StepCollide},
		{"newer update on what the older wrote", read(newer(change(record.ActionUpdate, a, c), b), b), apply.StepUpdate},
		{"newer update, changed by others", read(newer(change(record.ActionUpdate, a, c), b), `{"v":"z"}`), apply.StepCollide},
		{"newer delete on what the older wrote", read(newer(remove, b), b), apply.StepDelete},

		{"create of a record that is known to exist, content in effect", read(mapped(create), b), apply.StepApplied},
		{"create of a record that is known to exist, other content", read(mapped(create), a), apply.StepCollide},
		{"delete under the made-up uid", read(mapped(remove), a), apply.StepDelete},

		{"no action", facts(change("", a, b)), apply.StepFail},
		{"unknown action", facts(change("merge", a, b)), apply.StepFail},
		{"create without post", facts(change(record.ActionCreate, "", "")), apply.StepFail},
		{"create of a text", facts(change(record.ActionCreate, "", `"x"`)), apply.StepFail},
		{"create of null", facts(change(record.ActionCreate, "", `null`)), apply.StepFail},
		{"create of a list", facts(change(record.ActionCreate, "", `[]`)), apply.StepFail},
		{"update to null", facts(change(record.ActionUpdate, a, `null`)), apply.StepFail},
		{"delete without pre", facts(change(record.ActionDelete, "", "")), apply.StepFail},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, err := apply.Next(tc.f)
			if err != nil {
				t.Fatal(err)
			}
			if d.Step != tc.want {
				t.Errorf("step %d, want %d", d.Step, tc.want)
			}
			if (d.Step == apply.StepFail) != (d.Msg != "") {
				t.Errorf("a failure has a message, and nothing else has: step %d, msg %q", d.Step, d.Msg)
			}
		})
	}
}
