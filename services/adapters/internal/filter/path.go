package filter

import "strconv"

// absent stands for "there is nothing at this path".
type absent struct{}

// find returns the values at a path below v: one for an object, several where
// arrays lie on the way, absent{} where the path ends too early. Arrays on the way
// without a single object in them yield nothing at all, as in MongoDB.
func find(v any, path []string) []any {
	if len(path) == 0 {
		return []any{v}
	}
	switch v := v.(type) {
	case map[string]any:
		child, ok := v[path[0]]
		if !ok {
			return []any{absent{}}
		}
		return find(child, path[1:])
	case []any:
		var found []any
		for _, element := range v {
			if object, ok := element.(map[string]any); ok {
				found = append(found, find(object, path)...)
			}
		}
		if i, ok := index(path[0]); ok && i < len(v) {
			found = append(found, find(v[i], path[1:])...)
		}
		return found
	default:
		return []any{absent{}}
	}
}

// index reads a part of a path as the index of an array.
func index(part string) (int, bool) {
	i, err := strconv.Atoi(part)
	return i, err == nil && i >= 0 && strconv.Itoa(i) == part
}
