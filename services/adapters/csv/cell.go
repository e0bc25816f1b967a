package csv

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// Types of columns.
const (
	typeText    = "text"
	typeInteger = "integer"
	typeNumber  = "number"
	typeBoolean = "boolean"
	typeDate    = "date"
	typeJSON    = "json"
	ignore      = "ignore"
)

func types() []string {
	return []string{typeText, typeInteger, typeNumber, typeBoolean, typeDate, typeJSON, ignore}
}

// cell is what stands in one field of a row. An empty cell with quotes ("") is a text,
// one without is no value.
type cell struct {
	text   string
	quoted bool
}

func (c cell) none() bool { return c.text == "" && !c.quoted }

var integer = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

// decode reads a cell as a value of a type. ok is false where it is none. value is nil
// where there is none.
func decode(kind string, c cell) (value json.RawMessage, ok bool) {
	text := kind == typeText || kind == typeDate
	if c.none() || c.text == "" && !text {
		return nil, true
	}
	switch kind {
	case typeText:
		return quote(c.text), true
	case typeDate:
		return quote(c.text), c.text == "" || isDate(c.text)
	case typeJSON:
		return json.RawMessage(c.text), json.Valid([]byte(c.text))
	}
	if c.text == "null" {
		return json.RawMessage("null"), true
	}
	switch kind {
	case typeBoolean:
		lower := strings.ToLower(c.text)
		return json.RawMessage(lower), lower == "true" || lower == "false"
	case typeInteger:
		return json.RawMessage(c.text), integer.MatchString(c.text)
	}
	return json.RawMessage(c.text), isNumber(c.text)
}

// encode makes the cell of a value. ok is false where cells of the type can't hold it.
func encode(kind string, value json.RawMessage) (c cell, ok bool) {
	raw := string(value)
	switch {
	case kind == typeJSON:
		return cell{text: raw}, true
	case kind == typeText || kind == typeDate:
		var text string
		if raw[0] != '"' || json.Unmarshal(value, &text) != nil || !plain(text) {
			return cell{}, false
		}
		return cell{text, text == ""}, kind == typeText || text == "" || isDate(text)
	case raw == "null":
		return cell{text: raw}, true
	case kind == typeBoolean:
		return cell{text: raw}, raw == "true" || raw == "false"
	case kind == typeInteger:
		return cell{text: raw}, integer.MatchString(raw)
	}
	return cell{text: raw}, isNumber(raw)
}

// plain tells whether a text comes back from a file as it was: a lone surrogate is
// U+FFFD here already, and a NUL in a file means that it is broken.
func plain(s string) bool { return !strings.ContainsAny(s, "\x00\uFFFD") }

func isNumber(s string) bool {
	return s != "" && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && json.Valid([]byte(s)) && strings.TrimSpace(s) == s
}

func isDate(s string) bool {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}

func quote(s string) json.RawMessage {
	b, _ := json.Marshal(s) // a string always marshals
	return b
}

// raw is the cell as it is written.
func (t Table) raw(c cell) []byte {
	s := c.text
	if s == "" {
		if c.quoted {
			return []byte(`""`)
		}
		return nil
	}
	first, _ := utf8.DecodeRuneInString(s)
	needs := strings.Contains(s, t.Delimiter) || strings.ContainsAny(s, "\"\r\n") ||
		first == t.comment() || first == ' ' || first == '\t' || first == '\uFEFF' || s[len(s)-1] == ' '
	if !needs {
		return []byte(s)
	}
	return []byte(`"` + strings.ReplaceAll(s, `"`, `""`) + `"`)
}

// unquote is the cell that stands in a file as raw; text is what the reader made of it.
func unquote(raw []byte, text string) cell {
	if len(raw) < 2 || raw[0] != '"' {
		return cell{text: text}
	}
	// The reader makes \n of \r\n in here.
	return cell{strings.ReplaceAll(string(raw[1:len(raw)-1]), `""`, `"`), true}
}
