package memadapter

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/internal/canon"
)

// filter is the form that each named field must have.
type filter map[string]string

// parseFilter takes query_params that name values of top-level fields. What looks
// like an operator is refused: taken as a value it would silently match nothing.
func parseFilter(dataset string, query json.RawMessage) (filter, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(query, &fields); err != nil {
		return nil, adapter.Refuse(fmt.Sprintf("dataset %s: query_params: %v", dataset, err))
	}
	for name, value := range fields {
		var inner map[string]json.RawMessage
		_ = json.Unmarshal(value, &inner) // no object: no operators
		for _, key := range append(slices.Collect(maps.Keys(inner)), name) {
			if strings.HasPrefix(key, "$") {
				return nil, adapter.Refuse(fmt.Sprintf("dataset %s: query_params: operator %s is not known; name fields and the values that they must have", dataset, key))
			}
		}
	}
	return canon.Fields(query)
}

func (f filter) matches(data json.RawMessage) bool {
	if len(f) == 0 {
		return true
	}
	fields, err := canon.Fields(data)
	if err != nil {
		return false
	}
	for name, form := range f {
		if fields[name] != form {
			return false
		}
	}
	return true
}
