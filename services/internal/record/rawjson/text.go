package rawjson

import (
	"bytes"
	"unicode/utf8"
)

// AppendUnquoted appends the content of a text, as WTF-8. token is valid: a text
// with its quotes, as String has scanned it.
func AppendUnquoted(dst, token []byte) []byte {
	s := token[1 : len(token)-1]
	for len(s) > 0 {
		n := bytes.IndexByte(s, '\\')
		if n < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:n]...)
		s = s[n:]
		switch c := s[1]; c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			u := unit(s)
			if isHigh(u) && len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
				if low := unit(s[6:]); isLow(low) {
					dst = utf8.AppendRune(dst, 0x10000+(u-0xd800)<<10+(low-0xdc00))
					s = s[12:]
					continue
				}
			}
			dst = appendUnit(dst, u)
			s = s[6:]
			continue
		default:
			dst = append(dst, c)
		}
		s = s[2:]
	}
	return dst
}

// unit reads \uXXXX at the start of s.
func unit(s []byte) rune {
	return rune(hexDigit(s[2])<<12 | hexDigit(s[3])<<8 | hexDigit(s[4])<<4 | hexDigit(s[5]))
}

func isHigh(u rune) bool { return 0xd800 <= u && u < 0xdc00 }
func isLow(u rune) bool  { return 0xdc00 <= u && u < 0xe000 }

// appendUnit appends one UTF-16 unit as WTF-8.
func appendUnit(dst []byte, u rune) []byte {
	if isHigh(u) || isLow(u) {
		// utf8.AppendRune would fold it to U+FFFD.
		return append(dst, 0xe0|byte(u>>12), 0x80|byte(u>>6)&0x3f, 0x80|byte(u)&0x3f)
	}
	return utf8.AppendRune(dst, u)
}

// lone tells whether a lone surrogate begins at s[i] in WTF-8.
func lone(s []byte, i int) bool { return s[i] == 0xed && i+2 < len(s) && s[i+1] >= 0xa0 }

// AppendQuoted appends a WTF-8 text with quotes, as JSON.stringify prints it: as
// little as possible is escaped, lone surrogates are.
func AppendQuoted(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0 // text[from:i] needs no escape and is not yet appended
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c >= 0x20 && c != '"' && c != '\\' && c != 0xed {
			continue
		}
		if c == 0xed && !lone(text, i) {
			continue
		}
		dst = append(dst, text[from:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		case 0xed:
			low := uint16(text[i+1]&0x3f)<<6 | uint16(text[i+2]&0x3f) | 0xd000
			dst = append(dst, '\\', 'u', 'd', hex[low>>8&15], hex[low>>4&15], hex[low&15])
			i += 2
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		from = i + 1
	}
	dst = append(dst, text[from:]...)
	return append(dst, '"')
}

// ReplaceLone turns each lone surrogate of a WTF-8 text into U+FFFD, in place, as
// an encoder of UTF-8 does. It returns the text, now valid UTF-8.
func ReplaceLone(text []byte) []byte {
	for i := 0; i < len(text); i++ {
		if lone(text, i) {
			i += copy(text[i:], "\ufffd") - 1
		}
	}
	return text
}

// Compare orders two WTF-8 texts by their UTF-16 units, as ECMAScript orders
// strings: -1, 0 or 1.
func Compare(a, b []byte) int {
	n := min(len(a), len(b))
	i := 0
	for i < n && a[i] == b[i] {
		i++
	}
	switch {
	case i == n:
		return sign(len(a) - len(b))
	case a[i] < 0xed && b[i] < 0xed:
		// The order of bytes is the order of code points, and that is the order of
		// units as long as both characters are below, or both are above U+FFFF.
		return sign(int(a[i]) - int(b[i]))
	}
	return compareUnits(a, b)
}

// compareUnits is Compare for where UTF-8 and UTF-16 differ in order.
func compareUnits(a, b []byte) int {
	var x, y units
	x.rest, y.rest = a, b
	for {
		u, v := x.next(), y.next()
		if u != v || u < 0 {
			return sign(int(u) - int(v))
		}
	}
}

// units reads a WTF-8 text by UTF-16 units.
type units struct {
	rest []byte
	low  rune // second half of a pair, when not 0
}

// next returns the next unit, -1 at the end.
func (u *units) next() rune {
	if low := u.low; low != 0 {
		u.low = 0
		return low
	}
	if len(u.rest) == 0 {
		return -1
	}
	if lone(u.rest, 0) {
		r := rune(u.rest[0]&0x0f)<<12 | rune(u.rest[1]&0x3f)<<6 | rune(u.rest[2]&0x3f)
		u.rest = u.rest[3:]
		return r
	}
	r, size := utf8.DecodeRune(u.rest)
	u.rest = u.rest[size:]
	if r > 0xffff {
		u.low = 0xdc00 + (r-0x10000)&0x3ff
		return 0xd800 + (r-0x10000)>>10
	}
	return r
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}
