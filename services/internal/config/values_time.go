package config

import (
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// durationValue is a time; a plain number counts in unit.
type durationValue struct {
	p    *time.Duration
	unit time.Duration
	min  time.Duration
}

func (v durationValue) String() string { return formatDuration(*v.p) }
func (v durationValue) kind() string   { return "duration" }
func (v durationValue) want() string {
	return fmt.Sprintf("a number of %s or a time such as 500ms, 90m, 24h, 1d, of at least %s", unitName(v.unit), formatDuration(v.min))
}

func unitName(unit time.Duration) string {
	if unit == time.Second {
		return "seconds"
	}
	return "milliseconds"
}

func (v durationValue) set(text string) error {
	d, err := parseDuration(text, v.unit)
	if err != nil {
		return err
	}
	return assign(v, v.p, d)
}

func (v durationValue) check() error {
	if *v.p < v.min {
		return fmt.Errorf("%s is too short", v)
	}
	return nil
}

type backoffValue struct{ p *Backoff }

func (v backoffValue) String() string { return v.p.String() }
func (v backoffValue) kind() string   { return "backoff" }
func (v backoffValue) want() string   { return wantBackoff }
func (v backoffValue) check() error   { return v.p.check() }

func (v backoffValue) set(text string) error {
	b, err := parseBackoff(*v.p, text)
	if err != nil {
		return err
	}
	*v.p = b
	return nil
}

func (v backoffValue) setNode(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return fmt.Errorf("it is neither")
	}
	b := *v.p
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i].Value, n.Content[i+1]
		if val.Kind != yaml.ScalarNode {
			return fmt.Errorf("%s is no scalar", key)
		}
		switch key {
		case "strategy":
			b.Strategy = strings.ToLower(val.Value)
		case "max":
			d, err := parseDuration(val.Value, msec)
			if err != nil {
				return fmt.Errorf("max: %w", err)
			}
			b.Max = d
		default:
			return fmt.Errorf("it has an unknown key %q", key)
		}
	}
	return assign(v, v.p, b)
}
