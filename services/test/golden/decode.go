package golden

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
)

// escapes finds what may be half of a surrogate pair, and everything that only looks like it: an escaped
// backslash and a whole pair.
var escapes = regexp.MustCompile(`\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}`)

// decode reads JSON into maps, lists, texts, json.Number, bool and nil. Go's decoder turns half a surrogate pair
// into U+FFFD, which would hide that it was lost; here it becomes its own escape, as text.
func decode(raw []byte) (any, error) {
	kept := escapes.ReplaceAllFunc(raw, func(found []byte) []byte {
		if len(found) != len(`\ud800`) {
			return found
		}
		return append([]byte(`\\`), bytes.ToLower(found[1:])...)
	})
	decoder := json.NewDecoder(bytes.NewReader(kept))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("more than one JSON value")
	}
	return value, nil
}
