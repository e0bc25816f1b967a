package filter

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// condition reads what stands below a field: a value to equal, or operators.
func (p parser) condition(field string, value any, depth int) (test, error) {
	object, ok := value.(map[string]any)
	if !ok || !hasOperator(object) {
		return newEquals(value), nil
	}
	return p.operators(field, object, depth)
}

func hasOperator(object map[string]any) bool {
	for k := range object {
		if strings.HasPrefix(k, "$") {
			return true
		}
	}
	return false
}

func (p parser) operators(field string, object map[string]any, depth int) (every, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("conditions stand in one another more than %d deep", maxDepth)
	}
	var tests every
	for _, name := range slices.Sorted(maps.Keys(object)) {
		t, err := p.operator(field, name, object[name], depth)
		if err != nil {
			return nil, err
		}
		tests = append(tests, t)
	}
	return tests, nil
}

func (p parser) operator(field, name string, value any, depth int) (test, error) {
	switch name {
	case "$eq":
		return newEquals(value), nil
	case "$ne":
		return not{newEquals(value)}, nil
	case "$gt", "$gte", "$lt", "$lte":
		return comparison(field, name, value)
	case "$in", "$nin", "$all":
		return membership(field, name, value)
	case "$exists":
		want, ok := value.(bool)
		if n, isNumber := value.(float64); isNumber {
			want, ok = n != 0, true
		}
		if !ok {
			return nil, wants(field, name, "true or false", value)
		}
		if want {
			return exists{}, nil
		}
		return not{exists{}}, nil
	case "$size":
		n, ok := value.(float64)
		if !ok || n < 0 || n > math.MaxInt32 || n != math.Trunc(n) {
			return nil, wants(field, name, "a whole number from 0", value)
		}
		return sized(n), nil
	case "$not":
		object, ok := value.(map[string]any)
		if !ok || !hasOperator(object) {
			return nil, wants(field, name, "an object of operators", value)
		}
		tests, err := p.operators(field, object, depth+1)
		return not{tests}, err
	case "$elemMatch":
		return p.elemMatch(field, value, depth+1)
	case "$and", "$or", "$nor":
		return nil, fmt.Errorf("operator %s can't stand below field %s", name, clip(field))
	}
	if !strings.HasPrefix(name, "$") {
		return nil, fmt.Errorf("field %s mixes operators with the key %s", clip(field), clip(name))
	}
	return nil, unknown(name)
}

func comparison(field, name string, value any) (test, error) {
	switch value.(type) {
	case nil, float64, string, bool:
	default:
		return nil, wants(field, name, "a number, text, boolean or null", value)
	}
	return ordered{value, map[string]func(int) bool{
		"$gt":  func(order int) bool { return order > 0 },
		"$gte": func(order int) bool { return order >= 0 },
		"$lt":  func(order int) bool { return order < 0 },
		"$lte": func(order int) bool { return order <= 0 },
	}[name]}, nil
}

func membership(field, name string, value any) (test, error) {
	list, ok := value.([]any)
	if !ok {
		return nil, wants(field, name, "a list", value)
	}
	for _, v := range list {
		if object, ok := v.(map[string]any); ok && hasOperator(object) {
			return nil, wants(field, name, "a list of values", v)
		}
	}
	switch {
	case name == "$in":
		return newEquals(list...), nil
	case name == "$nin":
		return not{newEquals(list...)}, nil
	case len(list) == 0:
		return never{}, nil
	}
	var tests every
	for _, v := range list {
		tests = append(tests, newEquals(v))
	}
	return tests, nil
}

func (p parser) elemMatch(field string, value any, depth int) (test, error) {
	object, ok := value.(map[string]any)
	if !ok {
		return nil, wants(field, "$elemMatch", "an object", value)
	}
	inner := parser{}
	for name := range object {
		if strings.HasPrefix(name, "$") && name != "$and" && name != "$or" && name != "$nor" {
			tests, err := inner.operators(field, object, depth)
			return element{tests: tests}, err
		}
	}
	part, err := inner.object(object, depth)
	return element{part: part}, err
}

func wants(field, name, what string, value any) error {
	return fmt.Errorf("field %s: %s needs %s, not %s", clip(field), name, what, describe(value))
}
