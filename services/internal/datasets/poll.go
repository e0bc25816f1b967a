package datasets

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/tandem-sync/tandem/services/internal/config"
	"github.com/tandem-sync/tandem/services/internal/endpoint"
)

// content is what one look at the file found.
type content struct {
	text   []byte
	err    error  // it can't be read
	plain  string // digest of the text, or of the error
	digest string // of that and of the certificates
}

// Run looks at the file until ctx ends. Without a file there is nothing to do.
func (s *Source) Run(ctx context.Context) {
	if s.opts.Under.File == "" {
		return
	}
	tick := time.NewTicker(s.opts.Interval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.poll()
		case <-ctx.Done():
			return
		}
	}
}

// poll takes over what two looks in a row found, if it is fine.
func (s *Source) poll() {
	c := s.look()
	if c.digest == s.inForce {
		s.candidate = ""
		return
	}
	if c.digest != s.candidate {
		s.candidate = c.digest
		return
	}
	s.candidate = ""
	snapshot, digest, err := s.read(c)
	s.inForce = digest
	if err != nil {
		s.refuse(digest, err)
		return
	}
	s.take(digest, snapshot)
}

func (s *Source) look() content {
	path := s.opts.Under.File
	if path == "" {
		return content{}
	}
	text, err := os.ReadFile(path)
	digest := sha256.New()
	fmt.Fprintf(digest, "%v %d\n", err, len(text))
	_, _ = digest.Write(text) // a hash takes everything
	c := content{text: text, err: err, plain: hex.EncodeToString(digest.Sum(nil))}
	c.digest = withFiles(c.plain, s.files)
	return c
}

// withFiles adds the content of files to a digest.
func withFiles(plain string, files []string) string {
	digest := sha256.New()
	_, _ = digest.Write([]byte(plain)) // a hash takes everything
	endpoint.Digest(digest, files)
	return hex.EncodeToString(digest.Sum(nil))
}

// read makes a snapshot of a content. From then on the files that the content names
// are looked at too. Their digest is taken before they are read: one that changes
// in between is found by the next look.
func (s *Source) read(c content) (snapshot *Snapshot, digest string, err error) {
	path := s.opts.Under.File
	settings, line, name := s.opts.Under, func(string) int { return 0 }, "settings"
	if path != "" {
		if c.err != nil {
			return nil, c.digest, fmt.Errorf("datasets file (setting datasetsFile): %w", c.err)
		}
		file, err := config.ReadDatasets(path, c.text, s.opts.Under)
		if err != nil {
			return nil, c.digest, err
		}
		settings, line, name = file.Datasets, file.Line, path
	}
	s.files = files(settings)
	digest = withFiles(c.plain, s.files)
	snapshot, err = build(name, line, settings)
	return snapshot, digest, err
}

// take puts a snapshot into force.
func (s *Source) take(digest string, snapshot *Snapshot) {
	s.mu.Lock()
	known := digest == s.loaded.Digest
	s.problem = nil
	if !known {
		s.current.Store(snapshot)
		s.loaded = Loaded{Path: s.opts.Under.File, Digest: digest, At: s.opts.Clock(), Datasets: len(snapshot.listed)}
	}
	s.mu.Unlock()
	if known {
		s.opts.Log.Info("datasets file is again what is in force", "file", s.opts.Under.File)
		return
	}
	s.opts.Log.Info("datasets in force", "file", s.opts.Under.File, "datasets", len(snapshot.listed))
	s.telling.Lock()
	defer s.telling.Unlock()
	for _, f := range s.subscribers {
		f(snapshot)
	}
}

// refuse keeps what is in force.
func (s *Source) refuse(digest string, err error) {
	s.mu.Lock()
	s.problem = &Problem{Err: err, Digest: digest, Since: s.opts.Clock()}
	since := s.loaded.At
	s.mu.Unlock()
	problems := []string{err.Error()}
	var file *config.FileError
	if errors.As(err, &file) {
		problems = file.Lines()
	}
	s.opts.Log.Error("datasets file refused; what was in force before stays in force",
		"file", s.opts.Under.File, "in_force_since", since, "problems", problems)
}
