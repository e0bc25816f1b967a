package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/tandem-sync/tandem/services/internal/record/rawjson"
)

// vector is one line of testdata/hash.json, which the reference server computed.
type vector struct {
	Name      string
	JSON      string
	Hash      *string // nil: no hash
	Canonical *string // nil for texts, and where there is no hash
}

func readVectors(tb testing.TB) []vector {
	tb.Helper()
	file, err := os.ReadFile("testdata/hash.json")
	if err != nil {
		tb.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(file, &vectors); err != nil {
		tb.Fatal(err)
	}
	if len(vectors) < 30 {
		tb.Fatalf("only %d vectors", len(vectors))
	}
	return vectors
}

func TestHashVectors(t *testing.T) {
	for _, v := range readVectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			want := ""
			if v.Hash != nil {
				want = *v.Hash
			}
			got, err := Hash(json.RawMessage(v.JSON))
			if err != nil || got != want {
				t.Errorf("Hash(%s) = %q, %v; want %q", v.JSON, got, err, want)
			}
			if v.Canonical == nil {
				return
			}
			text, err := Canonical(json.RawMessage(v.JSON))
			if err != nil || text != *v.Canonical {
				t.Errorf("Canonical(%s)\n got %s, %v\nwant %s", v.JSON, text, err, *v.Canonical)
			}
		})
	}
}

func TestCanonical(t *testing.T) {
	for _, test := range []struct{ in, want string }{
		{``, ``},
		{` null `, ``},
		{`false`, ``},
		{`-0`, ``},
		{`0.0e5`, ``},
		{`1e-400`, ``}, // too small for a double
		{`1e400`, `null`},
		{`-1e400`, `null`},
		{`""`, ``},
		{`"a\u0062"`, `ab`},
		{`"\ud800-\ud83d\ude00-\udc00"`, "\ufffd-😀-\ufffd"},
		{`{"a":1,"b":2,"\u0061":3}`, `[{"key":"a","value":3},{"key":"b","value":2}]`},
		{`{"a":1,"a":2,"a":null}`, `[{"key":"a","value":null}]`},
		{`{"b":[],"a":{}}`, `[{"key":"a","value":[]},{"key":"b","value":[]}]`},
		{`[1E5,1.50,-0.0,123456789012345680000,1e21,0.000001,0.0000001,-1e-10,1e100]`,
			`[{"key":"0","value":100000},{"key":"1","value":1.5},{"key":"2","value":0},` +
				`{"key":"3","value":123456789012345680000},{"key":"4","value":1e+21},{"key":"5","value":0.000001},` +
				`{"key":"6","value":1e-7},{"key":"7","value":-1e-10},{"key":"8","value":1e+100}]`},
		{`{"\ud83d":1,"\ud83d\ude00":2,"\ude00":3,"\ue000":4,"\ud83da":5}`,
			`[{"key":"\ud83d","value":1},{"key":"\ud83da","value":5},{"key":"😀","value":2},{"key":"\ude00","value":3},{"key":"` + "\ue000" + `","value":4}]`},
		{`["\/\u001F\u007f\u2028\"\\\b\f\n\r\t"]`, `[{"key":"0","value":"/\u001f` + "\x7f\u2028" + `\"\\\b\f\n\r\t"}]`},
	} {
		got, err := Canonical(json.RawMessage(test.in))
		if err != nil || got != test.want {
			t.Errorf("Canonical(%s)\n got %s, %v\nwant %s", test.in, got, err, test.want)
		}
	}
}

func TestHashRefusesWhatIsNotJSON(t *testing.T) {
	deep := strings.Repeat("[", rawjson.MaxDepth+1) + strings.Repeat("]", rawjson.MaxDepth+1)
	for _, test := range []struct {
		in     string
		offset int
	}{
		{` `, 1}, {`{`, 1}, {`[`, 1}, {`{"a"`, 4}, {`{"a":`, 5}, {`{"a":1`, 6}, {`{"a":1,}`, 7}, {`{,}`, 1}, {`{a:1}`, 1},
		{`[1,]`, 3}, {`[1 2]`, 3}, {`1 2`, 2}, {`"a`, 2}, {`"\x"`, 2}, {`"\u12g4"`, 5}, {`"\`, 2}, {"\"\n\"", 1},
		{`01`, 1}, {`-`, 1}, {`1.`, 2}, {`.5`, 0}, {`+1`, 0}, {`1e`, 2}, {`1e+`, 3}, {`0x1`, 1}, {`NaN`, 0}, {`Infinity`, 0},
		{`-Infinity`, 1}, {`tru`, 3}, {`nulL`, 3}, {`undefined`, 0}, {"\xef\xbb\xbf{}", 0}, {"\"a\xff\"", 2},
		{"\"\xed\xa0\x80\"", 1}, {"\xa0{}", 0}, {"{}\x00", 2}, {deep, rawjson.MaxDepth},
	} {
		got, err := Hash(json.RawMessage(test.in))
		var syntax *rawjson.SyntaxError
		if !errors.As(err, &syntax) || got != "" {
			t.Errorf("Hash(%.20q) = %q, %v; want an error", test.in, got, err)
		} else if syntax.Offset != test.offset {
			t.Errorf("Hash(%.20q): %v; want offset %d", test.in, err, test.offset)
		}
	}
	if _, err := Hash(json.RawMessage(deep[1 : len(deep)-1])); err != nil {
		t.Errorf("%d deep: %v", rawjson.MaxDepth, err)
	}
}

// A long value is hashed in pieces.
func TestHashOfLongValue(t *testing.T) {
	text := strings.Repeat("é", flushSize)
	raw, _ := json.Marshal(map[string]any{"long": text, "list": make([]int, 10000), "other": text})
	for range 2 { // the second time with used buffers
		canonical, err := Canonical(raw)
		if err != nil {
			t.Fatal(err)
		}
		whole, _ := json.Marshal(canonical)
		want, _ := Hash(whole) // a text hashes as its own bytes
		if got, err := Hash(raw); err != nil || got != want {
			t.Fatalf("Hash = %q, %v; want %q", got, err, want)
		}
	}
}

// Of members with one key the last counts, however many there are.
func TestCanonicalOfManyDuplicates(t *testing.T) {
	var raw, want strings.Builder
	for i := range 500 {
		fmt.Fprintf(&raw, `,"k%d":%d`, i%5, i)
	}
	for key := range 5 {
		fmt.Fprintf(&want, `,{"key":"k%d","value":%d}`, key, 495+key)
	}
	got, err := Canonical(json.RawMessage("{" + raw.String()[1:] + "}"))
	if err != nil || got != "["+want.String()[1:]+"]" {
		t.Errorf("%s, %v", got, err)
	}
}

func TestIsObject(t *testing.T) {
	for in, want := range map[string]bool{"": false, " ": false, "{}": true, " \t\r\n{}": true, "[]": false, "null": false, `"{"`: false} {
		if got := IsObject(json.RawMessage(in)); got != want {
			t.Errorf("IsObject(%q) = %v", in, got)
		}
	}
}
