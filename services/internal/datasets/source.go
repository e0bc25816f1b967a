package datasets

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/internal/config"
	"github.com/tandem-sync/tandem/services/internal/endpoint"
	"github.com/tandem-sync/tandem/services/internal/record"
)

// Options is what a Source is made of.
type Options struct {
	Under    config.Datasets // the main configuration; its File is what is read, "" for none
	Interval time.Duration   // between two looks at the file; default Under.ReloadInterval, or 1 s
	Log      *slog.Logger
	Clock    clock.Clock // default clock.System
}

// Source is the datasets in force. Its methods are for concurrent use.
type Source struct {
	opts    Options
	current atomic.Pointer[Snapshot]

	mu      sync.Mutex
	loaded  Loaded
	problem *Problem

	telling     sync.Mutex // held while subscribers are told, so that they are told in order
	subscribers []func(*Snapshot)

	// Of the poll loop alone.
	inForce   string   // digest of what was taken over or refused last
	candidate string   // digest that the last look found and that was not the one before it
	files     []string // certificates that count as part of the file
}

// Loaded tells what is in force.
type Loaded struct {
	Path     string    // of the file, "" without one
	Digest   string    // of its content and the certificates that it names, 64 digits of hex
	At       time.Time // when it was taken over
	Datasets int       // how many are listed
}

// Problem tells why the file as it is now is not in force.
type Problem struct {
	Err    error  // a *config.FileError, or that the file can't be read
	Digest string // of the content that was refused
	Since  time.Time
}

// Open reads the datasets. The error says all that is wrong with the file, a line
// "FILE:LINE: what" for each problem.
func Open(o Options) (*Source, error) {
	if o.Interval <= 0 {
		o.Interval = o.Under.ReloadInterval
	}
	if o.Interval <= 0 {
		o.Interval = time.Second
	}
	if o.Clock == nil {
		o.Clock = clock.System
	}
	s := &Source{opts: o}
	snapshot, digest, err := s.read(s.look())
	if err != nil {
		return nil, err
	}
	s.inForce = digest
	s.take(digest, snapshot)
	return s, nil
}

// Current is the datasets in force. It costs nothing; ask at each use.
func (s *Source) Current() *Snapshot { return s.current.Load() }

// Subscribe has f called with each snapshot that comes into force, one after the
// other, when Current gives it already. What is in force when Subscribe is called
// f is told as well, before Subscribe returns. f must not call Subscribe.
func (s *Source) Subscribe(f func(*Snapshot)) {
	s.telling.Lock()
	defer s.telling.Unlock()
	s.subscribers = append(s.subscribers, f)
	f(s.Current())
}

// Loaded tells what is in force and since when.
func (s *Source) Loaded() Loaded {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loaded
}

// Problem is nil while what the file says is in force.
func (s *Source) Problem() *Problem {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.problem == nil {
		return nil
	}
	p := *s.problem
	return &p
}

// Dataset returns how a dataset is kept in step, false when it is not to be served.
func (s *Source) Dataset(id string) (record.SyncConfig, bool) {
	d, known := s.Current().Dataset(id)
	return d.Sync, known
}

// QueryFields are the fields that query_params of a dataset may use; nil: all.
func (s *Source) QueryFields(id string) []string {
	d, _ := s.Current().Dataset(id)
	return d.QueryFields
}

// Adapter is where the adapter of a dataset is; without Address: the default one.
func (s *Source) Adapter(id string) endpoint.Endpoint {
	d, _ := s.Current().Dataset(id)
	return d.Adapter
}

// Hasher is the record hash of a dataset.
func (s *Source) Hasher(id string) record.Hasher {
	d, _ := s.Current().Dataset(id)
	return d.Hasher
}

// Interceptors are those of a dataset, in the order in which they are asked.
func (s *Source) Interceptors(id string) []Interceptor {
	d, _ := s.Current().Dataset(id)
	return d.Interceptors
}

// RefreshAfter tells whether a change that was applied asks for sync runs of its
// dataset (syncOnChange), and how far apart they begin.
func (s *Source) RefreshAfter(id string) (gap time.Duration, on bool) {
	d, served := s.Current().Dataset(id)
	return d.Sync.ChangeGap, served && d.SyncOnChange
}
