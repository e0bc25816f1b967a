package mongo

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/x/bsonx/bsoncore"

	"github.com/tandem-sync/tandem/services/internal/record/rawjson"
)

// Record data is kept as an embedded document, as the reference server keeps it and
// as people look for it. Where a document would not come back byte for byte (white
// space, 1.0, keys with a dot or a dollar, lone surrogates, integers beyond 64 bits,
// the same key twice...) the JSON text itself is kept, as a string: an object is
// never a string, so that the two can't be mistaken for one another.

// maxDepth is how deep documents may nest; the server allows 100, envelope included.
const maxDepth = 90

// large is the size from which the shorter of the two forms is kept.
const large = 1 << 20

// maxDocument is what fits into a document beside its envelope. The server's limit is
// 16 MB, and it does not always say in words that a document is larger.
const maxDocument = 16<<20 - 64<<10

// fit tells whether values fit into one document together.
func fit(values ...any) bool {
	size := 0
	for _, v := range values {
		switch v := v.(type) {
		case bson.Raw:
			size += len(v)
		case string:
			size += len(v)
		case bson.Binary:
			size += len(v.Data)
		}
	}
	return size <= maxDocument
}

// jsonValue is the BSON value that keeps raw; nil (null) where raw is absent.
func jsonValue(raw []byte) any {
	if len(raw) == 0 {
		return nil
	}
	if rawjson.KindOf(raw) == rawjson.KindObject && utf8.Valid(raw) {
		// Lists of small numbers grow fivefold.
		if doc, ok := encodeObject(raw, 0); ok && (len(doc) < large || len(doc) < len(raw)) {
			if back, ok := appendDocument(make([]byte, 0, len(raw)), doc, false); ok && string(back) == string(raw) {
				return bson.Raw(doc)
			}
		}
	}
	return name(string(raw))
}

// jsonOf reads back what jsonValue made; nil where there is none.
func jsonOf(d bson.Raw, field ...string) json.RawMessage {
	v := d.Lookup(field...)
	switch v.Type {
	case bson.TypeString, bson.TypeBinary:
		raw := []byte(textOf(v))
		if rawjson.Valid(raw) != nil { // the reference server's text, not JSON of ours
			return rawjson.AppendQuoted(nil, raw)
		}
		return raw
	case 0, bson.TypeNull, bson.TypeUndefined:
		return nil
	}
	text, _ := appendValue(nil, v)
	return text
}

// encodeObject makes a document of an object; ok is false where that can't hold it.
func encodeObject(raw []byte, depth int) (bsoncore.Document, bool) {
	if depth > maxDepth {
		return nil, false
	}
	index, doc := bsoncore.AppendDocumentStart(nil)
	seen := map[string]struct{}{}
	for token, value := range rawjson.Members(raw) {
		key, valid := rawjson.Decode(token)
		if _, twice := seen[key]; twice || !valid || strings.ContainsAny(key, "\x00.") || strings.HasPrefix(key, "$") {
			return nil, false
		}
		seen[key] = struct{}{}
		var ok bool
		if doc, ok = appendBSON(doc, key, value, depth); !ok {
			return nil, false
		}
	}
	doc, err := bsoncore.AppendDocumentEnd(doc, index)
	return doc, err == nil
}

func encodeArray(raw []byte, depth int) (bsoncore.Document, bool) {
	if depth > maxDepth {
		return nil, false
	}
	index, doc := bsoncore.AppendArrayStart(nil)
	i := 0
	for value := range rawjson.Elements(raw) {
		var ok bool
		if doc, ok = appendBSON(doc, strconv.Itoa(i), value, depth); !ok {
			return nil, false
		}
		i++
	}
	doc, err := bsoncore.AppendArrayEnd(doc, index)
	return doc, err == nil
}

func appendBSON(doc []byte, key string, value []byte, depth int) ([]byte, bool) {
	switch value[0] {
	case '{':
		inner, ok := encodeObject(value, depth+1)
		return bsoncore.AppendDocumentElement(doc, key, inner), ok
	case '[':
		inner, ok := encodeArray(value, depth+1)
		return bsoncore.AppendArrayElement(doc, key, inner), ok
	case '"':
		s, ok := rawjson.Decode(value)
		return bsoncore.AppendStringElement(doc, key, s), ok
	case 't', 'f':
		return bsoncore.AppendBooleanElement(doc, key, value[0] == 't'), true
	case 'n':
		return bsoncore.AppendNullElement(doc, key), true
	}
	if n, err := strconv.ParseInt(string(value), 10, 64); err == nil {
		switch {
		case n == 0 && value[0] == '-':
			return nil, false
		case n >= math.MinInt32 && n <= math.MaxInt32:
			return bsoncore.AppendInt32Element(doc, key, int32(n)), true
		case n >= -1<<53 && n <= 1<<53: // what the reference server's driver writes
			return bsoncore.AppendDoubleElement(doc, key, float64(n)), true
		}
		return bsoncore.AppendInt64Element(doc, key, n), true
	}
	f, err := strconv.ParseFloat(string(value), 64)
	return bsoncore.AppendDoubleElement(doc, key, f), err == nil
}

// appendDocument prints a document as JSON, without white space; ok is false where
// a type has no form of its own in JSON.
func appendDocument(dst, doc []byte, array bool) (_ []byte, ok bool) {
	elements, err := bson.Raw(doc).Elements()
	if err != nil {
		return dst, false
	}
	ok = true
	open, shut := byte('{'), byte('}')
	if array {
		open, shut = '[', ']'
	}
	dst = append(dst, open)
	for i, e := range elements {
		if i > 0 {
			dst = append(dst, ',')
		}
		if !array {
			dst = append(rawjson.AppendQuoted(dst, []byte(e.Key())), ':')
		}
		var plain bool
		dst, plain = appendValue(dst, e.Value())
		ok = ok && plain
	}
	return append(dst, shut), ok
}

// appendValue prints a value as the reference server's JSON.stringify does.
func appendValue(dst []byte, v bson.RawValue) (_ []byte, plain bool) {
	switch v.Type {
	case bson.TypeEmbeddedDocument, bson.TypeArray:
		return appendDocument(dst, v.Value, v.Type == bson.TypeArray)
	case bson.TypeString:
		return rawjson.AppendQuoted(dst, []byte(v.StringValue())), true
	case bson.TypeBoolean:
		return strconv.AppendBool(dst, v.Boolean()), true
	case bson.TypeInt32, bson.TypeInt64:
		return strconv.AppendInt(dst, v.AsInt64(), 10), true
	case bson.TypeDouble:
		f := v.Double()
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return append(dst, "null"...), false
		}
		return rawjson.AppendNumber(dst, strconv.AppendFloat(nil, f, 'g', -1, 64)), true
	case bson.TypeNull:
		return append(dst, "null"...), true
	case bson.TypeObjectID:
		return rawjson.AppendQuoted(dst, []byte(v.ObjectID().Hex())), false
	case bson.TypeDateTime:
		return rawjson.AppendQuoted(dst, []byte(time.UnixMilli(v.DateTime()).UTC().Format(visibleLayout))), false
	case bson.TypeBinary:
		_, b := v.Binary()
		return rawjson.AppendQuoted(dst, []byte(base64.StdEncoding.EncodeToString(b))), false
	}
	text := []byte(v.String()) // Extended JSON
	if rawjson.Valid(text) != nil {
		return append(dst, "null"...), false
	}
	return append(dst, text...), false
}
