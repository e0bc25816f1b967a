package datasets

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tandem-sync/tandem/services/internal/config"
	"github.com/tandem-sync/tandem/services/internal/endpoint"
	"github.com/tandem-sync/tandem/services/internal/record"
)

// builder makes a Snapshot of settings. It reads the certificates that they name.
type builder struct {
	name  string                            // of the file, "" without one
	line  func(key string) int              // where the file has a key, 0 where it has not
	known map[config.TLS]*endpoint.Security // read before

	problems []config.Problem
}

// files are the certificates that settings name, sorted.
func files(settings config.Datasets) []string {
	all := map[string]bool{}
	add := func(list ...config.TLS) {
		for _, t := range list {
			for _, path := range tlsFiles(t).Files() {
				all[path] = true
			}
		}
	}
	add(settings.Interceptor.TLS, settings.Default.AdapterTLS)
	for _, d := range settings.ByID {
		add(d.AdapterTLS, d.Interceptor.TLS)
	}
	return slices.Sorted(maps.Keys(all))
}

func tlsFiles(t config.TLS) endpoint.TLS {
	return endpoint.TLS{CAFile: t.CAFile, CertFile: t.CertFile, KeyFile: t.KeyFile, ServerName: t.ServerName, Insecure: t.Insecure}
}

// build makes the snapshot. line gives the line of a key of the file called name, 0
// where it has none. Errors are *config.FileError.
func build(name string, line func(string) int, settings config.Datasets) (*Snapshot, error) {
	b := &builder{name: name, line: line, known: map[config.TLS]*endpoint.Security{}}
	s := &Snapshot{listed: map[string]Dataset{}, allowUnknown: settings.AllowUnknown, settings: settings}
	var global []Interceptor
	if i, ok := b.interceptor("", settings.Interceptor); ok {
		global = append(global, i)
	}
	s.others = b.dataset("", settings.Default, global)
	for _, id := range slices.Sorted(maps.Keys(settings.ByID)) {
		listed := settings.ByID[id]
		var own []Interceptor
		if i, ok := b.interceptor("datasets."+id+".", listed.Interceptor); ok {
			own = append(own, i)
		}
		s.listed[id] = b.dataset("datasets."+id+".", listed, slices.Concat(global, own))
	}
	if len(b.problems) > 0 {
		return nil, &config.FileError{File: b.name, Problems: b.problems}
	}
	return s, nil
}

func (b *builder) dataset(prefix string, d config.Dataset, interceptors []Interceptor) Dataset {
	out := Dataset{
		Sync: d.SyncConfig, SyncOnChange: d.SyncOnChange, QueryFields: d.QueryFields,
		RecordHash: d.RecordHash, Interceptors: interceptors,
	}
	var err error
	if out.Hasher, err = record.NewHasher(d.RecordHash); err != nil {
		b.problem(prefix+"recordHash", err)
	}
	security := b.security(prefix+"adapterTls", d.AdapterTLS)
	if d.Adapter != "" {
		out.Adapter = endpoint.Endpoint{Address: d.Adapter, Security: security}
	}
	return out
}

func (b *builder) interceptor(prefix string, i config.Interceptor) (Interceptor, bool) {
	if i.Address == "" {
		return Interceptor{}, false
	}
	return Interceptor{
		Endpoint:       endpoint.Endpoint{Address: i.Address, Security: b.security(prefix+"interceptorTls", i.TLS)},
		Timeout:        i.Timeout,
		AllowOnFailure: i.OnFailure == config.FailureAllow,
	}, true
}

func (b *builder) security(key string, t config.TLS) *endpoint.Security {
	switch t.Mode {
	case "":
		return nil
	case config.TLSOff:
		return endpoint.Plain()
	}
	if s, ok := b.known[t]; ok {
		return s
	}
	s, err := endpoint.Load(tlsFiles(t))
	if err != nil {
		b.problem(key, err)
	}
	b.known[t] = s // where it is in error that was told
	return s
}

// problem notes what is wrong with a key, where the file has it.
func (b *builder) problem(key string, err error) {
	var file *endpoint.FileError
	if errors.As(err, &file) {
		key += "." + file.Key
		err = file.Err
	}
	line := 0
	for _, at := range []string{key, "defaults." + key} {
		if line = b.line(at); line > 0 {
			key = at
			break
		}
	}
	b.problems = append(b.problems, config.Problem{Line: line, Text: fmt.Sprintf("%s: %v", key, err)})
}
