package canon_test

import (
	"strings"
	"testing"

	"github.com/tandem-sync/tandem/api/adapter/internal/canon"
)

func TestEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{`{"a":1,"b":2}`, ` { "b" : 2 , "a" : 1.0 } `, true},
		{`{"a":1,"a":2}`, `{"a":2}`, true},
		{`1e21`, `1000000000000000000000`, true},
		{`-0`, `0`, true},
		{`9007199254740993`, `9007199254740992`, true}, // the same double
		{`1e400`, `1e999`, true},
		{`"\u00e9\/\n"`, "\"\u00e9/\\u000a\"", true},
		{`"\ud83d\ude00"`, "\"\U0001F600\"", true},
		{`"\ud800"`, `"\ud801"`, false},
		{`"\ud800"`, `"\ufffd"`, false},
		{`"\ud800\u0041"`, `"\ud800A"`, true},
		{`"\u0000"`, `""`, false},
		{`[]`, `{}`, false},
		{`[1]`, `{"0":1}`, false},
		{`[[],[[]]]`, `[ [ ] , [ [ ] ] ]`, true},
		{`[1,23]`, `[12,3]`, false},
		{`{"":{}}`, `{}`, false},
		{`{"a":"1"}`, `{"a":1}`, false},
		{`true`, `false`, false},
		{`null`, `false`, false},
		{`{"a":null}`, `{}`, false},
		{`{`, `{`, false},
	} {
		if got := canon.Equal([]byte(c.a), []byte(c.b)); got != c.same {
			t.Errorf("Equal(%s, %s) = %v", c.a, c.b, got)
		}
	}
}

func TestFields(t *testing.T) {
	fields, err := canon.Fields([]byte(` {"a":[1, 2],"":null} `))
	if err != nil || len(fields) != 2 {
		t.Fatal(fields, err)
	}
	if form, _ := canon.Form([]byte("[1,2]")); fields[canon.Key("a")] != form {
		t.Error("the field a has another form than its value alone")
	}
	if _, err := canon.Fields([]byte("[]")); err == nil {
		t.Error("an array has no fields")
	}
}

func TestDeep(t *testing.T) {
	deep := strings.Repeat(`{"a":[`, 2000) + strings.Repeat(`]}`, 2000)
	if !canon.Equal([]byte(deep), []byte(deep)) {
		t.Error("a deep text differs from itself")
	}
}
