package filter

import "encoding/json"

// Operators are the operators that a filter may use.
var Operators = []string{
	"$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists",
	"$and", "$or", "$nor", "$not", "$all", "$size", "$elemMatch",
}

// Filter selects records. The zero Filter selects all.
type Filter struct {
	root node // nil selects all
}

// All tells whether the filter selects every record.
func (f Filter) All() bool { return f.root == nil }

// Match tells whether the record is selected. Data that are not a JSON object
// are selected only by a filter that selects all.
func (f Filter) Match(uid string, data json.RawMessage) bool {
	if f.root == nil {
		return true
	}
	doc, err := decode(data)
	if err != nil {
		return false
	}
	object, ok := doc.(map[string]any)
	return ok && f.root.match(uid, object)
}

// node is one condition on a record.
type node interface {
	match(uid string, doc map[string]any) bool
}

// all holds when each of its parts does.
type all []node

func (n all) match(uid string, doc map[string]any) bool {
	for _, part := range n {
		if !part.match(uid, doc) {
			return false
		}
	}
	return true
}

// some holds when one of its parts does.
type some []node

func (n some) match(uid string, doc map[string]any) bool {
	for _, part := range n {
		if part.match(uid, doc) {
			return true
		}
	}
	return false
}

// none holds when its part does not.
type none struct{ part node }

func (n none) match(uid string, doc map[string]any) bool { return !n.part.match(uid, doc) }

// onUID holds for the uids that it names.
type onUID map[string]bool

func (n onUID) match(uid string, _ map[string]any) bool { return n[uid] }

// onField holds when the test does for the values found at a path.
type onField struct {
	path []string
	test test
}

func (n onField) match(_ string, doc map[string]any) bool {
	return n.test.holds(find(doc, n.path))
}
