package wire

import (
	"unicode/utf8"

	"github.com/tandem-sync/tandem/services/internal/record/rawjson"
)

// appendText appends s as a JSON text. HTML characters stay as they are. Lone
// surrogates in WTF-8 come out as their escapes; other bytes that are not UTF-8, which
// only a message from a backend can hold, as U+FFFD.
func appendText(dst []byte, s string) []byte {
	if utf8.ValidString(s) {
		return rawjson.AppendQuoted(dst, []byte(s))
	}
	clean := make([]byte, 0, len(s)+2)
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r != utf8.RuneError || size > 1:
			clean = append(clean, s[i:i+size]...)
		case i+2 < len(s) && s[i] == 0xed && s[i+1]&0xe0 == 0xa0 && s[i+2]&0xc0 == 0x80:
			size = 3
			clean = append(clean, s[i:i+size]...)
		default:
			clean = utf8.AppendRune(clean, utf8.RuneError)
		}
		i += size
	}
	return rawjson.AppendQuoted(dst, clean)
}
