package config

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"regexp"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// DatasetsFile is what a datasets file says, over the settings under it.
type DatasetsFile struct {
	Datasets
	lines map[string]int
}

// Line is where the file has a setting, such as "datasets.orders.adapterTls" or
// "defaults.adapterTls"; 0 where it has not.
func (f DatasetsFile) Line(key string) int { return f.lines[key] }

const defaultsKey = "defaults"

// ReadDatasets reads the text of a datasets file called name. What its `defaults`
// say goes before all that under says, and what a dataset says before that. A file
// with anything wrong in it is refused as a whole, with a *FileError.
func ReadDatasets(name string, text []byte, under Datasets) (DatasetsFile, error) {
	r := &fileReader{
		FileError: FileError{File: name},
		out:       DatasetsFile{Datasets: under, lines: map[string]int{}},
	}
	r.out.ByID = maps.Clone(under.ByID)
	if r.out.ByID == nil {
		r.out.ByID = map[string]Dataset{}
	}
	if root := r.parse(text); root != nil {
		r.read(root)
	}
	if len(r.Problems) > 0 {
		return DatasetsFile{}, &r.FileError
	}
	return r.out, nil
}

type fileReader struct {
	FileError
	out DatasetsFile
}

// yamlLine finds the place in an error of the YAML library.
var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// parse returns the file's one mapping, nil where there is none.
func (r *fileReader) parse(text []byte) *yaml.Node {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var file yaml.Node
	err := decoder.Decode(&file)
	if err == nil && len(file.Content) == 1 && file.Content[0].Tag == nullTag || errors.Is(err, io.EOF) {
		r.add(0, "it is empty; a file without datasets says `datasets: {}`")
		return nil
	}
	if err == nil {
		var second yaml.Node
		if more := decoder.Decode(&second); more == nil {
			r.add(second.Line, "a second YAML document begins here; expected one")
		} else if !errors.Is(more, io.EOF) {
			err = more
		}
	}
	if err != nil {
		line := 0
		if found := yamlLine.FindStringSubmatch(err.Error()); found != nil {
			line, _ = strconv.Atoi(found[1]) // 0 where it names none
		}
		r.add(line, "it is no YAML: %s", yamlLine.ReplaceAllString(err.Error(), ""))
		return nil
	}
	return resolve(file.Content[0])
}

func (r *fileReader) read(root *yaml.Node) {
	known := map[string]*yaml.Node{defaultsKey: nil, datasetsKey: nil}
	var probe Dataset
	r.eachKey(root, "", func(key string, name, val *yaml.Node) {
		if _, ok := known[key]; ok {
			known[key] = val
			return
		}
		for _, s := range listedSettings(&probe) {
			if s.Key == key {
				r.add(name.Line, "%s: it stands under %s or under a dataset, not here", key, defaultsKey)
				return
			}
		}
		r.unknown(name.Line, key, nearest(key, known))
	})
	r.readDefaults(known[defaultsKey])
	if list := known[datasetsKey]; list != nil {
		r.eachKey(list, datasetsKey, func(id string, name, val *yaml.Node) {
			if err := record.CheckDatasetID(id); err != nil {
				r.add(name.Line, "%s: %v", datasetsKey, err)
				return
			}
			dataset, listed := r.out.ByID[id]
			if !listed {
				dataset = r.out.base()
			}
			prefix := datasetsKey + "." + id
			given := r.settings(prefix, val, listedSettings(&dataset))
			r.contradictions(prefix, given, dataset)
			r.out.ByID[id] = dataset
		})
	}
}

// readDefaults puts `defaults` into every dataset that is known so far, and into
// what all others begin with. Its interceptor is the one for all datasets; the
// time-out and so on that it has are those of the datasets' own ones too.
func (r *fileReader) readDefaults(n *yaml.Node) {
	if n == nil {
		return
	}
	given := r.settings(defaultsKey, n, append(datasetSettings(&r.out.Default), interceptorSettings(&r.out.Interceptor)...))
	r.contradictInterceptor(defaultsKey, given, r.out.Interceptor)
	again := &fileReader{out: DatasetsFile{lines: map[string]int{}}} // what is wrong has been said
	for id, dataset := range r.out.ByID {
		again.settings(defaultsKey, n, append(datasetSettings(&dataset), interceptorLimits(&dataset.Interceptor)...))
		r.out.ByID[id] = dataset
	}
}

