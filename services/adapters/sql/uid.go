package sql

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"
)

// uidOf makes the uid of a row from the texts of its uid's columns, in the form that devices see (show). One
// column is its own text; several are joined by commas, with \ before each comma and \ in them. An empty uid
// is \0, and a lone column's text that begins with \ has one more.
func uidOf(columns []column, texts []string) string {
	parts := make([]string, len(texts))
	for i, text := range texts {
		switch c := columns[i]; c.kind {
		case kBytes:
			text = hex.EncodeToString([]byte(text))
		case kTimestamp, kTimestampTZ:
			text = iso(text, c.kind)
		}
		parts[i] = strings.ToValidUTF8(text, "\uFFFD")
	}
	if len(parts) == 1 {
		if parts[0] == "" {
			return `\0`
		}
		if strings.HasPrefix(parts[0], `\`) {
			return `\` + parts[0]
		}
		return parts[0]
	}
	escape := strings.NewReplacer(`\`, `\\`, `,`, `\,`)
	for i := range parts {
		parts[i] = escape.Replace(parts[i])
	}
	return strings.Join(parts, ",")
}

// parseUID takes a uid apart into the texts of its columns; false: no row has this uid.
func (d *dataset) parseUID(uid string) ([]string, bool) {
	if !utf8.ValidString(uid) {
		return nil, false
	}
	var parts []string
	switch {
	case len(d.uid) > 1:
		parts = splitUID(uid)
	case uid == `\0`:
		parts = []string{""}
	default:
		parts = []string{strings.TrimPrefix(uid, `\`)}
	}
	if len(parts) != len(d.uid) {
		return nil, false
	}
	for i, c := range d.uid {
		ok := true
		switch c.kind {
		case kInt, kNumeric:
			ok = numeral.MatchString(parts[i]) || c.kind == kNumeric && parts[i] == "NaN"
		case kBytes:
			var b []byte
			var err error
			b, err = hex.DecodeString(parts[i])
			ok, parts[i] = err == nil, string(b)
		case kTimestamp, kTimestampTZ:
			var err error
			parts[i], err = c.storeTime(parts[i])
			ok = err == nil
		case kText:
			ok = !strings.ContainsRune(parts[i], 0) || d.d != (postgres{})
		}
		if !ok {
			return nil, false
		}
	}
	return parts, true
}

func splitUID(uid string) []string {
	var parts []string
	var part strings.Builder
	for i := 0; i < len(uid); i++ {
		switch {
		case uid[i] == '\\' && i+1 < len(uid):
			i++
			part.WriteByte(uid[i])
		case uid[i] == ',':
			parts = append(parts, part.String())
			part.Reset()
		default:
			part.WriteByte(uid[i])
		}
	}
	return append(parts, part.String())
}

// byUID adds that a row has these texts in its uid's columns.
func (d *dataset) byUID(s *statement, texts []string) *statement {
	for i, c := range d.uid {
		s.add(" AND ", d.d.quote(c.name), " = ").value(c, texts[i])
	}
	return s
}

// keyUID makes a uid from a change's key: what the column is of decides its form.
func (d *dataset) keyUID(key string) string {
	sum := digest("record", d.id, key)
	if d.uid[0].typ != "uuid" {
		return hex.EncodeToString(sum[:12])
	}
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // RFC 9562: version 8
	h := hex.EncodeToString(sum[:16])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// digest tells lists of texts apart, wherever one text ends and the next begins.
func digest(texts ...string) []byte {
	h := sha256.New()
	for _, text := range texts {
		h.Write([]byte(strconv.Itoa(len(text)) + ":" + text))
	}
	return h.Sum(nil)
}

func hexDigest(texts ...string) string { return hex.EncodeToString(digest(texts...)) }
