package example

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"
	"time"
)

// verify tells whether body was signed with the secret, no more than five minutes ago.
func verify(secret, header string, body []byte, now time.Time) bool {
	signed, found := "", false
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(part, "=")
		switch name {
		case "t":
			signed = value
		case "v1": // two of them while the secret is being changed
			mac := hmac.New(sha256.New, []byte(secret))
			mac.Write([]byte(signed + "."))
			mac.Write(body)
			given, err := hex.DecodeString(value)
			found = found || err == nil && hmac.Equal(given, mac.Sum(nil))
		}
	}
	seconds, err := strconv.ParseInt(signed, 10, 64)
	return err == nil && found && now.Sub(time.Unix(seconds, 0)).Abs() <= 5*time.Minute
}
