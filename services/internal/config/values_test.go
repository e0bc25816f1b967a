package config

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

func TestDuration(t *testing.T) {
	for _, c := range []struct {
		text string
		unit time.Duration
		want time.Duration
	}{
		{"500", msec, 500 * time.Millisecond},
		{"10", sec, 10 * time.Second},
		{"0.5", sec, 500 * time.Millisecond},
		{"1e3", msec, time.Second},
		{"500ms", sec, 500 * time.Millisecond},
		{"24h", msec, 24 * time.Hour},
		{"1d", msec, 24 * time.Hour},
		{"90m", msec, 90 * time.Minute},
		{"1h30m", msec, 90 * time.Minute},
		{"1h 30m", msec, 90 * time.Minute},
		{"2 weeks", msec, 14 * 24 * time.Hour},
		{"90 Minutes", msec, 90 * time.Minute},
		{"1.5h", msec, 90 * time.Minute},
		{"20µs", msec, 20 * time.Microsecond},
	} {
		got, err := parseDuration(c.text, c.unit)
		if err != nil || got != c.want {
			t.Errorf("%q: got %v, %v, want %v", c.text, got, err, c.want)
		}
	}
	for _, bad := range []string{"", " ", "h", "1x", "1h30", "1h x", "NaN", "inf", "1e300", "--1s", "300000 years"} {
		if got, err := parseDuration(bad, msec); err == nil {
			t.Errorf("%q: got %v, want an error", bad, got)
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0", time.Millisecond: "1ms", 24 * time.Hour: "24h", 90 * time.Minute: "1h30m", 10 * time.Second: "10s", 3610 * time.Second: "1h0m10s",
	} {
		if got := formatDuration(d); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestValues(t *testing.T) {
	c := Default()
	for _, row := range []struct {
		v         value
		good, bad string // texts with | between
	}{
		{intValue{p: new(int), min: -1, special: "-1: unlimited"}, "-1|0| 7 ", "-2|x|1.5|"},
		{intValue{p: new(int), max: 65535}, "0|65535", "65536|-1"},
		{boolValue{new(bool)}, "true|false|True", "yes|1|"},
		{durationValue{new(time.Duration), msec, msec}, "1|500ms", "0|-1|soon"},
		{sizeValue{new(int64)}, "1|512KB|32MB|32 mib|0.5GB|7b", "0|-1|many|MB|1e99|NaN"},
		{listValue{new([]string)}, "|a|a, b,", ""},
		{levelValue{new(slog.Level)}, "debug|WARN", "loud"},
		{textValue{p: new(string), choices: []string{"text", "json"}}, "json", "JSON"},
		{textValue{p: new(string), valid: address}, ":8080|[::1]:80|host:0", "host|"},
		{textValue{p: new(string), valid: noAddress}, "|host:1", "host"},
		{backoffValue{&c.SyncWorker.Backoff}, "exp|fib:500|EXP:2s|none", "linear:1|exp:0|exp:x|"},
	} {
		for text := range strings.SplitSeq(row.good, "|") {
			if err := row.v.set(text); err != nil {
				t.Errorf("%T %q: %v", row.v, text, err)
			}
			if err := row.v.check(); err != nil {
				t.Errorf("%T %q: check: %v", row.v, text, err)
			}
		}
		before := row.v.String()
		if _, isList := row.v.(listValue); isList {
			continue
		}
		for text := range strings.SplitSeq(row.bad, "|") {
			if err := row.v.set(text); err == nil {
				t.Errorf("%T takes %q", row.v, text)
			}
		}
		if after := row.v.String(); after != before {
			t.Errorf("%T: a refused text changed it from %s to %s", row.v, before, after)
		}
		if row.v.want() == "" && !strings.Contains(before, ":") {
			t.Errorf("%T does not say what it wants", row.v)
		}
	}
}

func TestBackoffKeepsWhatIsLeftOut(t *testing.T) {
	start := Backoff{BackoffExp, time.Minute}
	for text, want := range map[string]Backoff{
		"{strategy: fib}":            {BackoffFib, time.Minute},
		"{max: 1000}":                {BackoffExp, time.Second},
		"{strategy: EXP, max: 2m}":   {BackoffExp, 2 * time.Minute},
		"{strategy: none, max: 100}": {BackoffNone, 100 * time.Millisecond},
	} {
		got := start
		var n yaml.Node
		if err := yaml.Unmarshal([]byte(text), &n); err != nil {
			t.Fatal(err)
		}
		if err := setNode(backoffValue{&got}, n.Content[0]); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s:\n%s", text, diff)
		}
	}
}
