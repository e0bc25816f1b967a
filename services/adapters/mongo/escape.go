package mongo

import (
	"strings"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/tandem-sync/tandem/services/internal/record/rawjson"
)

// escapeField holds JSON text in the place of what BSON, or one of the servers, can't hold:
//
//   - as the only field of an object it stands for that JSON value: texts with lone surrogates, objects
//     with a key that has one, or a NUL, or begins with `$`, what is nested more than maxDepth deep, numbers
//     beyond a double;
//   - as a top-level field it holds an object with the members that can't be top-level fields: the same,
//     those with a `.`, "", "_id", the fields that the dataset hides, and escapeField itself.
const escapeField = "fhsync_json"

// maxDepth is how deep a record's values are nested as BSON. MongoDB takes 100, and a document is a part of
// other documents on its way.
const maxDepth = 60

// escaped makes the object that stands for a JSON value.
func escaped(raw []byte) bson.D {
	return bson.D{{Key: escapeField, Value: string(raw)}}
}

// unescape gives the JSON that an object stands for, if it does for one.
func unescape(v bson.RawValue) (text []byte, ok bool) {
	elements, err := v.Document().Elements()
	if err != nil || len(elements) != 1 || elements[0].Key() != escapeField {
		return nil, false
	}
	return jsonText(elements[0].Value())
}

// jsonText gives the JSON that a text value holds, if it does.
func jsonText(v bson.RawValue) (text []byte, ok bool) {
	s, ok := v.StringValueOK()
	text = []byte(s)
	return text, ok && rawjson.Valid(text) == nil
}

// escapes gives the members that a document's escape field holds, nil when it has none.
func escapes(doc bson.Raw) (object []byte) {
	v, err := doc.LookupErr(escapeField)
	if err != nil {
		return nil
	}
	if text, ok := jsonText(v); ok && rawjson.KindOf(text) == rawjson.KindObject {
		return text
	}
	return nil
}

// plain tells whether a key can stand in an object below the top level, on every server.
func plain(key string) bool {
	return utf8.ValidString(key) && !strings.Contains(key, "\x00") && !strings.HasPrefix(key, "$")
}

// addressable tells whether an update can name a top-level field.
func addressable(key string) bool {
	return key != "" && plain(key) && !strings.Contains(key, ".")
}

// storable tells whether a key can be a top-level field.
func storable(key string) bool {
	return addressable(key) && key != "_id" && key != escapeField
}
