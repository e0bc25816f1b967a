package rawjson

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// MaxDepth is how deep objects and arrays may be nested.
const MaxDepth = 10000

// SyntaxError says where and why a text is not JSON.
type SyntaxError struct {
	Offset int // of the first bad byte
	Msg    string
}

// Error implements error.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("invalid JSON at byte %d: %s", e.Offset, e.Msg)
}

// Fail makes the error for the byte at offset i of b: it wanted something else
// there, or more. want is for people ("a value", "a comma or ]").
func Fail(b []byte, i int, want string) error {
	if i >= len(b) {
		return &SyntaxError{len(b), "unexpected end, want " + want}
	}
	return &SyntaxError{i, fmt.Sprintf("unexpected %q, want %s", rune(b[i]), want)}
}

// TooDeep makes the error for a container at offset i that is nested too deep.
func TooDeep(i int) error {
	return &SyntaxError{i, fmt.Sprintf("nested more than %d deep", MaxDepth)}
}

var bom = []byte("\xef\xbb\xbf")

// Text checks what must hold of the input as a whole before its grammar is
// looked at: UTF-8, no byte order mark.
func Text(b []byte) error {
	if bytes.HasPrefix(b, bom) {
		return &SyntaxError{0, "the text begins with a byte order mark"}
	}
	if utf8.Valid(b) {
		return nil
	}
	for i := 0; ; {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size <= 1 {
			return &SyntaxError{i, "not UTF-8"}
		}
		i += size
	}
}

// Space returns the offset of the first byte at or after i that is not white space.
func Space(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\n' || b[i] == '\r' || b[i] == '\t') {
		i++
	}
	return i
}

// String scans the text whose opening quote is at b[i] and returns the offset
// behind its closing quote. plain is true when nothing in it is escaped, so that
// its bytes are its content.
func String(b []byte, i int) (end int, plain bool, err error) {
	plain = true
	for j := i + 1; j < len(b); j++ {
		switch c := b[j]; {
		case c == '"':
			return j + 1, plain, nil
		case c < 0x20:
			return 0, false, &SyntaxError{j, "control character in a text"}
		case c == '\\':
			plain = false
			j++
			if j >= len(b) {
				return 0, false, Fail(b, j, "an escape")
			}
			switch b[j] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				for range 4 {
					if j++; j >= len(b) || hexDigit(b[j]) < 0 {
						return 0, false, Fail(b, j, "four hexadecimal digits")
					}
				}
			default:
				return 0, false, Fail(b, j, "an escape")
			}
		}
	}
	return 0, false, Fail(b, len(b), "the end of a text")
}

// Number scans the number that begins at b[i] and returns the offset behind it.
func Number(b []byte, i int) (end int, err error) {
	if i < len(b) && b[i] == '-' {
		i++
	}
	switch {
	case i < len(b) && b[i] == '0':
		i++
	default:
		if i, err = digits(b, i); err != nil {
			return 0, err
		}
	}
	if i < len(b) && b[i] == '.' {
		if i, err = digits(b, i+1); err != nil {
			return 0, err
		}
	}
	if i < len(b) && (b[i] == 'e' || b[i] == 'E') {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if i, err = digits(b, i); err != nil {
			return 0, err
		}
	}
	return i, nil
}

func digits(b []byte, i int) (int, error) {
	start := i
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	if i == start {
		return 0, Fail(b, i, "a digit")
	}
	return i, nil
}

// Literal scans true, false or null at b[i] and returns the offset behind it.
func Literal(b []byte, i int) (end int, err error) {
	word := ""
	if i < len(b) {
		switch b[i] {
		case 't':
			word = "true"
		case 'f':
			word = "false"
		case 'n':
			word = "null"
		}
	}
	if word == "" {
		return 0, Fail(b, i, "a value")
	}
	for k := range len(word) {
		if i+k >= len(b) || b[i+k] != word[k] {
			return 0, Fail(b, i+k, word)
		}
	}
	return i + len(word), nil
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
