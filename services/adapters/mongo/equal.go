package mongo

import (
	"bytes"

	"github.com/tandem-sync/tandem/services/internal/record/rawjson"
)

// equalJSON tells whether two valid JSON values mean the same: the order of keys and the spelling of
// numbers and texts do not count; numbers are doubles. It is finer than the hash of records, which
// takes {} for [].
func equalJSON(a, b []byte) bool {
	a, b = bytes.TrimSpace(a), bytes.TrimSpace(b)
	if bytes.Equal(a, b) {
		return true
	}
	kind := rawjson.KindOf(a)
	if kind != rawjson.KindOf(b) {
		return false
	}
	switch kind {
	case rawjson.KindNumber:
		return bytes.Equal(rawjson.AppendNumber(nil, a), rawjson.AppendNumber(nil, b))
	case rawjson.KindText:
		textA, _ := rawjson.Decode(a)
		textB, _ := rawjson.Decode(b)
		return textA == textB
	case rawjson.KindArray:
		return equalArrays(a, b)
	case rawjson.KindObject:
		return equalObjects(a, b)
	}
	return false // null and booleans have one spelling
}

func equalArrays(a, b []byte) bool {
	var rest [][]byte
	for e := range rawjson.Elements(b) {
		rest = append(rest, e)
	}
	for e := range rawjson.Elements(a) {
		if len(rest) == 0 || !equalJSON(e, rest[0]) {
			return false
		}
		rest = rest[1:]
	}
	return len(rest) == 0
}

func equalObjects(a, b []byte) bool {
	membersA, membersB := membersOf(a), membersOf(b)
	if len(membersA) != len(membersB) {
		return false
	}
	values := map[string][]byte{}
	for _, m := range membersB {
		values[m.key] = m.value
	}
	for _, m := range membersA {
		if value, ok := values[m.key]; !ok || !equalJSON(m.value, value) {
			return false
		}
	}
	return true
}

// member is one member of a JSON object.
type member struct {
	key   string // WTF-8, see rawjson
	token []byte // the key as it is written
	value []byte
}

// membersOf gives the members of a JSON object in their order; of several with one key the last.
func membersOf(object []byte) []member {
	var all []member
	at := map[string]int{}
	for token, value := range rawjson.Members(object) {
		key, _ := rawjson.Decode(token)
		if i, again := at[key]; again {
			all[i].value = value
			continue
		}
		at[key] = len(all)
		all = append(all, member{key, token, value})
	}
	return all
}
