package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// readFile takes over a YAML file: one mapping, each key known and given once.
func (l *loader) readFile(path string, text []byte) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var file yaml.Node
	err := decoder.Decode(&file)
	if errors.Is(err, io.EOF) {
		return
	}
	if err != nil {
		l.errs = append(l.errs, fmt.Errorf("file %s: %w", path, err))
		return
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		l.errs = append(l.errs, fmt.Errorf("file %s: expected one YAML document", path))
	}
	at := func(n *yaml.Node) string { return fmt.Sprintf("file %s:%d", path, n.Line) }
	names := map[string]string{datasetsKey: ""}
	for key := range l.known {
		names[key] = ""
	}
	l.eachKey(file.Content[0], "", at, func(key string, name, val *yaml.Node) {
		s, known := l.known[key]
		switch {
		case key == datasetsKey:
			l.datasets = datasetsSource{val, at}
		case !known:
			l.errs = append(l.errs, &UnknownKeyError{key, at(name), nearest(key, names)})
		case val.Tag != nullTag:
			l.apply(s, at(val), func() error { return setNode(s.value, val) })
		}
	})
}

const nullTag = "!!null"

// eachKey calls visit for the entries of a mapping; null counts as an empty one.
func (l *loader) eachKey(n *yaml.Node, where string, at func(*yaml.Node) string, visit func(key string, name, val *yaml.Node)) {
	n = resolve(n)
	if n.Tag == nullTag {
		return
	}
	if n.Kind != yaml.MappingNode {
		l.errs = append(l.errs, fmt.Errorf("%s: %sexpected keys with values", at(n), where))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, val := n.Content[i], resolve(n.Content[i+1])
		if seen[name.Value] {
			l.errs = append(l.errs, fmt.Errorf("%s%s (%s): it is set twice", where, name.Value, at(name)))
			continue
		}
		seen[name.Value] = true
		visit(name.Value, name, val)
	}
}

// resolve follows a YAML alias.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// setNode hands a YAML value over: as it is where more than a scalar makes
// sense, as a text otherwise.
func setNode(v value, n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return v.set(n.Value)
	}
	if structured, ok := v.(nodeValue); ok {
		return structured.setNode(n)
	}
	return errors.New("it is a list or a mapping")
}
