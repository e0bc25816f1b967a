package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// lineError is an error that knows its line better than the value around it does.
type lineError struct {
	line int
	error
}

func (e *lineError) Unwrap() error { return e.error }

// tlsValue is a TLS: a YAML mapping, or a text.
type tlsValue struct{ p *TLS }

func (v tlsValue) kind() string { return "TLS" }
func (v tlsValue) want() string {
	return "{caFile: FILE, certFile: FILE, keyFile: FILE, serverName: NAME, insecure: false}, a text such as caFile=FILE,serverName=NAME, or on, or off for plain text"
}

// String gives "" for what is not said, "off", "on", or what differs from "on".
func (v tlsValue) String() string {
	if v.p.Mode != TLSOn {
		return v.p.Mode
	}
	var parts []string
	for _, f := range v.fields() {
		if *f.text != "" {
			parts = append(parts, f.key+"="+*f.text)
		}
	}
	if v.p.Insecure {
		parts = append(parts, "insecure=true")
	}
	if parts == nil {
		return TLSOn
	}
	return strings.Join(parts, ",")
}

type tlsField struct {
	key  string
	text *string
}

func (v tlsValue) fields() []tlsField {
	return []tlsField{{"caFile", &v.p.CAFile}, {"certFile", &v.p.CertFile}, {"keyFile", &v.p.KeyFile}, {"serverName", &v.p.ServerName}}
}

func (v tlsValue) set(text string) error {
	switch text = strings.TrimSpace(text); text {
	case "", TLSOff, TLSOn:
		return assign(v, v.p, TLS{Mode: text})
	case "false":
		return assign(v, v.p, TLS{Mode: TLSOff})
	case "true":
		return assign(v, v.p, TLS{Mode: TLSOn})
	}
	next := TLS{Mode: TLSOn}
	for part := range strings.SplitSeq(text, ",") {
		key, val, found := strings.Cut(part, "=")
		if !found {
			return fmt.Errorf("%q is neither", text)
		}
		if err := (tlsValue{&next}).put(strings.TrimSpace(key), strings.TrimSpace(val)); err != nil {
			return err
		}
	}
	return assign(v, v.p, next)
}

func (v tlsValue) put(key, val string) error {
	known := map[string]string{"insecure": ""}
	for _, f := range v.fields() {
		known[f.key] = ""
		if f.key == key {
			*f.text = val
			return nil
		}
	}
	if key != "insecure" {
		if near := nearest(key, known); near != "" {
			return fmt.Errorf("it has an unknown key %q; did you mean %s?", key, near)
		}
		return fmt.Errorf("it has an unknown key %q", key)
	}
	b, err := strconv.ParseBool(val)
	if err != nil || len(val) == 1 {
		return fmt.Errorf("insecure: %q is neither true nor false", val)
	}
	v.p.Insecure = b
	return nil
}

func (v tlsValue) setNode(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return errors.New("it is a list")
	}
	next := TLS{Mode: TLSOn}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, val := n.Content[i], resolve(n.Content[i+1])
		switch {
		case seen[name.Value]:
			return &lineError{name.Line, fmt.Errorf("%s is set twice", name.Value)}
		case val.Kind != yaml.ScalarNode || val.Tag == nullTag:
			return &lineError{val.Line, fmt.Errorf("%s is no text", name.Value)}
		}
		seen[name.Value] = true
		if err := (tlsValue{&next}).put(name.Value, val.Value); err != nil {
			return &lineError{name.Line, err}
		}
	}
	return assign(v, v.p, next)
}

func (v tlsValue) check() error {
	switch {
	case v.p.Mode != TLSOn && *v.p != TLS{Mode: v.p.Mode}:
		return errors.New("it names files for a service that is called in plain text")
	case (v.p.CertFile == "") != (v.p.KeyFile == ""):
		return errors.New("certFile and keyFile go together, and one of them is missing")
	case v.p.Insecure && v.p.CAFile != "":
		return errors.New("insecure does not check what caFile is there to check")
	}
	return nil
}
