package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/tandem-sync/tandem/services/internal/record/rawjson"
)

// checkFields refuses query_params that use a field which is none of allowed and
// lies below none. It goes by what is written, not by what a parser would make of
// it: keys that come twice count each, and an operator that might look at fields
// and is not known to do so only where it says is refused. nil allows all.
func checkFields(dataset string, queryParams json.RawMessage, allowed []string) error {
	if allowed == nil || len(queryParams) == 0 {
		return nil
	}
	if bad := badField(queryParams, allowed); bad != "" {
		return &httpError{http.StatusBadRequest, fmt.Sprintf("query_params use %s, which dataset %s does not allow (setting queryFields); allowed are: %s",
			bad, dataset, orNone(strings.Join(allowed, ", ")))}
	}
	return nil
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// badField names the first field or operator of a condition that is not allowed, ""
// if all are.
func badField(condition []byte, allowed []string) string {
	for token, value := range rawjson.Members(condition) {
		name, _ := rawjson.Decode(token)
		switch {
		case name == "$and" || name == "$or" || name == "$nor":
			if bad := badList(name, value, allowed); bad != "" {
				return bad
			}
		case strings.HasPrefix(name, "$"):
			return fmt.Sprintf("the operator %.40q", name)
		case !slices.ContainsFunc(allowed, func(a string) bool { return name == a || strings.HasPrefix(name, a+".") }):
			return fmt.Sprintf("the field %.40q", name)
		}
	}
	return ""
}

// badList is badField for a list of conditions. What is no list of objects selects
// by nothing that is known, and is refused.
func badList(name string, list []byte, allowed []string) string {
	bad := fmt.Sprintf("%s without a list of conditions", name)
	if rawjson.KindOf(list) != rawjson.KindArray {
		return bad
	}
	for condition := range rawjson.Elements(list) {
		if rawjson.KindOf(condition) != rawjson.KindObject {
			return bad
		}
		if bad := badField(condition, allowed); bad != "" {
			return bad
		}
	}
	return ""
}
