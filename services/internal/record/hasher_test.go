package record_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tandem-sync/tandem/services/internal/record"
)

func hasher(t *testing.T, name string) func(string) string {
	t.Helper()
	h, err := record.NewHasher(name)
	if err != nil {
		t.Fatal(err)
	}
	return func(data string) string {
		t.Helper()
		hash, err := h(json.RawMessage(data))
		if err != nil {
			t.Fatal(err)
		}
		return hash
	}
}

// TestHasherSameAndOther says for each record hash which records count as one version.
func TestHasherSameAndOther(t *testing.T) {
	for _, c := range []struct {
		name, a, b string
		same       bool
	}{
		{"sha1", `{"a":1,"b":2}`, `{"b":2,"a":1.0}`, true},
		{"sha256", `{"a":1,"b":2}`, `{"b":2,"a":1.0}`, true},
		{"sha256", `{"a":1}`, `{"a":2}`, false},
		{"field:v", `{"v":1,"a":1}`, `{"a":2,"v":1}`, true},
		{"field:v", `{"v":1,"a":1}`, `{"v":2,"a":1}`, false},
		{"field:v", `{"v":0,"a":1}`, `{"v":0,"a":2}`, true},
		{"field:v", `{"v":1}`, `{"v":"1"}`, false},
		{"field:v", `{"v":3,"v":1,"a":1}`, `{"v":1}`, true},        // of a key that comes twice the last counts
		{"field:v", "{\"\\u0076\":1,\"a\":1}", `{"v":1}`, true},    // an escape is the same key
		{"field:v", `{"a":1}`, `{"a":2}`, false},                   // without a version the content tells
		{"field:v", `{"v":null,"a":1}`, `{"v":null,"a":2}`, false}, // the same
		{"field:v", `{"v":1,"a":1}`, `{"a":1}`, false},
		{"fields:v,w", `{"v":1,"w":{"x":[1]},"a":1}`, `{"w":{"x":[1]},"v":1}`, true},
		{"fields:v,w", `{"v":1,"w":2}`, `{"v":1,"w":3}`, false},
		{"fields:v,w", `{"v":1,"a":1}`, `{"v":1,"a":2}`, false}, // one is absent
		{"field:x:y", `{"x:y":1,"a":1}`, `{"x:y":1}`, true},
	} {
		h := hasher(t, c.name)
		if a, b := h(c.a), h(c.b); (a == b) != c.same || a == "" || b == "" {
			t.Errorf("%s: %s and %s: %s, %s; want same: %t", c.name, c.a, c.b, a, b, c.same)
		}
	}
}

// TestHasherDefault: nothing set is the hash that devices compute themselves.
func TestHasherDefault(t *testing.T) {
	const data = `{"name":"milk","n":[1,2]}`
	want, err := record.Hash(json.RawMessage(data))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "sha1", "field:absent"} {
		if got := hasher(t, name)(data); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
	if got := hasher(t, "sha256")(data); len(got) != 64 {
		t.Errorf("sha256: %s", got)
	}
}

func TestHasherOfNothing(t *testing.T) {
	for _, name := range []string{"sha1", "sha256", "field:v"} {
		for _, data := range []string{"", "null"} {
			if got := hasher(t, name)(data); got != "" {
				t.Errorf("%s of %q: %s", name, data, got)
			}
		}
		h, _ := record.NewHasher(name)
		if _, err := h(json.RawMessage(`{"v":1,`)); err == nil {
			t.Errorf("%s takes what is not JSON", name)
		}
	}
}

func TestHasherNames(t *testing.T) {
	for name, want := range map[string]string{
		"md5":        `"md5" is no record hash`,
		"field:":     `a name is not empty`,
		"fields:a,":  `a name is not empty`,
		"fields:a,a": `names the field a twice`,
		"field: v":   `has no spaces around it`,
	} {
		if _, err := record.NewHasher(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", name, err, want)
		}
	}
}
