package config

import (
	"fmt"
	"strconv"
	"strings"
)

// value is one field of a Config as a text.
type value interface {
	set(text string) error // takes the text over, or leaves the field as it was
	String() string        // in a form that set takes
	kind() string          // what a flag's help shows: "int", "duration" ...
	want() string          // what is expected, to go after "expected"
	check() error          // whether the field is within its bounds
}

// show is a value as people may see it.
func show(v value) string {
	if secret, ok := v.(interface{ shown() string }); ok {
		return secret.shown()
	}
	return v.String()
}

// assign sets *p, and takes it back when v refuses it.
func assign[T any](v value, p *T, next T) error {
	old := *p
	*p = next
	if err := v.check(); err != nil {
		*p = old
		return err
	}
	return nil
}

type intValue struct {
	p        *int
	min, max int // max 0: no bound
	special  string
}

func (v intValue) String() string { return strconv.Itoa(*v.p) }
func (v intValue) kind() string   { return "int" }
func (v intValue) want() string {
	text := "a whole number of at least " + strconv.Itoa(v.min)
	if v.max > 0 {
		text = fmt.Sprintf("a whole number from %d to %d", v.min, v.max)
	}
	if v.special != "" {
		text += " (" + v.special + ")"
	}
	return text
}

func (v intValue) set(text string) error {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return fmt.Errorf("%q is no whole number", text)
	}
	return assign(v, v.p, n)
}

func (v intValue) check() error {
	if *v.p < v.min || v.max > 0 && *v.p > v.max {
		return fmt.Errorf("%d is out of range", *v.p)
	}
	return nil
}

type boolValue struct{ p *bool }

func (v boolValue) String() string { return strconv.FormatBool(*v.p) }
func (v boolValue) kind() string   { return "bool" }
func (v boolValue) want() string   { return "true or false" }
func (v boolValue) check() error   { return nil }

func (v boolValue) set(text string) error {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "true":
		*v.p = true
	case "false":
		*v.p = false
	default:
		return fmt.Errorf("%q is neither", text)
	}
	return nil
}
