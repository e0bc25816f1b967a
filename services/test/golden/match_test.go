package golden

import (
	"maps"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	tests := []struct {
		name            string
		subset          bool
		pattern, actual string
		known           bindings
		want            string // part of the difference; empty: fits
	}{
		{name: "equal", pattern: `{"a":[1,"x",null,true]}`, actual: `{"a":[1,"x",null,true]}`},
		{name: "numbers by value", pattern: `[1e21,9007199254740993,0.1]`, actual: `[1000000000000000000000,9007199254740992,1e-1]`},
		{name: "other number", pattern: `{"a":1}`, actual: `{"a":2}`, want: "/a: want 1, got 2"},
		{name: "number and text", pattern: `1`, actual: `"1"`, want: "/: want 1"},
		{name: "null and absent", pattern: `{"a":null}`, actual: `{}`, want: "/a: want null, got nothing"},
		{name: "null and false", pattern: `null`, actual: `false`, want: "want null"},
		{name: "one key more", pattern: `{}`, actual: `{"_id":1}`, want: "/_id: want nothing"},
		{name: "one key more in a subset", subset: true, pattern: `{"a":{}}`, actual: `{"a":{"b":1},"c":2}`},
		{name: "one item more", pattern: `[1]`, actual: `[1,2]`, want: "want [1]"},
		{name: "same half pair", pattern: `"\ud83d"`, actual: `"\uD83D"`},
		{name: "half pair lost", pattern: `"\ud83d"`, actual: `"\ufffd"`, want: "ud83d"},
		{name: "whole pair", pattern: `"\ud83d\ude00"`, actual: `"😀"`},
		{name: "escaped backslash", pattern: `"\\ud83d"`, actual: `"\\ud83d"`},

		{name: "any", pattern: `{"a":"<any>"}`, actual: `{"a":null}`},
		{name: "any, absent", pattern: `{"a":"<any>"}`, actual: `{}`, want: "/a: want"},
		{name: "maybe", pattern: `{"a":"<maybe>","b":"<maybe>"}`, actual: `{"a":1}`},
		{name: "absent", pattern: `{"a":"<absent>"}`, actual: `{}`},
		{name: "absent, there", pattern: `{"a":"<absent>"}`, actual: `{"a":null}`, want: "/a"},
		{name: "empty", pattern: `["<empty>","<empty>"]`, actual: `[{},[]]`},
		{name: "empty, not", pattern: `"<empty>"`, actual: `{"a":1}`, want: "<empty>"},
		{name: "time", pattern: `"<time>"`, actual: `1495123790928`},
		{name: "time in seconds", pattern: `"<time>"`, actual: `1495123790`, want: "<time>"},
		{name: "time as text", pattern: `"<time>"`, actual: `"1495123790928"`, want: "<time>"},
		{name: "contains", pattern: `"<contains:is full>"`, actual: `"Error: the shelf Is Full"`},
		{name: "contains, not", pattern: `"<contains:is full>"`, actual: `"crashed"`, want: "crashed"},
		{name: "text with brackets", pattern: `"<b>"`, actual: `"<b>"`},
		{name: "other text with brackets", pattern: `"<b>"`, actual: `"<i>"`, want: "<i>"},

		{name: "same mask, same value", pattern: `["<uid:1>","<uid:1>"]`, actual: `["x","x"]`},
		{name: "same mask, other value", pattern: `["<uid:1>","<uid:1>"]`, actual: `["x","y"]`, want: `<uid:1> is "x"`},
		{name: "other mask, same value", pattern: `["<uid:1>","<uid:2>"]`, actual: `["x","x"]`, want: `"x" is <uid:1>`},
		{name: "masks of two views", pattern: `["<globalHash:A1>","<globalHash:B1>"]`, actual: `["x","x"]`},
		{name: "hash did not change", pattern: `"<globalHash:A2>"`, actual: `"x"`, known: bindings{"<globalHash:A1>": "x"}, want: "another value"},
		{name: "not", pattern: `"<not:uid:1>"`, actual: `"y"`, known: bindings{"<uid:1>": "x"}},
		{name: "not, but is", pattern: `"<not:uid:1>"`, actual: `"x"`, known: bindings{"<uid:1>": "x"}, want: "not:uid"},
		{name: "mask and number", pattern: `"<uid:1>"`, actual: `5`, want: "got 5"},
		{name: "known mask as key", pattern: `{"<uid:1>":1}`, actual: `{"x":1}`, known: bindings{"<uid:1>": "x"}},
		{name: "new masks as keys", pattern: `{"<uid:1>":{"n":1,"uid":"<uid:1>"},"<uid:2>":{"n":2,"uid":"<uid:2>"}}`, actual: `{"b":{"n":1,"uid":"b"},"a":{"n":2,"uid":"a"}}`},
		{name: "key and value disagree", pattern: `{"<uid:1>":{"uid":"<uid:1>"}}`, actual: `{"a":{"uid":"b"}}`, want: `<uid:1> is "a"`},
		{name: "mask without a key", pattern: `{"<uid:1>":1,"<uid:2>":1}`, actual: `{"a":1}`, want: "<uid:"},
		{name: "key without a mask", pattern: `{"<uid:1>":1}`, actual: `{"a":1,"b":1}`, want: "/b: want nothing"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			known := bindings{}
			maps.Copy(known, test.known)
			diffs := matcher{subset: test.subset}.match("", mustDecode(t, test.pattern), mustDecode(t, test.actual), known)
			all := strings.Join(diffs, "\n")
			switch {
			case test.want == "" && len(diffs) > 0:
				t.Errorf("must fit:\n%s", all)
			case test.want != "" && !strings.Contains(all, test.want):
				t.Errorf("want a difference with %q, got %q", test.want, all)
			}
		})
	}
}

func mustDecode(t *testing.T, text string) any {
	t.Helper()
	value, err := decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return value
}
