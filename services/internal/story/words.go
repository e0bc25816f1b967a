package story

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	adminv1 "github.com/tandem-sync/tandem/proto/admin/v1"
)

// words says times, as seen from now.
type words struct{ now time.Time }

// at says a time of the API.
func (w words) at(ms int64) string {
	t := time.UnixMilli(ms).UTC()
	return fmt.Sprintf("%s (%s)", t.Format("2006-01-02 15:04:05 UTC"), w.ago(ms))
}

// since is how long ago a time of the API was.
func (w words) since(ms int64) time.Duration { return w.now.Sub(time.UnixMilli(ms)) }

func (w words) ago(ms int64) string {
	switch d := w.since(ms); {
	case d < -time.Second:
		return "in " + span(-d)
	case d < time.Second:
		return "just now"
	default:
		return span(d) + " ago"
	}
}

// span says how long, in the unit that people would use.
func span(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		upTo int64 // of it; then comes the next
		name string
	}{{time.Second, 90, "s"}, {time.Minute, 90, "min"}, {time.Hour, 48, "h"}} {
		if n := int64(d / u.unit); n < u.upTo {
			return fmt.Sprintf("%d %s", n, u.name)
		}
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

// count says how many of a thing.
func count(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// tries says how often something was tried.
func tries(n int32) string {
	if n == 1 {
		return "1 try"
	}
	return fmt.Sprintf("%d tries", n)
}

// query is what a view asks for, shortened: it can be very long.
func query(view *adminv1.DatasetClient) string {
	q := view.GetQueryParams()
	if q == "" {
		q = "{}"
	}
	const long = 200
	if runes := []rune(q); len(runes) > long {
		return string(runes[:long]) + "..."
	}
	return q
}

// printable spells out what a terminal would take for an order: names and messages
// come from devices and adapters.
func printable(text string) string {
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		}
	}
	return b.String()
}

// arg is a name in a command that people copy into a shell.
func arg(name string) string {
	harmless := func(r rune) bool {
		return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) || strings.ContainsRune("._:@%+=/-", r)
	}
	if name != "" && strings.IndexFunc(name, func(r rune) bool { return !harmless(r) }) < 0 {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}
