package mongo

import (
	"math"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"pgregory.net/rapid"

	"github.com/tandem-sync/tandem/services/internal/record/rawjson"
)

func decimal(t *testing.T, text string) bson.Decimal128 {
	t.Helper()
	d, err := bson.ParseDecimal128(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// raw makes a value as it comes from a server.
func raw(t *testing.T, v any) bson.RawValue {
	t.Helper()
	doc, err := bson.Marshal(bson.D{{Key: "v", Value: v}})
	if err != nil {
		t.Fatal(err)
	}
	return bson.Raw(doc).Lookup("v")
}

// types is the table of docs/07-adapter-mongo.md: each BSON type, its JSON form, and whether a device can make
// one by sending the form.
func types(t *testing.T) []struct {
	name    string
	value   any
	form    string
	creates bool
} {
	oid, _ := bson.ObjectIDFromHex("0123456789abcdef01234567")
	return []struct {
		name    string
		value   any
		form    string
		creates bool
	}{
		{"null", nil, `null`, true},
		{"bool", true, `true`, true},
		{"int32", int32(-5), `-5`, true},
		{"int64", int64(5), `5`, false},
		{"int64 above int32", int64(1 << 40), `1099511627776`, true},
		{"largest exact int64", int64(maxExact), `9007199254740991`, true},
		{"first int64 beyond", int64(maxExact + 1), `{"$numberLong":"9007199254740992"}`, true},
		{"negative int64 beyond", int64(math.MinInt64), `{"$numberLong":"-9223372036854775808"}`, true},
		{"double", 1.5, `1.5`, true},
		{"whole double", 5.0, `5`, false},
		{"large double", 1e300, `1e+300`, true},
		{"NaN", math.NaN(), `{"$numberDouble":"NaN"}`, true},
		{"infinity", math.Inf(-1), `{"$numberDouble":"-Infinity"}`, true},
		{"decimal", decimal(t, "1.50"), `{"$numberDecimal":"1.50"}`, true},
		{"text", "é\x00\"", `"é\u0000\""`, true},
		{"ObjectId", oid, `{"$oid":"0123456789abcdef01234567"}`, true},
		{"date", bson.DateTime(1577836800000), `{"$date":"2020-01-01T00:00:00Z"}`, true},
		{"date with ms", bson.DateTime(1577836800120), `{"$date":"2020-01-01T00:00:00.12Z"}`, true},
		{"date before 1970", bson.DateTime(-1), `{"$date":{"$numberLong":"-1"}}`, true},
		{"binary", bson.Binary{Data: []byte{1, 2}}, `{"$binary":{"base64":"AQI=","subType":"00"}}`, true},
		{"UUID", bson.Binary{Subtype: 4, Data: make([]byte, 16)}, `{"$binary":{"base64":"AAAAAAAAAAAAAAAAAAAAAA==","subType":"04"}}`, true},
		{"timestamp", bson.Timestamp{T: 5, I: 6}, `{"$timestamp":{"t":5,"i":6}}`, true},
		{"empty timestamp", bson.Timestamp{}, `{"$timestamp":{"t":0,"i":0}}`, false},
		{"regex", bson.Regex{Pattern: "^a/", Options: "i"}, `{"$regularExpression":{"pattern":"^a/","options":"i"}}`, true},
		{"MinKey", bson.MinKey{}, `{"$minKey":1}`, true},
		{"MaxKey", bson.MaxKey{}, `{"$maxKey":1}`, true},
		{"code", bson.JavaScript("x()"), `{"$code":"x()"}`, false},
		{"symbol", bson.Symbol("s"), `{"$symbol":"s"}`, true},
		{"undefined", bson.Undefined{}, `{"$undefined":true}`, false},
		{"code with scope", bson.CodeWithScope{Code: "x()", Scope: bson.D{}}, `{"$code":"x()","$scope":{}}`, false},
		{"array", bson.A{int32(1), "a", bson.A{}}, `[1,"a",[]]`, true},
		{"object", bson.D{{Key: "b", Value: int32(1)}, {Key: "a.b", Value: nil}, {Key: "", Value: nil}}, `{"b":1,"a.b":null,"":null}`, true},
	}
}

func TestTypes(t *testing.T) {
	for _, tt := range types(t) {
		v := raw(t, tt.value)
		if got := string(form(v)); got != tt.form {
			t.Errorf("%s: form %s, want %s", tt.name, got, tt.form)
		}
		if got := raw(t, encode([]byte(tt.form), v, 1)); !got.Equal(v) {
			t.Errorf("%s: untouched it became %v", tt.name, got)
		}
		got := raw(t, encode([]byte(tt.form), bson.RawValue{}, 1))
		if got.Equal(v) != tt.creates {
			t.Errorf("%s: a device that sends %s makes %v", tt.name, tt.form, got)
		}
		if !equalJSON(form(got), []byte(tt.form)) {
			t.Errorf("%s: %s comes back as %s", tt.name, tt.form, form(got))
		}
	}
}

// What only looks like a form is an object, and comes back as it was.
func TestNoForms(t *testing.T) {
	for _, text := range []string{
		`{"$numberLong":"1"}`, `{"$numberInt":"1"}`, `{"$numberDouble":"1.5"}`, `{"$oid":"0123"}`, `{"$oid":"0123456789ABCDEF01234567"}`,
		`{"$oid":{"$ne":null}}`, `{"$date":"yesterday"}`, `{"$date":1}`, `{"$date":"2020-01-01T00:00:00+01:00"}`, `{"$oid":"0123456789abcdef01234567","x":1}`,
		`{"$binary":"AQI="}`, `{"$uuid":"00000000-0000-0000-0000-000000000000"}`, `{"$ref":"c","$id":1}`, `{"$dbPointer":{}}`, `{"$minKey":2}`,
		`{"fhsync_json":"1"}`, `{"fhsync_json":5}`, `{"fhsync_json":"{"}`, `{"a":{"fhsync_json":"null"}}`, `{"$set":{"a":1}}`, `1e400`, `-1e400`, `-0`,
		`"\ud800"`, `{"\udc00":1}`, `{"a\u0000":[{"$x":1}]}`,
		strings.Repeat("[", 300) + strings.Repeat("]", 300), strings.Repeat(`{"a":`, 300) + "1" + strings.Repeat("}", 300),
	} {
		v := raw(t, encode([]byte(text), bson.RawValue{}, 1))
		if got := form(v); !equalJSON(got, []byte(text)) {
			t.Errorf("%.60s comes back as %.60s", text, got)
		}
		if depthOf(v) > 80 { // of the 100 that MongoDB takes
			t.Errorf("%.60s is nested %d deep", text, depthOf(v))
		}
	}
}

func depthOf(v bson.RawValue) int {
	var doc bson.Raw
	switch v.Type {
	case bson.TypeArray:
		doc = bson.Raw(v.Array())
	case bson.TypeEmbeddedDocument:
		doc = v.Document()
	default:
		return 0
	}
	values, _ := doc.Values()
	deepest := 0
	for _, inner := range values {
		deepest = max(deepest, depthOf(inner))
	}
	return deepest + 1
}

// jsonValue draws JSON with all that is odd in it.
func jsonValue(depth int) *rapid.Generator[string] {
	text := rapid.OneOf(
		rapid.SampledFrom([]string{`""`, `"a"`, `"b"`, `"a.b"`, `"$a"`, `"$oid"`, `"$date"`, `"$numberLong"`, `"fhsync_json"`, `"_id"`,
			`"\u0000"`, `"\ud800"`, `"\ud83d\ude00"`, `"0123456789abcdef01234567"`, `"9007199254740993"`, `"2020-01-01T00:00:00Z"`, `"{}"`, `"1"`}),
		rapid.Custom(func(t *rapid.T) string {
			return string(rawjson.AppendQuoted(nil, []byte(rapid.String().Draw(t, "text"))))
		}),
	)
	scalar := rapid.OneOf(text, rapid.SampledFrom([]string{"null", "true", "false", "0", "-0", "1", "1.0", "1e2", "-1.5", "1e21", "1e400",
		"5e-324", "2147483648", "9007199254740991", "9007199254740993", "12345678901234567890"}))
	if depth == 0 {
		return scalar
	}
	inner := jsonValue(depth - 1)
	return rapid.OneOf(scalar,
		rapid.Custom(func(t *rapid.T) string {
			return "[" + strings.Join(rapid.SliceOfN(inner, 0, 4).Draw(t, "list"), ",") + "]"
		}),
		rapid.Custom(func(t *rapid.T) string { return object(t, text, inner) }),
	)
}

func object(t *rapid.T, keys, values *rapid.Generator[string]) string {
	var members []string
	for _, key := range rapid.SliceOfN(keys, 0, 4).Draw(t, "keys") {
		members = append(members, key+":"+values.Draw(t, "value"))
	}
	return "{" + strings.Join(members, ",") + "}"
}

// Whatever a document held before, after an update it holds what was sent; and a second look sees nothing
// left to write.
func TestUpdatesInMemory(t *testing.T) {
	d := dataset{id: "d", o: DatasetOptions{ChangeField: "b"}}
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.OneOf(jsonValue(0).Filter(func(s string) bool { return s[0] == '"' }))
		doc := bson.Raw(nil)
		for range 3 {
			data := []byte(object(t, keys, jsonValue(3)))
			change, err := d.difference(doc, data)
			if err != nil {
				t.Fatal(err)
			}
			doc = applied(t, doc, change)
			if got := d.data(doc); !equalJSON(got, data) {
				t.Fatalf("%s comes back as %s from %s", data, got, doc)
			}
			again, err := d.difference(doc, data)
			if err != nil || !again.none() {
				t.Fatalf("%s is written again: %v, %v", data, again, err)
			}
		}
	})
}

// applied does what a server does with an update.
func applied(t interface{ Fatal(...any) }, doc bson.Raw, change difference) bson.Raw {
	next := change.replace
	if next == nil {
		next = bson.D{}
		elements, _ := doc.Elements()
		values := map[string]any{}
		for _, e := range change.set {
			values[e.Key] = e.Value
		}
		for _, e := range change.unset {
			values[e.Key] = nil
		}
		for _, e := range elements {
			if _, changes := values[e.Key()]; !changes {
				next = append(next, bson.E{Key: e.Key(), Value: e.Value()})
			}
		}
		next = append(next, change.set...)
	}
	out, err := bson.Marshal(next)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
