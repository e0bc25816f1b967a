package arch

import "testing"

// TestRules shows that each rule can be broken.
func TestRules(t *testing.T) {
	for _, c := range []struct {
		from, to string
		ok       bool
	}{
		{"gateway", "internal/store", true},
		{"internal/store", "internal/record/rawjson", true},
		{"internal/store/sqlite", "internal/store", true},
		{"internal/app", "internal/store/sqlite", true},
		{"internal/app", "adapters/embedded", true},
		{"adapters/mongo", "adapters/internal/filter", true},
		{"test/system", "internal/store/sqlite", true},
		{"cmd/tandem", "internal/config", true},

		{"gateway", "syncworker", false},
		{"gateway", "internal/store/sqlite", false},
		{"pendingworker", "adapters/embedded", false},
		{"cmd/tandem", "internal/wake/nats", false},
		{"internal/store", "internal/store/sqlite", false},
		{"internal/store", "internal/wake", false},
		{"internal/record", "internal/store", false},
		{"internal/consume", "internal/lease", false},
		{"internal/store", "gateway", false},
		{"gateway", "internal/testkit", false},
		{"somewhere", "internal/record", false},
		{"gateway", "somewhere", false},
	} {
		if why := allowed(c.from, c.to); (why == "") != c.ok {
			t.Errorf("%s imports %s: %q", c.from, c.to, why)
		}
	}
}
