package sql

import (
	"bytes"
	"slices"
	"strings"

	"github.com/tandem-sync/tandem/services/internal/record/rawjson"
)

// equal tells whether two valid JSON values mean the same: the order of keys and the spelling of numbers
// and texts do not count; numbers are doubles. It is finer than the hash of records, which takes {} for [].
func equal(a, b []byte) bool {
	return bytes.Equal(a, b) || bytes.Equal(appendPlain(nil, a), appendPlain(nil, b))
}

// appendPlain prints a JSON value in the one form of all that mean the same.
func appendPlain(dst, raw []byte) []byte {
	raw = bytes.TrimSpace(raw)
	switch rawjson.KindOf(raw) {
	case rawjson.KindObject:
		members := membersOf(raw)
		slices.SortFunc(members, func(a, b member) int { return strings.Compare(a.key, b.key) })
		dst = append(dst, '{')
		for i, m := range members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(rawjson.AppendQuoted(dst, []byte(m.key)), ':')
			dst = appendPlain(dst, m.value)
		}
		return append(dst, '}')
	case rawjson.KindArray:
		dst = append(dst, '[')
		first := true
		for e := range rawjson.Elements(raw) {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = appendPlain(dst, e)
		}
		return append(dst, ']')
	case rawjson.KindNumber:
		return rawjson.AppendNumber(dst, raw)
	case rawjson.KindText:
		return rawjson.AppendQuoted(dst, rawjson.AppendUnquoted(nil, raw))
	}
	return append(dst, raw...)
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
