package golden

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// bindings say what the masks of a scenario stand for: the same mask is the same value in every step, and two
// masks of one group are different values.
type bindings map[string]string

var (
	mask = regexp.MustCompile(`^<(uid|collision|globalHash):[^<>]*>$`)
	// The digits at the end count within a group.
	count = regexp.MustCompile(`[0-9]*>$`)
)

// bind makes token stand for value, or says why it cannot.
func (b bindings) bind(token, value string) error {
	if bound, ok := b[token]; ok {
		if bound != value {
			return fmt.Errorf("%s is %q", token, bound)
		}
		return nil
	}
	group := count.ReplaceAllString(token, "")
	for other, taken := range b {
		if taken == value && count.ReplaceAllString(other, "") == group {
			return fmt.Errorf("%q is %s already and should be another value", value, other)
		}
	}
	b[token] = value
	return nil
}

// matcher compares values with patterns. In a subset, objects may have more than the pattern names.
type matcher struct {
	subset bool
}

// match returns the differences, each with its JSON pointer; none means that actual fits, and then b knows the
// masks that were new.
func (m matcher) match(path string, pattern, actual any, b bindings) []string {
	switch want := pattern.(type) {
	case string:
		return m.matchText(path, want, actual, b)
	case json.Number:
		return matchNumber(path, want, actual)
	case []any:
		return m.matchList(path, want, actual, b)
	case map[string]any:
		return m.matchObject(path, want, actual, b)
	}
	if pattern != actual {
		return different(path, pattern, actual)
	}
	return nil
}

func (m matcher) matchText(path, want string, actual any, b bindings) []string {
	text, isText := actual.(string)
	name, argument, _ := strings.Cut(strings.Trim(want, "<>"), ":")
	fits := false
	switch {
	case !strings.HasPrefix(want, "<") || !strings.HasSuffix(want, ">"):
		fits = isText && text == want
	case mask.MatchString(want):
		if isText && text != "" {
			if err := b.bind(want, text); err != nil {
				return []string{fmt.Sprintf("%s: %v, got %s", path, err, show(actual))}
			}
			fits = true
		}
	case want == "<any>" || want == "<maybe>":
		fits = true
	case want == "<absent>":
		fits = false // an absent value is never compared
	case want == "<empty>":
		object, isObject := actual.(map[string]any)
		list, isList := actual.([]any)
		fits = isObject && len(object) == 0 || isList && len(list) == 0
	case want == "<text>":
		fits = isText && text != ""
	case want == "<time>":
		number, isNumber := actual.(json.Number)
		ms, err := number.Int64()
		fits = isNumber && err == nil && ms > 1e12 // milliseconds since 1970, not seconds
	case name == "contains":
		fits = isText && containsFold(text, argument)
	case name == "not":
		fits = isText && text != b["<"+argument+">"]
	default:
		fits = isText && text == want
	}
	if !fits {
		return different(path, want, actual)
	}
	return nil
}

func matchNumber(path string, want json.Number, actual any) []string {
	got, ok := actual.(json.Number)
	if ok && got == want {
		return nil
	}
	x, errX := want.Float64()
	y, errY := got.Float64()
	if !ok || errX != nil || errY != nil || x != y {
		return different(path, want, actual)
	}
	return nil
}

func (m matcher) matchList(path string, want []any, actual any, b bindings) []string {
	got, ok := actual.([]any)
	if !ok || len(got) != len(want) {
		return different(path, want, actual)
	}
	var diffs []string
	for i := range want {
		diffs = append(diffs, m.match(fmt.Sprintf("%s/%d", path, i), want[i], got[i], b)...)
	}
	return diffs
}

func (m matcher) matchObject(path string, want map[string]any, actual any, b bindings) []string {
	got, ok := actual.(map[string]any)
	if !ok {
		return different(path, want, actual)
	}
	var diffs []string
	var open []string // keys that are masks not yet known
	used := map[string]bool{}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		name := key
		if mask.MatchString(key) {
			bound, known := b[key]
			if !known {
				open = append(open, key)
				continue
			}
			name = bound
		}
		value, there := got[name]
		used[name] = true
		switch {
		case there:
			diffs = append(diffs, m.match(path+"/"+name, want[key], value, b)...)
		case want[key] != "<maybe>" && want[key] != "<absent>":
			diffs = append(diffs, fmt.Sprintf("%s/%s: want %s, got nothing", path, name, show(want[key])))
		}
	}
	var free []string
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if !used[key] {
			free = append(free, key)
		}
	}
	if len(diffs) == 0 {
		diffs, free = m.matchOpen(path, open, free, want, got, b)
	}
	if !m.subset {
		for _, key := range free {
			diffs = append(diffs, fmt.Sprintf("%s/%s: want nothing, got %s", path, key, show(got[key])))
		}
	}
	return diffs
}

// matchOpen finds which of the free keys each open mask stands for, by trying; it returns the keys left over.
func (m matcher) matchOpen(path string, open, free []string, want, got map[string]any, b bindings) (diffs, rest []string) {
	if len(open) == 0 {
		return nil, free
	}
	token := open[0]
	diffs = []string{fmt.Sprintf("%s/%s: want %s, got nothing", path, token, show(want[token]))}
	for i, key := range free {
		trial := maps.Clone(b)
		if err := trial.bind(token, key); err != nil {
			continue
		}
		found := m.match(path+"/"+key, want[token], got[key], trial)
		others := slices.Delete(slices.Clone(free), i, i+1)
		if len(found) == 0 {
			found, others = m.matchOpen(path, open[1:], others, want, got, trial)
		}
		if len(found) == 0 {
			maps.Copy(b, trial)
			return nil, others
		}
		diffs = append(diffs, found...)
	}
	return diffs, nil
}

// containsFold is strings.Contains without regard to case.
func containsFold(text, phrase string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(phrase))
}

func different(path string, want, got any) []string {
	if path == "" {
		path = "/"
	}
	return []string{fmt.Sprintf("%s: want %s, got %s", path, show(want), show(got))}
}

// show prints a value on one line. A mask is readable only without the escapes that json.Marshal gives it.
func show(value any) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Sprint(value)
	}
	return strings.TrimSpace(out.String())
}
