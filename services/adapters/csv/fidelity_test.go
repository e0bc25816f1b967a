package csv

import (
	"encoding/json"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"pgregory.net/rapid"

	"github.com/tandem-sync/tandem/api/adapter"
)

// What nobody touched keeps its bytes, whoever wrote it and how.
func TestOthersWorkIsKept(t *testing.T) {
	const bom = "\uFEFF"
	o := Options{Default: Table{Delimiter: ";", Comment: "#", Others: "ignore", Columns: map[string]Column{
		"name": {}, "price": {Type: "number"}, "paid": {Type: "boolean", Field: "isPaid"},
	}}}
	b := newBench(t, o, bom+"# prices of the shop\r\n"+
		"\"id\";name;internal note;price;paid\r\n"+
		"\r\n"+
		"a;\"Milk\";\"two\r\nlines; \"\"quoted\"\"\";1.50;TRUE\r\n"+
		"# bread is out\r\n"+
		"b;Bread;x ;007;\r\n"+
		"c;Tea;;2;false") // no line end
	if _, err := b.list(); err == nil || !strings.Contains(err.Error(), `d.csv:7: column "price": "007" is no number`) {
		t.Error(err)
	}
	b.write(strings.Replace(b.file(), "007", "7", 1))
	b.wantList(`a {"name":"Milk","price":1.50,"isPaid":true}` + "\n" + `b {"name":"Bread","price":7}` + "\n" + `c {"name":"Tea","price":2,"isPaid":false}`)

	if err := b.update("a", `{"name":"Milk","price":1.5,"isPaid":false}`, `{"isPaid":true,"price":1.5,"name":"Milk"}`); err != nil {
		t.Error(err)
	}
	if err := b.remove("b"); err != nil {
		t.Error(err)
	}
	uid, err := b.create(`{"name":"Salt; fine"}`, "k")
	if err != nil {
		t.Error(err)
	}
	b.wantFile(bom + "# prices of the shop\r\n" +
		"\"id\";name;internal note;price;paid\r\n" +
		"\r\n" +
		"a;\"Milk\";\"two\r\nlines; \"\"quoted\"\"\";1.50;false\r\n" +
		"# bread is out\r\n" +
		"c;Tea;;2;false\r\n" +
		uid + ";\"Salt; fine\";;;\r\n")
	// A change that changes nothing writes nothing.
	before := b.file()
	if err := b.update("c", `{"price":2.0,"name":"Tea","isPaid":false}`, ""); err != nil {
		t.Error(err)
	}
	b.wantFile(before)
}

func TestCells(t *testing.T) {
	o := Options{Default: Table{Columns: map[string]Column{
		"i": {Type: "integer"}, "n": {Type: "number"}, "b": {Type: "boolean"}, "d": {Type: "date"}, "j": {Type: "json"}, "z": {Type: "integer", EmptyIsNull: true}, "s": {Type: "text", EmptyIsNull: true},
	}}}
	const header = "id,t,i,n,b,d,j,z,s\n"
	for row, want := range map[string]string{
		`u,,,,,,,,`:                                                      `{"z":null,"s":null}`,
		`u,"","","","","","","",""`:                                      `{"t":"","d":"","z":null,"s":""}`,
		`u,null,null,null,null,,null,null,`:                              `{"t":"null","i":null,"n":null,"b":null,"j":null,"z":null,"s":null}`,
		`u,1,-12,1e5,True,2026-11-23,"{""a"":[1]}",5,x`:                  `{"t":"1","i":-12,"n":1e5,"b":true,"d":"2026-11-23","j":{"a":[1]},"z":5,"s":"x"}`,
		`u,"a""b",0,0.5,FALSE,2026-11-23T10:00:00+01:00,"""x""",0,"a,b"`: `{"t":"a\"b","i":0,"n":0.5,"b":false,"d":"2026-11-23T10:00:00+01:00","j":"x","z":0,"s":"a,b"}`,
	} {
		b := newBench(t, o, header+row+"\n")
		b.wantList("u " + want)
		// Data that come back as they were change nothing; and they make such a row.
		if err := b.update("u", want, want); err != nil {
			t.Error(err)
		}
		b.wantFile(header + row + "\n")
		uid, err := b.create(want, "k")
		if got := b.read(uid); err != nil || !sameJSON(json.RawMessage(got), json.RawMessage(want)) {
			t.Errorf("%s came back as %s, %v", want, got, err)
		}
		_ = b.Close()
	}
	b := newBench(t, o, header+"u,t,,,,,,,\n")
	for data, says := range map[string]string{
		`{"t":null,"z":1,"s":""}`:         `column "t" can't hold null; it takes a text`,
		`{"t":5,"z":1,"s":""}`:            `column "t" can't hold 5`,
		`{"t":"a\u0000","z":1,"s":""}`:    `column "t"`,
		`{"t":"\ud800","z":1,"s":""}`:     `column "t"`,
		`{"i":1.5,"z":1,"s":""}`:          `it takes a whole number`,
		`{"i":"1","z":1,"s":""}`:          `it takes a whole number`,
		`{"n":true,"z":1,"s":""}`:         `it takes a number`,
		`{"b":"true","z":1,"s":""}`:       `it takes true or false`,
		`{"d":"23.11.2026","z":1,"s":""}`: `it takes a date`,
		`{"other":1,"z":1,"s":""}`:        `no column for field "other"`,
		`{"s":""}`:                        `field "z" is missing`,
		`{"z":1}`:                         `field "s" is missing`,
	} {
		_, err := b.create(data, "k")
		wantCode(t, data, err, codes.InvalidArgument, says)
		wantCode(t, data, b.update("u", data, ""), codes.InvalidArgument, says)
	}
	b.wantFile(header + "u,t,,,,,,,\n")
}

