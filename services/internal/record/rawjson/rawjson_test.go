package rawjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

func TestMembersAndElements(t *testing.T) {
	var got []string
	for key, value := range Members([]byte(` { "a" : 1 , "b\"}" :[1,{"x":"]"}, "\\"] ,"c":{} , "a":null,"":-1.5e3} `)) {
		got = append(got, fmt.Sprintf("%s=%s", key, value))
	}
	want := []string{`"a"=1`, `"b\"}"=[1,{"x":"]"}, "\\"]`, `"c"={}`, `"a"=null`, `""=-1.5e3`}
	if !slices.Equal(got, want) {
		t.Errorf("members %q", got)
	}
	got = nil
	for value := range Elements([]byte("\n[ true , \"a,]\" ,[ [ ] ] ,{ }\t, 0]")) {
		got = append(got, string(value))
	}
	want = []string{`true`, `"a,]"`, `[ [ ] ]`, `{ }`, `0`}
	if !slices.Equal(got, want) {
		t.Errorf("elements %q", got)
	}
	for range Members([]byte(`{ }`)) {
		t.Error("member of none")
	}
	for range Elements([]byte(`[ ]`)) {
		t.Error("element of none")
	}
	for range Elements([]byte(`[1,2]`)) {
		break
	}
}

func TestKindOf(t *testing.T) {
	for in, want := range map[string]Kind{"": KindNone, " ": KindNone, " null": KindNull, "true": KindBool, "false": KindBool,
		"-1": KindNumber, "0": KindNumber, `"x"`: KindText, "[]": KindArray, "\n{}": KindObject} {
		if got := KindOf([]byte(in)); got != want {
			t.Errorf("KindOf(%q) = %d, want %d", in, got, want)
		}
	}
}

func TestDecode(t *testing.T) {
	for _, test := range []struct {
		token, text string
		valid       bool
	}{
		{`""`, "", true}, {`"é"`, "é", true}, {`"\u00e9\/\ud83d\ude00"`, "é/😀", true},
		{`"a\ud83d"`, "a\xed\xa0\xbd", false}, {`"\ude00\ud83d"`, "\xed\xb8\x80\xed\xa0\xbd", false},
		{`"\ud83d\u0061"`, "\xed\xa0\xbda", false}, {`"\ud83d\ud83d\ude00"`, "\xed\xa0\xbd😀", false},
	} {
		text, valid := Decode([]byte(test.token))
		if text != test.text || valid != test.valid {
			t.Errorf("Decode(%s) = %q, %v", test.token, text, valid)
		}
		again, _ := Decode(AppendQuoted(nil, []byte(text)))
		if again != text {
			t.Errorf("%s comes back as %q", test.token, again)
		}
	}
}

// Compare orders as the UTF-16 units do, whatever the texts.
func TestCompare(t *testing.T) {
	pieces := []string{"", "a", "é", "\ud7ff", "\ue000", "\uffff", "😀", "😁", "\U00010000", "\U0010ffff",
		"\xed\xa0\x80", "\xed\xa0\xbd", "\xed\xaf\xbf", "\xed\xb0\x80", "\xed\xb8\x80", "\xed\xbf\xbf"}
	var texts []string
	for _, a := range pieces {
		for _, b := range pieces {
			// WTF-8 joins the halves of a pair.
			token := strings.NewReplacer("\"", "").Replace(string(AppendQuoted(nil, []byte(a))) + string(AppendQuoted(nil, []byte(b))))
			text, _ := Decode([]byte(`"` + token + `"`))
			texts = append(texts, text)
		}
	}
	for _, a := range texts {
		for _, b := range texts {
			if got, want := Compare([]byte(a), []byte(b)), slices.Compare(unitsOf(a), unitsOf(b)); got != want {
				t.Fatalf("Compare(%q, %q) = %d, want %d", a, b, got, want)
			}
		}
	}
}

// unitsOf reads the units out of the escapes, so as not to trust Compare's own way.
func unitsOf(text string) (all []uint16) {
	for text != "" {
		if n := 3; len(text) >= n && text[0] == 0xed && text[1] >= 0xa0 {
			all = append(all, uint16(text[0]&15)<<12|uint16(text[1]&63)<<6|uint16(text[2]&63))
			text = text[n:]
			continue
		}
		for _, r := range text {
			all = append(all, utf16.Encode([]rune{r})...)
			text = text[len(string(r)):]
			break
		}
	}
	return all
}

func TestTooDeep(t *testing.T) {
	for depth, ok := range map[int]bool{MaxDepth: true, MaxDepth + 1: false} {
		for _, pair := range [][2]string{{"[", "]"}, {`{"a":`, "}"}} {
			text := strings.Repeat(pair[0], depth) + "1" + strings.Repeat(pair[1], depth)
			if err := Valid([]byte(text)); (err == nil) != ok {
				t.Errorf("%d of %s: %v", depth, pair[0], err)
			}
		}
	}
}

// FuzzValid: Valid takes what encoding/json takes, but for input that is not
// UTF-8; and reading what is valid never goes astray.
func FuzzValid(f *testing.F) {
	for _, seed := range []string{``, ` `, `{}`, `[]`, ` { "a" : [ 1 , -0.5e+7 , "x\u00e9\\" ] , "b":null } `, `[1,]`, `[,]`, `{"a":1,}`, `{"a"}`,
		`{"a":}`, `{1:2}`, `[}`, `{]`, `[1 2]`, `1 2`, `01`, `-`, `1.`, `1e`, `tru`, `"\x"`, `"\u12"`, "\"\t\"", `[[],{}]`, `[[[]],{"a":{}}]`, `]`, "\xef\xbb\xbf{}", "\"\xed\xa0\x80\""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		err := Valid(b)
		if want := json.Valid(b) && Text(b) == nil; (err == nil) != want {
			t.Fatalf("Valid(%q): %v", b, err)
		}
		if err == nil {
			walk(t, b)
		}
	})
}

// walk checks that the parts of a value are values themselves.
func walk(t *testing.T, b []byte) {
	var parts int
	switch KindOf(b) {
	case KindObject:
		var fields map[string]json.RawMessage
		for key, value := range Members(b) {
			parts++
			if !json.Valid(key) || !json.Valid(value) || len(bytes.TrimSpace(value)) != len(value) {
				t.Fatalf("member %q: %q of %q", key, value, b)
			}
			walk(t, value)
		}
		if err := json.Unmarshal(b, &fields); err != nil || len(fields) > parts {
			t.Fatalf("%d members in %q: %v", parts, b, err)
		}
	case KindArray:
		var elements []json.RawMessage
		for value := range Elements(b) {
			parts++
			if !json.Valid(value) {
				t.Fatalf("element %q of %q", value, b)
			}
			walk(t, value)
		}
		if err := json.Unmarshal(b, &elements); err != nil || len(elements) != parts {
			t.Fatalf("%d elements in %q: %v", parts, b, err)
		}
	case KindText:
		text, _ := Decode(bytes.TrimSpace(b))
		if quoted := AppendQuoted(nil, []byte(text)); Valid(quoted) != nil {
			t.Fatalf("%q is quoted as %q", text, quoted)
		}
	}
}
