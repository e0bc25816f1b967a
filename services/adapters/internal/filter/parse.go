package filter

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// maxDepth bounds how deep conditions may stand in one another. maxPath bounds
// the parts of a path: where arrays hold objects with numbers for keys, the ways
// that a path can go double with about every second part.
const (
	maxDepth = 32
	maxPath  = 16
)

// Parse reads query_params; absent ones select all. The error names what is
// wrong, and for an operator that is not allowed those that are.
func Parse(queryParams json.RawMessage) (Filter, error) {
	if len(queryParams) == 0 {
		return Filter{}, nil
	}
	v, err := decode(queryParams)
	if err != nil {
		return Filter{}, fmt.Errorf("not JSON: %w", err)
	}
	object, ok := v.(map[string]any)
	if !ok {
		return Filter{}, fmt.Errorf("must be a JSON object, not %s", describe(v))
	}
	if len(object) == 0 {
		return Filter{}, nil
	}
	root, err := parser{uid: true}.object(object, 0)
	return Filter{root}, err
}

// parser reads conditions; uid tells whether _id means the record's uid here,
// which it does not inside $elemMatch.
type parser struct{ uid bool }

func (p parser) object(object map[string]any, depth int) (node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("conditions stand in one another more than %d deep", maxDepth)
	}
	var parts all
	for _, name := range slices.Sorted(maps.Keys(object)) {
		part, err := p.field(name, object[name], depth)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	return parts, nil
}

func (p parser) field(name string, value any, depth int) (node, error) {
	switch {
	case name == "$and" || name == "$or" || name == "$nor":
		return p.logic(name, value, depth)
	case strings.HasPrefix(name, "$"):
		if slices.Contains(Operators, name) {
			return nil, fmt.Errorf("operator %s must stand below a field", name)
		}
		return nil, unknown(name)
	case name == "_id" && p.uid:
		return parseUID(value)
	}
	path := strings.Split(name, ".")
	if len(path) > maxPath {
		return nil, fmt.Errorf("field %s has more than %d parts", clip(name), maxPath)
	}
	t, err := p.condition(name, value, depth)
	if err != nil {
		return nil, err
	}
	return onField{path, t}, nil
}

func (p parser) logic(name string, value any, depth int) (node, error) {
	list, ok := value.([]any)
	if !ok || len(list) == 0 {
		return nil, fmt.Errorf("%s needs a list of conditions that is not empty, not %s", name, describe(value))
	}
	var parts []node
	for _, v := range list {
		object, ok := v.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s needs a list of objects, not of %s", name, describe(v))
		}
		part, err := p.object(object, depth+1)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	switch name {
	case "$and":
		return all(parts), nil
	case "$or":
		return some(parts), nil
	default:
		return none{some(parts)}, nil
	}
}

// parseUID reads the condition on _id.
func parseUID(value any) (node, error) {
	texts := []any{value}
	if object, ok := value.(map[string]any); ok {
		eq, isEq := object["$eq"]
		in, isIn := object["$in"].([]any)
		switch {
		case len(object) == 1 && isEq:
			texts = []any{eq}
		case len(object) == 1 && isIn:
			texts = in
		default:
			return nil, fmt.Errorf("_id takes a text, $eq with a text or $in with a list of texts, not %s", describe(value))
		}
	}
	uids := onUID{}
	for _, v := range texts {
		uid, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("_id is a text and can't equal %s", describe(v))
		}
		uids[uid] = true
	}
	return uids, nil
}

func unknown(name string) error {
	return fmt.Errorf("operator %s is not allowed; allowed are %s", clip(name), strings.Join(Operators, ", "))
}

// describe names a value for a message.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case []any:
		return "a list"
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if strings.HasPrefix(k, "$") {
				return "an object with " + clip(k)
			}
		}
		return "an object"
	case string:
		return "a text"
	case bool:
		return "a boolean"
	default:
		return "a number"
	}
}

func clip(s string) string {
	if len(s) > 40 {
		s = strings.ToValidUTF8(s[:40], "") + "..."
	}
	return s
}
