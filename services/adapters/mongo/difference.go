package mongo

import (
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/tandem-sync/tandem/api/adapter"
)

// difference is what has to be written so that a document holds new data.
type difference struct {
	set, unset bson.D // top-level fields
	// replace is the whole new document, where fields change that an update can't name.
	replace bson.D
}

func (c difference) none() bool {
	return len(c.set) == 0 && len(c.unset) == 0 && c.replace == nil
}

// update makes the update document.
func (c difference) update() bson.D {
	var update bson.D
	if len(c.set) > 0 {
		update = append(update, bson.E{Key: "$set", Value: c.set})
	}
	if len(c.unset) > 0 {
		update = append(update, bson.E{Key: "$unset", Value: c.unset})
	}
	return update
}

// difference compares a document, nil for a new one, with the data of a device. Fields whose JSON form is
// the same are left alone.
func (d dataset) difference(doc bson.Raw, data []byte) (difference, error) {
	elements, _ := doc.Elements()
	kept := escapes(doc)
	old := map[string]bson.RawValue{}
	for _, e := range elements {
		if key := e.Key(); !d.hidden(key) && (key != escapeField || kept == nil) {
			old[key] = e.Value()
		}
	}
	next := map[string]any{} // fields to write
	gone := map[string]bool{}
	for key := range old {
		gone[key] = true
	}
	var set bson.D
	var aside []byte // members of the escape field
	for _, m := range membersOf(data) {
		was, native := old[m.key]
		delete(gone, m.key)
		switch {
		case native && equalJSON(form(was), m.value):
		case native || storable(m.key) && !d.hidden(m.key):
			next[m.key] = encode(m.value, was, 1)
			set = append(set, bson.E{Key: m.key, Value: next[m.key]})
		default:
			aside = append(append(append(append(aside, ','), m.token...), ':'), m.value...)
		}
	}
	change := difference{set: set}
	switch {
	case aside != nil && old[escapeField].Type != 0:
		return difference{}, adapter.Refuse(fmt.Sprintf("dataset %s: the document has a field %s of another application, "+
			"which the adapter needs for a field that a document can't have", d.id, escapeField))
	case aside != nil:
		aside[0] = '{'
		if aside = append(aside, '}'); kept == nil || !equalJSON(kept, aside) {
			next[escapeField] = string(aside)
			change.set = append(change.set, bson.E{Key: escapeField, Value: string(aside)})
		}
	case kept != nil:
		gone[escapeField] = true
	}
	for _, e := range elements {
		if gone[e.Key()] {
			change.unset = append(change.unset, bson.E{Key: e.Key(), Value: ""})
		}
	}
	for _, part := range []bson.D{change.set, change.unset} {
		for _, e := range part {
			if !addressable(e.Key) {
				change.replace = replacement(elements, change, next, gone)
				return change, nil
			}
		}
	}
	return change, nil
}

// replacement makes the whole document, in the order that it has.
func replacement(elements []bson.RawElement, change difference, next map[string]any, gone map[string]bool) bson.D {
	whole := bson.D{}
	was := map[string]bool{}
	for _, e := range elements {
		key := e.Key()
		was[key] = true
		if value, changed := next[key]; changed {
			whole = append(whole, bson.E{Key: key, Value: value})
		} else if !gone[key] {
			whole = append(whole, bson.E{Key: key, Value: e.Value()})
		}
	}
	for _, e := range change.set {
		if !was[e.Key] {
			whole = append(whole, e)
		}
	}
	return whole
}
