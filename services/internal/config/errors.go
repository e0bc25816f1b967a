package config

import (
	"fmt"
	"strings"

	"github.com/agnivade/levenshtein"
)

// BadValueError is a value that its setting does not take.
type BadValueError struct {
	Key     string
	Source  string // "file config.yaml:12" ...; "" from Validate
	Problem string // names the value
	Want    string
}

func (e *BadValueError) Error() string {
	text := e.Key
	if e.Source != "" {
		text += " (" + e.Source + ")"
	}
	return fmt.Sprintf("%s: %s; expected %s", text, e.Problem, e.Want)
}

// UnknownKeyError is a name that no setting has.
type UnknownKeyError struct {
	Key     string
	Source  string
	Nearest string // "" when nothing is near
}

func (e *UnknownKeyError) Error() string {
	text := fmt.Sprintf("%s (%s): unknown setting", e.Key, e.Source)
	if e.Nearest != "" {
		text += "; did you mean " + e.Nearest + "?"
	}
	return text
}

// nearest is the key of known that name was probably meant to be, "" if none.
func nearest[V any](name string, known map[string]V) string {
	best, distance := "", max(2, len(name)/3)+1
	for candidate := range known {
		d := levenshtein.ComputeDistance(plain(name), plain(candidate))
		if d < distance || d == distance && best != "" && candidate < best {
			best, distance = candidate, d
		}
	}
	return best
}

// plain makes spellings equal that differ in case and word separators alone.
func plain(name string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name))
}
