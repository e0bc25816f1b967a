package record

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestDigest(t *testing.T) {
	base := Change{Hash: "h", CUID: "c", Action: ActionUpdate, UID: "u",
		Pre: json.RawMessage(`{"a":1,"b":[1,2],"c":"é"}`), Post: json.RawMessage(`{"a":2,"big":9007199254740993}`)}
	with := func(edit func(*Change)) Change {
		c := base
		edit(&c)
		return c
	}
	same := map[string]Change{
		"key order, space":    with(func(c *Change) { c.Pre = json.RawMessage(` {"c":"é", "b":[1,2], "a":1}`) }),
		"spelling":            with(func(c *Change) { c.Pre = json.RawMessage(`{"a":1.0,"b":[1e0,2],"c":"\u00e9"}`) }),
		"overwritten member":  with(func(c *Change) { c.Pre = json.RawMessage(`{"a":7,"\u0061":1,"b":[1,2],"c":"é"}`) }),
		"time and the sender": with(func(c *Change) { c.Timestamp, c.MetaData, c.ClientID = 5, json.RawMessage(`{}`), "x" }),
	}
	for name, c := range same {
		if c.Digest() != base.Digest() {
			t.Errorf("%s: another digest", name)
		}
	}
	seen := map[string]string{base.Digest(): "base"}
	for name, c := range map[string]Change{
		"action":             with(func(c *Change) { c.Action = ActionDelete }),
		"uid":                with(func(c *Change) { c.UID = "v" }),
		"pre":                with(func(c *Change) { c.Pre = json.RawMessage(`{"a":1}`) }),
		"no pre":             with(func(c *Change) { c.Pre = nil }),
		"post":               with(func(c *Change) { c.Post = json.RawMessage(`{"a":3}`) }),
		"no post":            with(func(c *Change) { c.Post = nil }),
		"pre and post":       with(func(c *Change) { c.Pre, c.Post = c.Post, c.Pre }),
		"beyond a double":    with(func(c *Change) { c.Post = json.RawMessage(`{"a":2,"big":9007199254740992}`) }),
		"an empty list":      with(func(c *Change) { c.Post = json.RawMessage(`[]`) }),
		"an empty object":    with(func(c *Change) { c.Post = json.RawMessage(`{}`) }),
		"a text like a list": with(func(c *Change) { c.Post = json.RawMessage(`"[]"`) }),
		"an empty text":      with(func(c *Change) { c.Post = json.RawMessage(`""`) }),
		"not JSON":           with(func(c *Change) { c.Post = json.RawMessage(`{`) }),
		"a lone surrogate":   with(func(c *Change) { c.Post = json.RawMessage(`{"a":"\ud800"}`) }),
		"another":            with(func(c *Change) { c.Post = json.RawMessage(`{"a":"\ud801"}`) }),
		"what stands for it": with(func(c *Change) { c.Post = json.RawMessage(`{"a":"` + "\ufffd" + `"}`) }),
		"moved border":       with(func(c *Change) { c.Action, c.UID = "updat", "eu" }),
	} {
		digest := c.Digest()
		if other, ok := seen[digest]; ok {
			t.Errorf("%s: the digest of %s", name, other)
		}
		seen[digest] = name
	}
	if absent, null := with(func(c *Change) { c.Pre = nil }), with(func(c *Change) { c.Pre = json.RawMessage(` null`) }); absent.Digest() != null.Digest() {
		t.Error("absent is not null")
	}
	// Stored digests must be found again by later versions of Tandem.
	if got, want := base.Digest(), "1d5b683bf582c93ea706d83e465b69d1"; got != want {
		t.Errorf("digest %s, was %s", got, want)
	}
}

func TestProblem(t *testing.T) {
	object := json.RawMessage(`{"a":1}`)
	for _, test := range []struct {
		change Change
		want   string // part of the problem, "" for none
	}{
		{Change{Action: ActionCreate, UID: "u", Post: object}, ""},
		{Change{Action: ActionUpdate, UID: "u", Post: object}, ""},
		{Change{Action: ActionUpdate, UID: "u", Pre: json.RawMessage(`null`), Post: object}, ""},
		{Change{Action: ActionDelete, UID: "u", Pre: object}, ""},
		{Change{Action: ActionDelete, UID: "u", Pre: object, Post: json.RawMessage(`5`)}, ""},
		{Change{Action: ActionCreate, UID: "u", Post: object, Invalid: "uid must be a text"}, "uid must be a text"},
		{Change{UID: "u", Post: object}, "no action"},
		{Change{Action: "Create", UID: "u", Post: object}, `unknown action "Create"`},
		{Change{Action: Action(strings.Repeat("日", 999)), UID: "u", Post: object}, `"` + strings.Repeat("日", 40) + `"`},
		{Change{Action: ActionCreate, Post: object}, "no uid"},
		{Change{Action: ActionCreate, UID: "u"}, "post must be a JSON object"},
		{Change{Action: ActionCreate, UID: "u", Post: json.RawMessage(`null`)}, "post must be a JSON object"},
		{Change{Action: ActionCreate, UID: "u", Post: json.RawMessage(`[1]`)}, "post must be a JSON object"},
		{Change{Action: ActionUpdate, UID: "u", Pre: object}, "post must be a JSON object"},
		{Change{Action: ActionDelete, UID: "u"}, "pre of a delete"},
		{Change{Action: ActionDelete, UID: "u", Pre: json.RawMessage(`"x"`)}, "pre of a delete"},
	} {
		got := test.change.Problem()
		if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%+v: problem %q, want %q", test.change, got, test.want)
		}
	}
}
