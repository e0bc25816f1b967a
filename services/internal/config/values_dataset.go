package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// fieldsValue is the names of fields: a list, "*" for all (nil).
type fieldsValue struct{ p *[]string }

const allFields = "*"

func (v fieldsValue) kind() string { return "list" }
func (v fieldsValue) want() string {
	return "a list of field names, or one text with commas; * for all fields"
}

func (v fieldsValue) String() string {
	if *v.p == nil {
		return allFields
	}
	return strings.Join(*v.p, ",")
}

func (v fieldsValue) set(text string) error {
	if strings.TrimSpace(text) == allFields {
		*v.p = nil
		return nil
	}
	list := []string{}
	return assignList(v, v.p, (listValue{&list}).set(text), &list)
}

func (v fieldsValue) setNode(n *yaml.Node) error {
	list := []string{}
	return assignList(v, v.p, (listValue{&list}).setNode(n), &list)
}

func assignList(v fieldsValue, p *[]string, err error, list *[]string) error {
	if err != nil {
		return err
	}
	if *list == nil {
		*list = []string{}
	}
	old := *p
	*p = *list
	if err := v.check(); err != nil {
		*p = old
		return err
	}
	return nil
}

func (v fieldsValue) check() error {
	for i, name := range *v.p {
		switch {
		case name == "":
			return errors.New("it has an empty item")
		case strings.HasPrefix(name, "$"):
			return fmt.Errorf("%q is an operator and no field", name)
		case name == allFields:
			return errors.New(`"*" stands alone`)
		case slices.Contains((*v.p)[:i], name):
			return fmt.Errorf("%s is in it twice", name)
		}
	}
	return nil
}

// hasherValue is the name of a record hash.
type hasherValue struct{ p *string }

func (v hasherValue) kind() string   { return "text" }
func (v hasherValue) want() string   { return record.HasherRule }
func (v hasherValue) String() string { return *v.p }

func (v hasherValue) set(text string) error { return assign(v, v.p, strings.TrimSpace(text)) }

func (v hasherValue) check() error {
	_, err := record.NewHasher(*v.p)
	return err
}

func (v hasherValue) setNode(n *yaml.Node) error {
	var form struct {
		Fields []string `yaml:"fields"`
	}
	if n.Kind != yaml.MappingNode || len(n.Content) != 2 || n.Content[0].Value != "fields" || n.Decode(&form) != nil || len(form.Fields) == 0 {
		return errors.New("it is neither")
	}
	for _, name := range form.Fields {
		if strings.Contains(name, ",") {
			return fmt.Errorf("field %q has a comma in its name", name)
		}
	}
	return assign(v, v.p, record.HashFields+strings.Join(form.Fields, ","))
}
