package mongo

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/tandem-sync/tandem/services/adapters/internal/filter"
	"github.com/tandem-sync/tandem/services/internal/record/rawjson"
)

// query translates query_params. Package filter says what is allowed and what is wrong; it sees a text in
// the place of each form such as {"$date": ...}. What it lets pass is built anew here, operator by
// operator: nothing of the device's document is handed on but values.
func (d dataset) query(params []byte) (bson.D, error) {
	if len(params) == 0 {
		return bson.D{}, nil
	}
	if err := rawjson.Valid(params); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	checked, err := filter.Parse(untyped(nil, params))
	if err != nil || checked.All() {
		return bson.D{}, err
	}
	return translator{d, true}.object(params)
}

// untyped copies a JSON value with a text in the place of each form.
func untyped(dst, raw []byte) []byte {
	switch rawjson.KindOf(raw) {
	case rawjson.KindObject:
		if v, ok := typed(bytes.TrimSpace(raw)); ok {
			if oid, isID := v.ObjectIDOK(); isID {
				return strconv.AppendQuote(dst, oid.Hex())
			}
			return append(dst, `"typed"`...)
		}
		dst = append(dst, '{')
		for i, m := range membersOf(raw) {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = untyped(append(append(dst, m.token...), ':'), m.value)
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
			dst = untyped(dst, e)
		}
		return append(dst, ']')
	}
	return append(dst, raw...)
}

// translator translates conditions; uid tells whether _id means the record's uid here, which it does not
// inside $elemMatch.
type translator struct {
	d   dataset
	uid bool
}

func (t translator) object(raw []byte) (bson.D, error) {
	var parts []bson.D
	for _, m := range membersOf(raw) {
		part, err := t.field(m.key, m.value)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return and(parts...), nil
}

func (t translator) field(name string, value []byte) (bson.D, error) {
	switch {
	case name == "$and" || name == "$or" || name == "$nor":
		parts := bson.A{}
		for e := range rawjson.Elements(value) {
			part, err := t.object(e)
			if err != nil {
				return nil, err
			}
			parts = append(parts, part)
		}
		return bson.D{{Key: name, Value: parts}}, nil
	case name == "_id" && t.uid:
		return uidCondition(value), nil
	}
	if err := t.path(name); err != nil {
		return nil, err
	}
	condition, err := t.condition(value)
	return bson.D{{Key: name, Value: condition}}, err
}

// path refuses fields that documents don't have, or that are not for devices.
func (t translator) path(name string) error {
	parts := strings.Split(name, ".")
	for i, part := range parts {
		if part == "" || !plain(part) || part == escapeField || i == 0 && t.uid && t.d.hidden(part) {
			return fmt.Errorf("field %.40q can't be used in a filter", name)
		}
	}
	return nil
}

// uidCondition selects by uid: a text, $eq with one, $in with several.
func uidCondition(value []byte) bson.D {
	if _, isForm := typed(value); !isForm && rawjson.KindOf(value) == rawjson.KindObject {
		value = membersOf(value)[0].value
	}
	ids := bson.A{}
	add := func(raw []byte) {
		if v, ok := typed(raw); ok {
			ids = append(ids, idsOf(uidOf(v))...)
			return
		}
		text, _ := rawjson.Decode(raw)
		ids = append(ids, idsOf(text)...)
	}
	if rawjson.KindOf(value) == rawjson.KindArray {
		for e := range rawjson.Elements(value) {
			add(e)
		}
	} else {
		add(value)
	}
	return bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}}
}

// condition translates what stands below a field: a value to equal, or operators.
func (t translator) condition(value []byte) (bson.D, error) {
	if !hasOperators(value) {
		return bson.D{{Key: "$eq", Value: operand(value)}}, nil
	}
	condition := bson.D{}
	for _, m := range membersOf(value) {
		of, err := t.operator(m.key, m.value)
		if err != nil {
			return nil, err
		}
		condition = append(condition, bson.E{Key: m.key, Value: of})
	}
	return condition, nil
}

// operator translates what an operator takes.
func (t translator) operator(name string, value []byte) (any, error) {
	switch name {
	case "$eq", "$ne", "$gt", "$gte", "$lt", "$lte":
		return operand(value), nil
	case "$in", "$nin", "$all":
		list := bson.A{}
		for e := range rawjson.Elements(value) {
			list = append(list, operand(e))
		}
		return list, nil
	case "$exists":
		kind := rawjson.KindOf(value)
		return string(value) == "true" || kind == rawjson.KindNumber && !equalJSON(value, []byte("0")), nil
	case "$size":
		return operand(value), nil
	case "$not":
		return t.condition(value)
	case "$elemMatch":
		inner := translator{t.d, false}
		for _, m := range membersOf(value) {
			if strings.HasPrefix(m.key, "$") && m.key != "$and" && m.key != "$or" && m.key != "$nor" {
				return inner.condition(value)
			}
		}
		return inner.object(value)
	}
	// Package filter allows what is not known here.
	return nil, fmt.Errorf("operator %s is not allowed by this adapter", name)
}

// hasOperators tells whether a value is an object of operators.
func hasOperators(value []byte) bool {
	if _, ok := typed(value); ok || rawjson.KindOf(value) != rawjson.KindObject {
		return false
	}
	for _, m := range membersOf(value) {
		if strings.HasPrefix(m.key, "$") {
			return true
		}
	}
	return false
}

func operand(value []byte) any { return encode(value, bson.RawValue{}, 1) }
