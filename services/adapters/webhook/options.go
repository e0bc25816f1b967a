package webhook

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/adapters/internal/settings"
	"github.com/tandem-sync/tandem/services/internal/record"
)

// Options are the settings of an adapter. Zero values stand for the defaults.
type Options struct {
	// Target is where calls go; Datasets are the exceptions, by dataset id. What a
	// Target there leaves empty is as here.
	Target
	Datasets map[string]Target

	CAFile            string // PEM of who signed the service's certificate; "": the machine's authorities
	CertFile, KeyFile string // PEM of this side's certificate, read again for each connection; "": none

	Timeout     time.Duration // for one attempt, and between two parts of a list; default 10 s
	Retries     int           // further attempts within one call; default 3, negative: none
	MaxResponse int64         // bytes of an answer, and of one record of a list; default 32 MB

	CompareAndWrite bool // the service compares `expected` and writes in one step
	RemembersKeys   bool // the service remembers the keys of updates and deletes

	Logger *slog.Logger // nil: none

	transport http.RoundTripper // for tests; nil: the network
}

// Target is one service.
type Target struct {
	URL        string // http or https; {operation} and {dataset} in it are filled in
	SecretFile string // one or two secrets, a line each
}

const (
	defaultTimeout     = 10 * time.Second
	defaultRetries     = 3
	defaultMaxResponse = adapter.MaxRecordBytes + 1<<20
)

// file is the YAML file.
type file struct {
	target   `yaml:",inline"`
	Datasets map[string]target `yaml:"datasets"`
	TLS      struct {
		CAFile   string `yaml:"caFile"`
		CertFile string `yaml:"certFile"`
		KeyFile  string `yaml:"keyFile"`
	} `yaml:"tls"`
	Timeout          settings.Duration `yaml:"timeout"`
	Retries          *int              `yaml:"retries"`
	MaxResponseBytes int64             `yaml:"maxResponseBytes"`
	CompareAndWrite  bool              `yaml:"compareAndWrite"`
	RemembersKeys    bool              `yaml:"remembersKeys"`
}

type target struct {
	URL        string `yaml:"url"`
	SecretFile string `yaml:"secretFile"`
}

// ReadOptions reads Options from a YAML file (docs/11-adapter-webhook.md).
func ReadOptions(path string) (Options, error) {
	var f file
	if err := settings.Read(path, &f); err != nil {
		return Options{}, err
	}
	read := func(t target) Target { return Target{t.URL, settings.Beside(path, t.SecretFile)} }
	o := Options{
		Target: read(f.target), Datasets: map[string]Target{},
		CAFile: settings.Beside(path, f.TLS.CAFile), CertFile: settings.Beside(path, f.TLS.CertFile), KeyFile: settings.Beside(path, f.TLS.KeyFile),
		Timeout: time.Duration(f.Timeout), MaxResponse: f.MaxResponseBytes,
		CompareAndWrite: f.CompareAndWrite, RemembersKeys: f.RemembersKeys,
	}
	if f.Retries != nil {
		if o.Retries = *f.Retries; o.Retries == 0 {
			o.Retries = -1
		}
	}
	for id, t := range f.Datasets {
		o.Datasets[id] = read(t)
	}
	if err := o.complete(); err != nil {
		return Options{}, fmt.Errorf("%s: %w", path, err)
	}
	return o, nil
}

// complete fills in defaults and checks the rest.
func (o *Options) complete() error {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Retries == 0 {
		o.Retries = defaultRetries
	}
	if o.MaxResponse <= 0 {
		o.MaxResponse = defaultMaxResponse
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if (o.CertFile == "") != (o.KeyFile == "") {
		return fmt.Errorf("tls: certFile and keyFile go together")
	}
	if o.URL == "" && len(o.Datasets) == 0 {
		return fmt.Errorf("url is missing; set it to the address of the service, such as https://shop.example/tandem")
	}
	if o.URL != "" {
		if err := o.check(""); err != nil {
			return err
		}
	}
	for id, t := range o.Datasets {
		if err := record.CheckDatasetID(id); err != nil {
			return fmt.Errorf("datasets: %w", err)
		}
		if t.URL == "" {
			t.URL = o.URL
		}
		if t.SecretFile == "" {
			t.SecretFile = o.SecretFile
		}
		if err := t.check("datasets." + id + "."); err != nil {
			return err
		}
		o.Datasets[id] = t
	}
	return nil
}

func (t Target) check(prefix string) error {
	u, err := url.Parse(t.address("list", "dataset"))
	switch {
	case err != nil:
		return fmt.Errorf("%surl: not a URL; it looks like https://shop.example/tandem", prefix)
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return fmt.Errorf("%surl: must begin with https:// or http:// and name a host", prefix)
	case u.User != nil, u.Fragment != "":
		return fmt.Errorf("%surl: must not hold a user, a password or a #fragment; requests are signed instead", prefix)
	case t.SecretFile == "":
		return fmt.Errorf("%ssecretFile is missing; name a file with the secret that requests are signed with", prefix)
	}
	_, err = readSecrets(t.SecretFile)
	return err
}

// address is where a call goes.
func (t Target) address(operation, dataset string) string {
	return strings.NewReplacer("{operation}", operation, "{dataset}", url.PathEscape(dataset)).Replace(t.URL)
}
