package record

import (
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
)

// Hash returns the hash of a JSON value (protocol section 3): SHA-1 in lower-case
// hex, of the text that Canonical returns. It is "" for a value that has none: an
// absent value (no bytes), null, false, 0, -0 and "".
//
// Errors: a *rawjson.SyntaxError with the offset when raw is not JSON in UTF-8,
// begins with a byte order mark or is nested more than rawjson.MaxDepth deep.
func Hash(raw json.RawMessage) (string, error) {
	c := canonizers.Get().(*canonizer)
	defer c.release()
	ok, err := c.run(raw, true)
	if err != nil || !ok {
		return "", err
	}
	var sum [sha1.Size]byte
	if c.flushed {
		c.sha.Write(c.out)
		c.sha.Sum(sum[:0])
	} else {
		sum = sha1.Sum(c.out)
	}
	var text [2 * sha1.Size]byte
	hex.Encode(text[:], sum[:])
	return string(text[:]), nil
}

// Canonical returns the text that is hashed: for a JSON text its own characters (in
// UTF-8; a lone surrogate becomes U+FFFD there), for anything else the list form,
// printed. It is "" for a value that has no hash. Errors as Hash.
func Canonical(raw json.RawMessage) (string, error) {
	c := canonizers.Get().(*canonizer)
	defer c.release()
	ok, err := c.run(raw, false)
	if err != nil || !ok {
		return "", err
	}
	return string(c.out), nil
}

// IsObject tells whether raw is a JSON object, by its first byte: raw is taken to
// be valid JSON, or absent.
func IsObject(raw json.RawMessage) bool {
	for _, c := range raw {
		switch c {
		case ' ', '\n', '\r', '\t':
		default:
			return c == '{'
		}
	}
	return false
}