// settings takes over what a mapping sets, and returns where it does.
func (r *fileReader) settings(prefix string, n *yaml.Node, list []setting) map[string]int {
	given, known := map[string]int{}, map[string]setting{}
	for _, s := range list {
		known[s.Key] = s
	}
	r.eachKey(n, prefix, func(key string, name, val *yaml.Node) {
		s, ok := known[key]
		key = prefix + "." + key
		switch {
		case !ok:
			r.unknown(name.Line, key, nearest(name.Value, known))
			return
		case val.Tag == nullTag:
			r.add(name.Line, "%s: it has no value; expected %s", key, s.value.want())
			return
		}
		given[s.Key], r.out.lines[key] = val.Line, val.Line
		if val.Kind == yaml.MappingNode {
			for i := 0; i+1 < len(val.Content); i += 2 {
				r.out.lines[key+"."+val.Content[i].Value] = val.Content[i].Line
			}
		}
		if err := setNode(s.value, val); err != nil {
			line := val.Line
			var inner *lineError
			if errors.As(err, &inner) {
				line = inner.line
			}
			r.add(line, "%s: %v; expected %s", key, err, s.value.want())
		}
	})
	return given
}

func (r *fileReader) unknown(line int, key, near string) {
	if near != "" {
		near = "; did you mean " + near + "?"
	}
	r.add(line, "%s: unknown setting%s", key, near)
}

// contradictions finds what a dataset sets and can't have together.
func (r *fileReader) contradictions(prefix string, given map[string]int, d Dataset) {
	if line, ok := given["adapterTls"]; ok && d.Adapter == "" {
		r.add(line, "%s.adapterTls: there is no adapter to call; expected adapter as well", prefix)
	}
	if line, ok := given["syncOnChangeGap"]; ok && !d.SyncOnChange {
		if _, both := given["syncOnChange"]; both {
			r.add(line, "%s.syncOnChangeGap: it has no meaning with syncOnChange: false", prefix)
		}
	}
	r.contradictInterceptor(prefix, given, d.Interceptor)
	// The time-out and so on of the defaults may be there for the datasets' own.
	for _, key := range []string{"interceptorTimeout", "interceptorOnFailure"} {
		if line, ok := given[key]; ok && d.Interceptor.Address == "" {
			r.add(line, "%s.%s: the dataset has no interceptor of its own; expected interceptor as well", prefix, key)
		}
	}
}

func (r *fileReader) contradictInterceptor(prefix string, given map[string]int, i Interceptor) {
	if line, ok := given["interceptorTls"]; ok && i.Address == "" {
		r.add(line, "%s.interceptorTls: there is no interceptor to call; expected interceptor as well", prefix)
	}
}

// eachKey calls visit for the entries of a mapping; null counts as an empty one.
func (r *fileReader) eachKey(n *yaml.Node, where string, visit func(key string, name, val *yaml.Node)) {
	n = resolve(n)
	if n.Tag == nullTag {
		return
	}
	prefix := ""
	if where != "" {
		prefix = where + ": "
	}
	if n.Kind != yaml.MappingNode {
		r.add(n.Line, "%sexpected keys with values", prefix)
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, val := resolve(n.Content[i]), resolve(n.Content[i+1])
		line := n.Content[i].Line
		if name.Kind != yaml.ScalarNode {
			r.add(line, "%sa key is a list or a mapping; expected a text", prefix)
			continue
		}
		if first, twice := seen[name.Value]; twice {
			r.add(line, "%s%s: it is set twice, first in line %d", prefix, name.Value, first)
			continue
		}
		seen[name.Value] = line
		visit(name.Value, n.Content[i], val)
	}
}
