package mongo

import (
	"bytes"
	"math"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/tandem-sync/tandem/services/internal/record/rawjson"
)

// encode makes the BSON value of a JSON value. old is what stands in its place now, zero for nothing:
// where its JSON form is the same it stays as it is, and so do the parts of an array or object that are the
// same. depth is how many objects and arrays are around the value.
func encode(raw []byte, old bson.RawValue, depth int) any {
	if !old.IsZero() && equalJSON(form(old), raw) {
		return old
	}
	switch rawjson.KindOf(raw) {
	case rawjson.KindNull:
		return nil
	case rawjson.KindBool:
		return bytes.Equal(raw, []byte("true"))
	case rawjson.KindNumber:
		return encodeNumber(raw, old.Type)
	case rawjson.KindText:
		if text, valid := rawjson.Decode(raw); valid {
			return text
		}
	case rawjson.KindArray:
		if depth < maxDepth {
			return encodeArray(raw, old, depth)
		}
	case rawjson.KindObject:
		if v, ok := typed(raw); ok {
			return v
		}
		if depth < maxDepth {
			return encodeObject(raw, old, depth)
		}
	}
	return escaped(raw)
}

// encodeNumber makes a number of the type of the one that it replaces, if it fits; else an integer if it is
// written as one and exact, and a double.
func encodeNumber(token []byte, old bson.Type) any {
	f, err := strconv.ParseFloat(string(token), 64)
	switch {
	case err != nil:
		return escaped(token) // beyond a double
	case old == bson.TypeDouble || f != math.Trunc(f) || math.Abs(f) > maxExact:
		return f
	case old == bson.TypeInt64:
		return int64(f)
	case old != bson.TypeInt32 && bytes.ContainsAny(token, ".eE"):
		return f
	case math.MinInt32 <= f && f <= math.MaxInt32:
		return int32(f)
	default:
		return int64(f)
	}
}

func encodeArray(raw []byte, old bson.RawValue, depth int) bson.A {
	var was []bson.RawValue
	if array, ok := old.ArrayOK(); ok {
		was, _ = array.Values()
	}
	list := bson.A{}
	for e := range rawjson.Elements(raw) {
		var oldElement bson.RawValue
		if len(list) < len(was) {
			oldElement = was[len(list)]
		}
		list = append(list, encode(e, oldElement, depth+1))
	}
	return list
}

// encodeObject keeps the order of the object that it replaces; new members come behind.
func encodeObject(raw []byte, old bson.RawValue, depth int) any {
	members := membersOf(raw)
	if len(members) == 1 && members[0].key == escapeField {
		return escaped(raw)
	}
	was := map[string]bson.RawValue{}
	var order []string
	if doc, ok := old.DocumentOK(); ok {
		elements, _ := doc.Elements()
		for _, e := range elements {
			was[e.Key()] = e.Value()
			order = append(order, e.Key())
		}
	}
	values := map[string][]byte{}
	for _, m := range members {
		// What is there already can be there.
		if _, ok := was[m.key]; !ok && !plain(m.key) {
			return escaped(raw)
		}
		values[m.key] = m.value
	}
	object := bson.D{}
	add := func(key string) {
		if value, ok := values[key]; ok {
			object = append(object, bson.E{Key: key, Value: encode(value, was[key], depth+1)})
			delete(values, key)
		}
	}
	for _, key := range order {
		add(key)
	}
	for _, m := range members {
		add(m.key)
	}
	return object
}
