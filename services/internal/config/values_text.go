package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
)

// textValue is a text; what it may be is told by choices or by valid.
type textValue struct {
	p       *string
	choices []string
	wanted  string
	valid   func(string) error
}

func (v textValue) String() string { return *v.p }
func (v textValue) kind() string   { return "text" }
func (v textValue) want() string {
	if v.choices != nil {
		return strings.Join(v.choices, " or ")
	}
	return v.wanted
}
func (v textValue) set(text string) error { return assign(v, v.p, text) }

func (v textValue) check() error {
	if v.choices != nil && !slices.Contains(v.choices, *v.p) {
		return fmt.Errorf("%q is neither", *v.p)
	}
	if v.valid != nil {
		return v.valid(*v.p)
	}
	return nil
}

func notEmpty(text string) error {
	if text == "" {
		return errors.New("it is empty")
	}
	return nil
}

// address accepts HOST:PORT.
func address(text string) error {
	if _, _, err := net.SplitHostPort(text); err != nil {
		return fmt.Errorf("%q is no HOST:PORT", text)
	}
	return nil
}

// noAddress accepts HOST:PORT, and nothing.
func noAddress(text string) error {
	if text == "" {
		return nil
	}
	return address(text)
}

type levelValue struct{ p *slog.Level }

func (v levelValue) String() string { return strings.ToLower(v.p.String()) }
func (v levelValue) kind() string   { return "text" }
func (v levelValue) want() string   { return "debug, info, warn or error" }
func (v levelValue) check() error   { return nil }

func (v levelValue) set(text string) error {
	var l slog.Level
	if err := l.UnmarshalText([]byte(text)); err != nil {
		return fmt.Errorf("%q is no log level", text)
	}
	*v.p = l
	return nil
}
