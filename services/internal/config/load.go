package config

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// Sources is where settings are read from. Each part may be left out.
type Sources struct {
	File    string         // path of a YAML file; "": what --config or TANDEM_CONFIG names, if anything
	Environ []string       // as os.Environ gives it
	Flags   *pflag.FlagSet // parsed, with the flags of AddFlags
}

// Setting is one setting that is in force.
type Setting struct {
	Key     string `json:"key"`
	Value   string `json:"value"`
	Default string `json:"default"`
	Source  string `json:"source"` // "default", "file config.yaml:12", "environment TANDEM_X" or "flag --x"
}

const fromDefault = "default"

// Load reads all settings and tells where each comes from. The error holds
// everything that is wrong, not only what was found first.
func Load(src Sources) (Config, []Setting, error) {
	l := &loader{config: Default(), origin: map[string]string{}, given: map[string][]given{}, known: map[string]setting{}}
	for _, s := range settings(&l.config) {
		l.known[s.Key] = s
	}
	if path := filePath(src); path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			l.errs = append(l.errs, fmt.Errorf("settings file (--%s or %s): %w", fileFlag, fileEnv, err))
		}
		l.readFile(path, text)
	}
	l.readEnviron(src.Environ)
	if src.Flags != nil {
		l.readFlags(src.Flags)
	}
	l.readOtherNames(src.Environ)
	l.applyDatasets()
	if len(l.errs) == 0 {
		if err := l.config.Validate(); err != nil {
			l.errs = append(l.errs, err)
		}
	}
	return l.config, l.inForce(), errors.Join(l.errs...)
}

// loader gathers a Config, source by source, the weakest first.
type loader struct {
	config   Config
	known    map[string]setting
	origin   map[string]string // key → source; absent: default
	given    map[string][]given
	datasets datasetsSource
	errs     []error
}

// apply takes over one value. put is the setting's own set or setNode.
func (l *loader) apply(s setting, source string, put func() error) {
	if err := put(); err != nil {
		l.errs = append(l.errs, &BadValueError{Key: s.Key, Source: source, Problem: err.Error(), Want: s.value.want()})
		return
	}
	l.origin[s.Key] = source
	if s.env != nil {
		l.given[s.Key] = append(l.given[s.Key], given{source, s.value.String()})
	}
}

func filePath(src Sources) string {
	if src.File != "" {
		return src.File
	}
	if src.Flags != nil {
		if f := src.Flags.Lookup(fileFlag); f != nil && f.Changed {
			return f.Value.String()
		}
	}
	for _, variable := range slices.Backward(src.Environ) {
		if path, ok := strings.CutPrefix(variable, fileEnv+"="); ok {
			return path
		}
	}
	return ""
}

// inForce lists the settings in the table's order, then the listed datasets'.
func (l *loader) inForce() []Setting {
	byDefault := Default()
	var list []Setting
	defaults := settings(&byDefault)
	for i, s := range settings(&l.config) {
		list = append(list, Setting{s.Key, show(s.value), show(defaults[i].value), l.from(s.Key, fromDefault)})
	}
	return append(list, l.datasetsInForce()...)
}

func (l *loader) from(key, otherwise string) string {
	if source, ok := l.origin[key]; ok {
		return source
	}
	return otherwise
}
