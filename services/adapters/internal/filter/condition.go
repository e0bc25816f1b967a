package filter

import "slices"

// test is a condition on the values found at a path.
type test interface {
	holds(found []any) bool
}

// each runs f on the found values and, where one is an array, on its elements
// as well: a condition holds for an array if it does for one of its elements.
func each(found []any, f func(any) bool) bool {
	for _, v := range found {
		if f(v) {
			return true
		}
		if list, ok := v.([]any); ok {
			for _, element := range list {
				if f(element) {
					return true
				}
			}
		}
	}
	return false
}

// equals holds when a value is one of those wanted.
type equals struct {
	plain map[any]bool // null, numbers, texts, booleans: however many, one look-up
	deep  []any        // arrays and objects
}

func newEquals(wanted ...any) equals {
	t := equals{plain: map[any]bool{}}
	for _, v := range wanted {
		switch v.(type) {
		case []any, map[string]any:
			t.deep = append(t.deep, v)
		default:
			t.plain[v] = true
		}
	}
	return t
}

func (t equals) holds(found []any) bool { return each(found, t.one) }

func (t equals) one(v any) bool {
	switch v.(type) {
	case absent:
		return t.plain[nil]
	case []any, map[string]any:
		return slices.ContainsFunc(t.deep, func(want any) bool { return equal(v, want) })
	default:
		return t.plain[v]
	}
}

// ordered holds when a value lies on the wanted side of a bound.
type ordered struct {
	bound any
	ok    func(order int) bool
}

func (t ordered) holds(found []any) bool {
	return each(found, func(v any) bool {
		order, ok := compare(v, t.bound)
		return ok && t.ok(order)
	})
}

// exists holds when there is a value, be it null.
type exists struct{}

func (exists) holds(found []any) bool {
	for _, v := range found {
		if v != (any)(absent{}) {
			return true
		}
	}
	return false
}

// sized holds for an array of this length.
type sized int

func (t sized) holds(found []any) bool {
	for _, v := range found {
		if list, ok := v.([]any); ok && len(list) == int(t) {
			return true
		}
	}
	return false
}

// element holds for an array with an element that meets all of several
// conditions: as a value (tests) or as an object (part).
type element struct {
	tests every
	part  node
}

func (t element) holds(found []any) bool {
	for _, v := range found {
		list, _ := v.([]any)
		for _, e := range list {
			if t.part == nil {
				if t.tests.holds([]any{e}) {
					return true
				}
				continue
			}
			if object, ok := e.(map[string]any); ok && t.part.match("", object) {
				return true
			}
		}
	}
	return false
}

// every holds when all of its tests do.
type every []test

func (t every) holds(found []any) bool {
	for _, part := range t {
		if !part.holds(found) {
			return false
		}
	}
	return true
}

// not holds when its test does not.
type not struct{ test test }

func (t not) holds(found []any) bool { return !t.test.holds(found) }

// never holds for nothing.
type never struct{}

func (never) holds([]any) bool { return false }
