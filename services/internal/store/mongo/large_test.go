package mongo

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/store/storetest"
)

// MongoDB's documents end at 16 MB. The error says so, and the store goes on.
func TestTooLarge(t *testing.T) {
	s := open(t, optionsOf(t, storetest.Options{Clock: storetest.NewClock().Now}))
	touchView(t, s)
	large := json.RawMessage(`{"text":"` + strings.Repeat("0123456789abcdef", 17<<20/16) + `"}`)
	change := record.Change{Dataset: "tasks", ClientID: viewID, CUID: "phone", Hash: "c1", Action: record.ActionCreate, UID: "c1", Post: large}
	if _, err := s.EnqueueChanges(t.Context(), []record.Change{change}); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("a change: %v, want %v", err, store.ErrTooLarge)
	}
	run := must[store.Run](t)(s.BeginRun(t.Context(), viewID, "job"))
	if err := s.WriteRecords(t.Context(), run, []record.Record{{UID: "r1", Hash: "h1", Data: large}}, nil); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("a record: %v, want %v", err, store.ErrTooLarge)
	}
	change.Post = json.RawMessage(`{"text":"short"}`)
	if done := must[store.EnqueueResult](t)(s.EnqueueChanges(t.Context(), []record.Change{change})); done.Queued != 1 {
		t.Errorf("afterwards: %+v", done)
	}
}
