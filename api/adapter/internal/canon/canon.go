// Package canon gives JSON texts that mean the same the same form, so that
// adapters and their tests can compare them.
//
// The same: the order of keys, white space, escapes and the spelling of numbers
// (IEEE doubles, as devices see them) do not count; the last of duplicate keys
// does. Lone surrogates stay apart from each other, which decoding into Go
// strings with encoding/json would lose.
package canon

import (
	"encoding/json"
	"errors"
	"sort"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// Equal tells whether a and b are JSON texts with the same meaning.
func Equal(a, b []byte) bool {
	ca, errA := Form(a)
	cb, errB := Form(b)
	return errA == nil && errB == nil && ca == cb
}

// Form returns the form of a JSON text. It is for comparing only.
func Form(raw []byte) (string, error) {
	if !json.Valid(raw) {
		return "", errors.New("not JSON")
	}
	s := scanner{in: raw}
	return string(s.value(nil)), nil
}

// Fields returns the forms of a JSON object's fields by the forms of their keys.
func Fields(raw []byte) (map[string]string, error) {
	if !json.Valid(raw) {
		return nil, errors.New("not JSON")
	}
	s := scanner{in: raw}
	s.space()
	if s.in[s.pos] != '{' {
		return nil, errors.New("not a JSON object")
	}
	return s.fields(), nil
}

// Key is the form of an object's key, for looking into Fields.
func Key(name string) string { return string(appendText(nil, []byte(name))) }

// scanner walks a text that is known to be valid JSON.
type scanner struct {
	in  []byte
	pos int
}

func (s *scanner) space() {
	for s.pos < len(s.in) && (s.in[s.pos] == ' ' || s.in[s.pos] == '\n' || s.in[s.pos] == '\t' || s.in[s.pos] == '\r') {
		s.pos++
	}
}

// next skips white space and takes one byte.
func (s *scanner) next() byte {
	s.space()
	s.pos++
	return s.in[s.pos-1]
}

// value appends the form of the next value.
func (s *scanner) value(out []byte) []byte {
	s.space()
	switch c := s.in[s.pos]; c {
	case '{':
		fields := s.fields()
		keys := make([]string, 0, len(fields))
		for k := range fields {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		out = append(out, '{')
		for _, k := range keys {
			out = append(append(append(append(out, k...), ':'), fields[k]...), ',')
		}
		return append(out, '}')
	case '[':
		s.pos++
		out = append(out, '[')
		for s.space(); s.in[s.pos] != ']'; s.space() {
			if s.in[s.pos] == ',' {
				s.pos++
			}
			out = append(s.value(out), ',')
		}
		s.pos++
		return append(out, ']')
	case '"':
		return appendText(out, s.text())
	case 't', 'n':
		s.pos += 4
		return append(out, c)
	case 'f':
		s.pos += 5
		return append(out, c)
	default:
		return s.number(out)
	}
}

// fields takes an object.
func (s *scanner) fields() map[string]string {
	fields := map[string]string{}
	s.next() // {
	for s.space(); s.in[s.pos] != '}'; s.space() {
		if s.in[s.pos] == ',' {
			s.next()
			s.space()
		}
		key := string(appendText(nil, s.text()))
		s.next() // :
		fields[key] = string(s.value(nil))
	}
	s.pos++
	return fields
}

func (s *scanner) number(out []byte) []byte {
	start := s.pos
	for s.pos < len(s.in) && (s.in[s.pos] == '-' || s.in[s.pos] == '+' || s.in[s.pos] == '.' ||
		s.in[s.pos] >= '0' && s.in[s.pos] <= '9' || s.in[s.pos] == 'e' || s.in[s.pos] == 'E') {
		s.pos++
	}
	f, _ := strconv.ParseFloat(string(s.in[start:s.pos]), 64) // out of range: infinity, as in ECMAScript
	if f == 0 {
		f = 0 // no -0
	}
	return strconv.AppendFloat(out, f, 'g', -1, 64)
}

// text takes a string and decodes it. A lone surrogate becomes the three bytes
// that UTF-8 would use for it if it were allowed to.
func (s *scanner) text() []byte {
	var out []byte
	for s.pos++; s.in[s.pos] != '"'; s.pos++ {
		if s.in[s.pos] != '\\' {
			out = append(out, s.in[s.pos])
			continue
		}
		s.pos++
		switch c := s.in[s.pos]; c {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			out = s.escape(out)
		default: // " \ /
			out = append(out, c)
		}
	}
	s.pos++
	return out
}

// escape takes the u of \uXXXX, its digits, and a low surrogate that belongs to it.
func (s *scanner) escape(out []byte) []byte {
	r := s.hex(s.pos + 1)
	s.pos += 4
	if utf16.IsSurrogate(r) {
		if rest := s.in[s.pos+1:]; len(rest) >= 6 && rest[0] == '\\' && rest[1] == 'u' {
			if full := utf16.DecodeRune(r, s.hex(s.pos+3)); full != utf8.RuneError {
				s.pos += 6
				return utf8.AppendRune(out, full)
			}
		}
		return append(out, 0xE0|byte(r>>12), 0x80|byte(r>>6)&0x3F, 0x80|byte(r)&0x3F)
	}
	return utf8.AppendRune(out, r)
}

func (s *scanner) hex(at int) rune {
	n, _ := strconv.ParseUint(string(s.in[at:at+4]), 16, 32) // valid JSON has four digits here
	return rune(n)
}

// appendText writes a text with its length before it, so that no text can look
// like anything else.
func appendText(out, text []byte) []byte {
	out = append(strconv.AppendInt(append(out, 's'), int64(len(text)), 10), ':')
	return append(out, text...)
}
