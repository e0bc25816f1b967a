package sql

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/tandem-sync/tandem/services/internal/record/rawjson"
)

var numeral = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,6})?$`)

// decimal takes a numeral apart: its digits without zeros at either end, and where the point is: the value
// is 0.DIGITS times 10 to the power of point. Zero has no digits.
func decimal(text string) (negative bool, digits string, point int, ok bool) {
	if !numeral.MatchString(text) {
		return false, "", 0, false
	}
	text, negative = strings.CutPrefix(text, "-")
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		point, _ = strconv.Atoi(text[i+1:]) // the expression bounds it
		text = text[:i]
	}
	whole, fraction, _ := strings.Cut(text, ".")
	point += len(whole)
	digits = strings.TrimLeft(whole+fraction, "0")
	point -= len(whole+fraction) - len(digits)
	digits = strings.TrimRight(digits, "0")
	if digits == "" {
		return false, "", 0, true
	}
	return negative, digits, point, true
}

// sameNumber tells whether two numerals have the same value.
func sameNumber(a, b string) bool {
	negativeA, digitsA, pointA, okA := decimal(a)
	negativeB, digitsB, pointB, okB := decimal(b)
	return okA && okB && negativeA == negativeB && digitsA == digitsB && pointA == pointB
}

// maxDigits bounds the numerals that a device can write by way of an exponent.
const maxDigits = 400

// expanded writes a numeral without an exponent. decimals is how many digits there are behind the point.
func expanded(text string) (plain string, decimals int, ok bool) {
	negative, digits, point, ok := decimal(text)
	if !ok || point > maxDigits || point < -maxDigits || len(digits) > 4*maxDigits {
		return "", 0, false
	}
	if digits == "" {
		return "0", 0, true
	}
	switch {
	case point <= 0:
		decimals = len(digits) - point
		plain = "0." + strings.Repeat("0", -point) + digits
	case point >= len(digits):
		plain = digits + strings.Repeat("0", point-len(digits))
	default:
		decimals = len(digits) - point
		plain = digits[:point] + "." + digits[point:]
	}
	if negative {
		plain = "-" + plain
	}
	return plain, decimals, true
}

// fitsJSON tells whether a device that reads this numeral as a number has its exact value: whether the double
// that is nearest prints as the same value.
func fitsJSON(text string) bool {
	return numeral.MatchString(text) && sameNumber(text, string(rawjson.AppendNumber(nil, []byte(text))))
}
