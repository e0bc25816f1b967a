package datasets

import (
	"maps"
	"slices"
	"time"

	"github.com/tandem-sync/tandem/services/internal/config"
	"github.com/tandem-sync/tandem/services/internal/endpoint"
	"github.com/tandem-sync/tandem/services/internal/record"
)

// Dataset is one dataset as it is in force. It is not to be changed.
type Dataset struct {
	Sync         record.SyncConfig
	SyncOnChange bool              // a change that was applied asks for a sync run
	Adapter      endpoint.Endpoint // without Address: the default one
	QueryFields  []string          // that query_params may use, with what lies below them; nil: all
	RecordHash   string            // the name of Hasher
	Hasher       record.Hasher     // never nil
	Interceptors []Interceptor     // in the order in which they are asked
}

// Interceptor is a service that may refuse or change requests.
type Interceptor struct {
	Endpoint endpoint.Endpoint
	Timeout  time.Duration // of one call
	// AllowOnFailure lets a request go on whose interceptor does not answer.
	AllowOnFailure bool
}

// Snapshot is the datasets at one time. It never changes.
type Snapshot struct {
	listed       map[string]Dataset
	others       Dataset
	allowUnknown bool
	settings     config.Datasets
}

// Dataset returns a dataset, false when it is not to be served; what is returned
// then is what a dataset gets that is not listed.
func (s *Snapshot) Dataset(id string) (Dataset, bool) {
	if d, ok := s.listed[id]; ok {
		return d, true
	}
	return s.others, s.allowUnknown
}

// IDs are the datasets that are listed, sorted.
func (s *Snapshot) IDs() []string { return slices.Sorted(maps.Keys(s.listed)) }

// Settings are the settings that the snapshot was made of, for people to look at.
// Their maps are not to be changed.
func (s *Snapshot) Settings() config.Datasets { return s.settings }

// Adapters are the endpoints of all adapters that datasets name, each once, in no order.
func (s *Snapshot) Adapters() []endpoint.Endpoint {
	used := map[string]endpoint.Endpoint{}
	for d := range s.all {
		if d.Adapter.Address != "" {
			used[d.Adapter.Key()] = d.Adapter
		}
	}
	return slices.Collect(maps.Values(used))
}

// Interceptors are the endpoints of all interceptors, each once, in no order.
func (s *Snapshot) Interceptors() []endpoint.Endpoint {
	used := map[string]endpoint.Endpoint{}
	for d := range s.all {
		for _, i := range d.Interceptors {
			used[i.Endpoint.Key()] = i.Endpoint
		}
	}
	return slices.Collect(maps.Values(used))
}

func (s *Snapshot) all(yield func(Dataset) bool) {
	for _, d := range s.listed {
		if !yield(d) {
			return
		}
	}
	yield(s.others)
}
