package mongo

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/tandem-sync/tandem/services/internal/record/rawjson"
)

// maxExact is the largest integer up to which a device's numbers are exact.
const maxExact = 1<<53 - 1

// appendValue appends the JSON form of a BSON value. There is exactly one for each value:
//
//   - null, booleans, texts, arrays and objects are themselves, also Int32, Int64 up to 2^53-1 and doubles;
//   - an object that is an escape is the JSON that it holds (escape.go);
//   - everything else is MongoDB Extended JSON v2 in its relaxed form, and an Int64 beyond that
//     {"$numberLong": "..."}.
func appendValue(dst []byte, v bson.RawValue) []byte {
	switch v.Type {
	case bson.TypeNull:
		return append(dst, "null"...)
	case bson.TypeBoolean:
		return strconv.AppendBool(dst, v.Boolean())
	case bson.TypeInt32:
		return strconv.AppendInt(dst, int64(v.Int32()), 10)
	case bson.TypeInt64:
		if n := v.Int64(); -maxExact <= n && n <= maxExact {
			return strconv.AppendInt(dst, n, 10)
		}
		return append(dst, extended(v, true)...)
	case bson.TypeDouble:
		if f := v.Double(); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return rawjson.AppendNumber(dst, strconv.AppendFloat(nil, f, 'e', -1, 64))
		}
	case bson.TypeString:
		return appendText(dst, v.StringValue())
	case bson.TypeArray:
		return appendArray(dst, bson.Raw(v.Array()))
	case bson.TypeEmbeddedDocument:
		if text, ok := unescape(v); ok {
			return append(dst, text...)
		}
		return appendObject(dst, v.Document())
	}
	return append(dst, extended(v, false)...)
}

// appendText appends a text. What is not UTF-8 in the database, which drivers let happen, is replaced.
func appendText(dst []byte, s string) []byte {
	return rawjson.AppendQuoted(dst, []byte(strings.ToValidUTF8(s, "\uFFFD")))
}

func appendArray(dst []byte, array bson.Raw) []byte {
	elements, _ := array.Elements() // what came from a server is well-formed
	dst = append(dst, '[')
	for i, e := range elements {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendValue(dst, e.Value())
	}
	return append(dst, ']')
}

func appendObject(dst []byte, doc bson.Raw) []byte {
	elements, _ := doc.Elements()
	dst = append(dst, '{')
	for i, e := range elements {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendText(dst, e.Key()), ':')
		dst = appendValue(dst, e.Value())
	}
	return append(dst, '}')
}

// form gives the JSON form of a value.
func form(v bson.RawValue) []byte { return appendValue(nil, v) }

// extended gives the Extended JSON of a value.
func extended(v bson.RawValue, canonical bool) []byte {
	text, err := bson.MarshalExtJSON(bson.D{{Key: "v", Value: v}}, canonical, false)
	if err != nil {
		// Only a type that the driver does not know, from a newer server.
		return []byte(`{"$unknown":` + strconv.Quote(v.Type.String()) + `}`)
	}
	return bytes.TrimSuffix(bytes.TrimPrefix(text, []byte(`{"v":`)), []byte("}"))
}

// creatable are the forms by which a device can make a value that JSON has no form for.
func creatable() []string {
	return []string{"$oid", "$date", "$numberLong", "$numberDouble", "$numberDecimal", "$binary",
		"$timestamp", "$regularExpression", "$minKey", "$maxKey", "$symbol"}
}

// typed reads a JSON value as the value that it is the form of, if it is one. It must be that value's own form, so that
// whatever a device sends comes back as it was: {"$numberLong": "1"} is an object, since the value would
// come back as 1.
func typed(object []byte) (bson.RawValue, bool) {
	if rawjson.KindOf(object) != rawjson.KindObject {
		return bson.RawValue{}, false
	}
	members, name := 0, ""
	for key := range rawjson.Members(object) {
		if members++; members > 1 {
			return bson.RawValue{}, false
		}
		name, _ = rawjson.Decode(key)
	}
	if members == 0 || !slices.Contains(creatable(), name) {
		return bson.RawValue{}, false
	}
	v, ok := readExtended(object)
	if !ok || !equalJSON(form(v), object) {
		return bson.RawValue{}, false
	}
	if t, i, isTimestamp := v.TimestampOK(); isTimestamp && t == 0 && i == 0 {
		return bson.RawValue{}, false // a server puts its time in the place of this one
	}
	return v, true
}

// readExtended reads a value from its Extended JSON.
func readExtended(text []byte) (bson.RawValue, bool) {
	var d bson.D
	if bson.UnmarshalExtJSON(slices.Concat([]byte(`{"v":`), text, []byte("}")), false, &d) != nil || len(d) != 1 {
		return bson.RawValue{}, false
	}
	doc, err := bson.Marshal(d)
	if err != nil {
		return bson.RawValue{}, false
	}
	return bson.Raw(doc).Lookup("v"), true
}