// TestRoundTrip: whatever record is taken comes back, also after others have been
// written beside it, and a refused one leaves no trace.
func TestRoundTrip(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[,;"\r\n #a\t]{0,6}`), rapid.SampledFrom([]string{"", "null", "=1+1", "\r\n", "\"", "#", "\uFEFF", "-0", "true"}))
	value := rapid.OneOf(rapid.Map(text, func(s string) any { return s }), rapid.Map(rapid.Float64(), func(f float64) any { return f }),
		rapid.Map(rapid.Int(), func(i int) any { return i }), rapid.SampledFrom([]any{nil, true, false, 0, map[string]any{}, []any{1, "a"}, map[string]any{"a": nil}}))
	fields := rapid.MapOf(rapid.OneOf(rapid.SampledFrom([]string{"t", "i", "n", "b", "j", "d", "x", "rest", "id"}), text), value)
	columns := map[string]Column{"i": {Type: "integer"}, "n": {Type: "number"}, "b": {Type: "boolean"}, "j": {Type: "json"}, "d": {Type: "date"}}
	for name, o := range map[string]Options{
		"with rest":    {Default: Table{Comment: "#", Rest: "rest", Columns: columns}},
		"without rest": {Default: Table{Delimiter: "\t", Columns: columns}},
	} {
		t.Run(name, func(t *testing.T) {
			sep := map[bool]string{true: ",", false: "\t"}[o.Default.Rest != ""]
			b := newBench(t, o, strings.Join([]string{"t", "i", "id", "n", "b", "j", "d", "rest"}, sep)+"\r\n")
			n := 0
			rapid.Check(t, func(rt *rapid.T) {
				data, err := json.Marshal(fields.Draw(rt, "fields"))
				if err != nil {
					rt.Fatal(err)
				}
				n++
				uid, err := b.create(string(data), strings.Repeat("k", n))
				if err != nil {
					if o.Default.Rest != "" {
						rt.Fatalf("%s: %v", data, err)
					}
					return
				}
				second, err := json.Marshal(fields.Draw(rt, "second"))
				if err != nil {
					rt.Fatal(err)
				}
				want := data
				if b.update(uid, string(second), string(data)) == nil {
					want = second
				}
				got, err := b.Read(t.Context(), adapter.ReadRequest{Dataset: "d", UID: uid})
				if err != nil || !sameJSON(got, want) {
					rt.Fatalf("%s came back as %s, %v", want, got, err)
				}
				if _, err := b.list(); err != nil {
					rt.Fatal(err)
				}
			})
		})
	}
}
