package config

import (
	"fmt"
	"slices"
	"strings"
)

// given is what one source has for a setting that has several environment variables.
type given struct{ source, text string }

// readOtherNames reads the variables that belong to others as well. What is meant
// for Tandem alone wins, be it only in the file; and one that does not count cannot
// stop the start either.
func (l *loader) readOtherNames(environ []string) {
	for _, s := range settings(&l.config) {
		for _, name := range s.env {
			text := variable(environ, name)
			if text == "" {
				continue
			}
			source := "environment " + name
			if _, set := l.origin[s.Key]; set {
				l.given[s.Key] = append(l.given[s.Key], given{source, text})
				continue
			}
			l.apply(s, source, func() error { return s.value.set(text) })
		}
		l.noteOthers(s)
	}
}

// noteOthers tells of sources that have something else than what is in force.
func (l *loader) noteOthers(s setting) {
	var others []string
	for _, g := range l.given[s.Key] {
		if g.text != s.value.String() && g.source != l.origin[s.Key] {
			others = append(others, g.source)
		}
	}
	if len(others) > 0 {
		l.config.Notes = append(l.config.Notes, fmt.Sprintf("setting %s is taken from %s; what %s says differs and does not count",
			s.Key, l.origin[s.Key], strings.Join(others, " and ")))
	}
}

func variable(environ []string, name string) string {
	for _, v := range slices.Backward(environ) {
		if text, ok := strings.CutPrefix(v, name+"="); ok {
			return text
		}
	}
	return ""
}
