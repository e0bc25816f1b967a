package config

import (
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v3"
)

const (
	datasetsKey   = "datasets"
	datasetsTitle = "Datasets"
	datasetsDoc   = "The datasets by their id, each with settings of its own; in flags and the environment as YAML in one line."
)

// datasetsSource is the strongest `datasets` seen so far. It is applied after
// everything else, because each dataset begins with the defaults for all.
type datasetsSource struct {
	node *yaml.Node
	at   func(*yaml.Node) string
}

// datasetsText takes `datasets` from a flag or the environment.
func (l *loader) datasetsText(text, source string) {
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(text), &n); err != nil || len(n.Content) != 1 {
		l.errs = append(l.errs, &BadValueError{datasetsKey, source, "it is no YAML", `YAML such as {myList: {syncFrequency: 30}}`})
		return
	}
	l.datasets = datasetsSource{n.Content[0], func(*yaml.Node) string { return source }}
}

// applyDatasets fills Datasets.ByID.
func (l *loader) applyDatasets() {
	if l.datasets.node == nil {
		return
	}
	l.config.Datasets.ByID = map[string]Dataset{}
	at := l.datasets.at
	l.eachKey(l.datasets.node, datasetsKey+": ", at, func(id string, name, val *yaml.Node) {
		if id == "" {
			l.errs = append(l.errs, fmt.Errorf("%s (%s): a dataset without an id", datasetsKey, at(name)))
			return
		}
		dataset := l.config.Datasets.base()
		known := map[string]setting{}
		for _, s := range listedSettings(&dataset) {
			known[s.Key] = s
		}
		prefix := datasetsKey + "." + id + "."
		l.eachKey(val, prefix[:len(prefix)-1]+": ", at, func(key string, name, val *yaml.Node) {
			s, ok := known[key]
			if !ok {
				l.errs = append(l.errs, &UnknownKeyError{prefix + key, at(name), nearest(key, known)})
				return
			}
			if val.Tag != nullTag {
				s.Key = prefix + key
				l.apply(s, at(val), func() error { return setNode(s.value, val) })
			}
		})
		l.config.Datasets.ByID[id] = dataset
	})
}

// datasetsInForce lists the settings of the listed datasets; one that a dataset
// does not set itself has the source of the setting for all.
func (l *loader) datasetsInForce() []Setting {
	var list []Setting
	for _, id := range slices.Sorted(maps.Keys(l.config.Datasets.ByID)) {
		dataset, all := l.config.Datasets.ByID[id], l.config.Datasets.base()
		defaults := listedSettings(&all)
		for i, s := range listedSettings(&dataset) {
			key := datasetsKey + "." + id + "." + s.Key
			list = append(list, Setting{key, s.value.String(), defaults[i].value.String(), l.from(key, l.from(s.Key, fromDefault))})
		}
	}
	return list
}
