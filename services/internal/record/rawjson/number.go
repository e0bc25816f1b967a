package rawjson

import (
	"math"
	"strconv"
)

// AppendNumber appends a number as JSON.stringify prints it after JSON.parse has
// read it: as the shortest digits that give the same IEEE double. One beyond the
// range of a double became Infinity there, and prints as null. token is valid, as
// Number has scanned it.
func AppendNumber(dst, token []byte) []byte {
	if shortInteger(token) {
		return append(dst, token...)
	}
	// The only error can be one of range, which gives an infinity.
	f, _ := strconv.ParseFloat(string(token), 64)
	abs := math.Abs(f)
	switch {
	case math.IsInf(f, 0):
		return append(dst, "null"...)
	case f == 0:
		return append(dst, '0') // no sign
	case 1e-6 <= abs && abs < 1e21:
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	// Go prints at least two digits of the exponent, ECMAScript as few as it can.
	if n := len(dst); dst[n-2] == '0' && (dst[n-3] == '-' || dst[n-3] == '+') {
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

// shortInteger tells whether the number prints as it is written: an integer that
// a double holds exactly, and not -0.
func shortInteger(token []byte) bool {
	if token[0] == '-' {
		token = token[1:]
		if token[0] == '0' {
			return false
		}
	}
	if len(token) > 15 {
		return false
	}
	for _, c := range token {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
