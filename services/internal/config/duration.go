package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// durationUnits are the units of Go and of the texts that the reference server
// takes ("24h", "1d", "90 minutes").
var durationUnits = map[string]time.Duration{
	"ns": time.Nanosecond, "nanosecond": time.Nanosecond,
	"us": time.Microsecond, "µs": time.Microsecond, "μs": time.Microsecond, "microsecond": time.Microsecond,
	"ms": time.Millisecond, "millisecond": time.Millisecond,
	"s": time.Second, "sec": time.Second, "second": time.Second,
	"m": time.Minute, "min": time.Minute, "minute": time.Minute,
	"h": time.Hour, "hr": time.Hour, "hour": time.Hour,
	"d": day, "day": day,
	"w": 7 * day, "wk": 7 * day, "week": 7 * day,
	"month": time.Duration(365.25 / 12 * float64(day)),
	"y":     time.Duration(365.25 * float64(day)), "yr": time.Duration(365.25 * float64(day)),
	"year": time.Duration(365.25 * float64(day)),
}

// parseDuration reads one or more numbers with units, such as "500ms" or
// "1h 30m"; a plain number counts in unit.
func parseDuration(text string, unit time.Duration) (time.Duration, error) {
	rest := strings.TrimSpace(text)
	if rest == "" {
		return 0, fmt.Errorf("no time given")
	}
	if n, err := strconv.ParseFloat(rest, 64); err == nil {
		return scale(text, n, unit)
	}
	total := 0.0
	for rest != "" {
		number := rest[:prefixLen(rest, "+-.0123456789")]
		rest = strings.TrimLeft(rest[len(number):], " ")
		end := strings.IndexAny(rest, "+-.0123456789 ")
		if end < 0 {
			end = len(rest)
		}
		name := strings.ToLower(rest[:end])
		rest = strings.TrimLeft(rest[end:], " ")
		n, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return 0, fmt.Errorf("%q is no time", text)
		}
		u, ok := durationUnits[name]
		if !ok && len(name) > 2 {
			u, ok = durationUnits[strings.TrimSuffix(name, "s")]
		}
		if !ok {
			return 0, fmt.Errorf("%q has no known unit of time", text)
		}
		total += n * float64(u)
	}
	return scale(text, total, time.Nanosecond)
}

// scale is n units, if a Duration can hold them.
func scale(text string, n float64, unit time.Duration) (time.Duration, error) {
	ns := math.Round(n * float64(unit))
	if math.IsNaN(ns) || math.Abs(ns) >= math.MaxInt64 {
		return 0, fmt.Errorf("%q is out of range", text)
	}
	return time.Duration(ns), nil
}

func prefixLen(s, chars string) int {
	return len(s) - len(strings.TrimLeft(s, chars))
}

// formatDuration prints as Go does, without the parts that are zero ("24h").
func formatDuration(d time.Duration) string {
	if d == 0 {
		return "0"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
