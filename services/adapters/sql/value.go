package sql

import (
	"encoding/base64"
	"regexp"
	"strings"

	"github.com/tandem-sync/tandem/services/internal/record/rawjson"
)

// show gives the JSON form of a value from its exact text.
func (c column) show(text string) []byte {
	switch c.kind {
	case kInt, kNumeric:
		if fitsJSON(text) {
			return rawjson.AppendNumber(nil, []byte(text))
		}
	case kFloat:
		if numeral.MatchString(text) {
			if js := rawjson.AppendNumber(nil, []byte(text)); string(js) != "null" {
				return js
			}
		}
	case kBool:
		switch text {
		case "true", "1":
			return []byte("true")
		case "false", "0":
			return []byte("false")
		}
		if fitsJSON(text) { // a number column of MySQL holds what it likes
			return []byte(text)
		}
	case kBytes:
		text = base64.StdEncoding.EncodeToString([]byte(text))
	case kJSON, kArray:
		if rawjson.Valid([]byte(text)) == nil {
			return []byte(text)
		}
	case kTimestamp, kTimestampTZ:
		text = iso(text, c.kind)
	}
	return quoted(text)
}

func quoted(text string) []byte {
	return rawjson.AppendQuoted(nil, []byte(strings.ToValidUTF8(text, "\uFFFD")))
}

var databaseTime = regexp.MustCompile(`^\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?(\+00)?$`)

// iso writes a time of the database the ISO way; what that has no form for (infinity, BC) stays.
func iso(text string, k kind) string {
	if !databaseTime.MatchString(text) {
		return text
	}
	text = strings.Replace(text, " ", "T", 1)
	if k == kTimestampTZ {
		text = strings.TrimSuffix(text, "+00") + "Z"
	}
	return text
}
