package rawjson

import (
	"bytes"
	"iter"
	"unicode/utf8"
)

// Kind is what a JSON value is.
type Kind int

// The kinds. KindNone is the absence of a value: no bytes.
const (
	KindNone Kind = iota
	KindNull
	KindBool
	KindNumber
	KindText
	KindArray
	KindObject
)

// KindOf tells the kind of a valid JSON value, or of none.
func KindOf(raw []byte) Kind {
	i := Space(raw, 0)
	if i == len(raw) {
		return KindNone
	}
	switch raw[i] {
	case '{':
		return KindObject
	case '[':
		return KindArray
	case '"':
		return KindText
	case 'n':
		return KindNull
	case 't', 'f':
		return KindBool
	}
	return KindNumber
}

// Members goes through the members of a valid JSON object: key is the key's token,
// with quotes; value has no white space around it. Both point into object. Members
// with one key come all, in their order.
func Members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		i := Space(object, Space(object, 0)+1)
		for object[i] != '}' {
			keyEnd := skip(object, i)
			start := Space(object, Space(object, keyEnd)+1)
			end := skip(object, start)
			if !yield(object[i:keyEnd:keyEnd], object[start:end:end]) {
				return
			}
			i = next(object, end)
		}
	}
}

// Elements goes through the elements of a valid JSON array. They point into
// array, with no white space around them.
func Elements(array []byte) iter.Seq[[]byte] {
	return func(yield func(value []byte) bool) {
		i := Space(array, Space(array, 0)+1)
		for array[i] != ']' {
			end := skip(array, i)
			if !yield(array[i:end:end]) {
				return
			}
			i = next(array, end)
		}
	}
}

// next returns where the next member or element begins, or the closing byte is.
func next(b []byte, i int) int {
	if i = Space(b, i); b[i] == ',' {
		i = Space(b, i+1)
	}
	return i
}

// skip returns the offset behind the value at b[i], in valid JSON.
func skip(b []byte, i int) int {
	for depth := 0; ; {
		switch b[i] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			for i++; b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		default:
			if depth == 0 {
				for i < len(b) && bytes.IndexByte([]byte(" \n\r\t,]}"), b[i]) < 0 {
					i++
				}
				return i
			}
		}
		i++
		if depth == 0 {
			return i
		}
	}
}

// Decode returns the content of a text token as WTF-8, and whether it is valid
// UTF-8: it is not when it holds a lone surrogate.
func Decode(token []byte) (text string, valid bool) {
	content := token[1 : len(token)-1]
	if bytes.IndexByte(content, '\\') < 0 {
		return string(content), true
	}
	decoded := AppendUnquoted(make([]byte, 0, len(content)), token)
	return string(decoded), utf8.Valid(decoded)
}
