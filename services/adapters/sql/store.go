package sql

import (
	"encoding/base64"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record/rawjson"
)

// store gives the exact text that a column is to hold for a JSON value other than null. What does not fit is
// an error that says what would.
func (c column) store(raw []byte) (string, error) {
	is := rawjson.KindOf(raw)
	text, isText := "", is == rawjson.KindText
	if isText && c.kind != kJSON {
		var valid bool
		if text, valid = rawjson.Decode(raw); !valid {
			return "", errors.New("the text has half of a surrogate pair, which the database can't hold")
		}
	}
	switch c.kind {
	case kInt, kNumeric, kFloat:
		return c.storeNumber(raw, text, isText)
	case kBool:
		switch {
		case is == rawjson.KindNumber && fitsJSON(string(raw)) && c.typ == mysqlBool:
			return string(raw), nil
		case string(raw) == "true" || string(raw) == "false":
			if c.typ == mysqlBool {
				return map[string]string{"true": "1", "false": "0"}[string(raw)], nil
			}
			return string(raw), nil
		}
		return "", errors.New("expected true or false")
	case kJSON:
		return string(raw), nil
	case kArray:
		return c.storeArray(raw, is)
	}
	if !isText {
		return "", errors.New("expected a text")
	}
	switch c.kind {
	case kBytes:
		b, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil || strings.ContainsAny(text, "\r\n") {
			return "", errors.New("expected bytes in base64")
		}
		return string(b), nil
	case kBit:
		if strings.Trim(text, "01") != "" || text == "" || c.bits > 0 && len(text) != c.bits {
			return "", errors.New("expected as many digits 0 and 1 as the column has bits")
		}
	case kDate:
		if !dates.MatchString(text) {
			return "", errors.New("expected a date such as 2027-01-31")
		}
	case kTimestamp, kTimestampTZ:
		return c.storeTime(text)
	}
	return text, nil
}

func (c column) storeNumber(raw []byte, text string, isText bool) (string, error) {
	switch rawjson.KindOf(raw) {
	case rawjson.KindNumber:
		text = string(raw)
		if string(rawjson.AppendNumber(nil, raw)) == "null" {
			return "", errors.New("the number is out of range")
		}
	case rawjson.KindText:
		// What is shown as a text comes back as one; everything else is to be sent as a number.
		if string(c.show(text)) != string(quoted(text)) || !isText {
			return "", errors.New("expected a number")
		}
		if c.kind == kFloat || !numeral.MatchString(text) {
			if c.kind == kInt || !slices.Contains([]string{"NaN", "Infinity", "-Infinity"}, text) {
				return "", errors.New("expected a number")
			}
			return text, nil // NaN, Infinity
		}
	default:
		return "", errors.New("expected a number")
	}
	plain, decimals, ok := expanded(text)
	switch {
	case !ok:
		return "", errors.New("the number is out of range")
	case c.kind == kInt && decimals > 0:
		return "", errors.New("expected a whole number")
	case c.kind == kNumeric && c.scale >= 0 && decimals > c.scale:
		return "", errors.New("expected a number with at most " + strconv.Itoa(c.scale) + " decimals")
	}
	return plain, nil
}

// storeArray checks the elements one by one. The text is a JSON array of texts and nulls.
func (c column) storeArray(raw []byte, is rawjson.Kind) (string, error) {
	if is != rawjson.KindArray {
		return "", errors.New("expected a list")
	}
	element := column{kind: c.element, scale: -1}
	out := []byte{'['}
	for e := range rawjson.Elements(raw) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		if string(e) == "null" {
			out = append(out, "null"...)
			continue
		}
		text, err := element.store(e)
		if err != nil {
			return "", errors.New("an element: " + err.Error())
		}
		if element.kind == kBytes {
			text = hexBytes(text)
		}
		out = rawjson.AppendQuoted(out, []byte(text))
	}
	return string(append(out, ']')), nil
}

var (
	dates   = regexp.MustCompile(`^(\d{4,6}-\d\d-\d\d( BC)?|-?infinity)$`)
	notISO  = regexp.MustCompile(`^(-?infinity|\d{4,6}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?(\+00)? BC)$`)
	zoned   = regexp.MustCompile(`^(\d{4})-(\d\d)-(\d\d)[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$`)
	zeroDay = regexp.MustCompile(`^\d{4,6}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?Z?$`)
)

// storeTime takes ISO times, with any offset, which becomes UTC, or none, which is UTC.
func (c column) storeTime(text string) (string, error) {
	if notISO.MatchString(text) {
		return text, nil
	}
	if zoned.MatchString(text) && !strings.HasSuffix(text, "Z") {
		t, err := time.Parse("2006-01-02T15:04:05.999999999Z07:00", strings.Replace(text, " ", "T", 1))
		if err != nil {
			return "", errors.New("expected a time such as 2027-01-31T12:00:00Z")
		}
		text = t.UTC().Format("2006-01-02T15:04:05.999999Z")
	}
	plain := strings.TrimSuffix(strings.Replace(text, "T", " ", 1), "Z")
	if !zeroDay.MatchString(plain) {
		return "", errors.New("expected a time such as 2027-01-31T12:00:00Z")
	}
	return plain, nil
}
