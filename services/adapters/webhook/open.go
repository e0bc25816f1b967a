package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/tandem-sync/tandem/api/adapter"
)

// Adapter is the adapter; Open makes it. It implements adapter.Adapter and Describer.
type Adapter struct {
	o       Options
	http    *http.Client
	secrets secrets
	said    complaints
}

// Open makes an adapter. It returns an error for settings that can't be right, and
// does not call the service: Ping does. Close it at the end.
func Open(o Options) (*Adapter, error) {
	if err := o.complete(); err != nil {
		return nil, fmt.Errorf("webhook adapter: %w", err)
	}
	transport := o.transport
	if transport == nil {
		secure, err := clientTLS(o)
		if err != nil {
			return nil, fmt.Errorf("webhook adapter: %w", err)
		}
		transport = &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: o.Timeout}).DialContext,
			TLSClientConfig:     secure,
			ForceAttemptHTTP2:   true,
			MaxIdleConnsPerHost: 64, // as many calls as Tandem makes at once find one ready
			IdleConnTimeout:     time.Minute,
		}
	}
	return &Adapter{
		o: o,
		http: &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // a signed body goes where the settings say, nowhere else
		}},
		secrets: secrets{known: map[string][][]byte{}},
		said:    complaints{log: o.Logger, last: map[string]time.Time{}},
	}, nil
}

func clientTLS(o Options) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		text, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("tls.caFile: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("tls.caFile: %s holds no certificate in PEM form", o.CAFile)
		}
	}
	if o.CertFile != "" {
		read := func() (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
			if err != nil {
				return nil, fmt.Errorf("tls.certFile, tls.keyFile: %w", err)
			}
			return &pair, nil
		}
		if _, err := read(); err != nil {
			return nil, err
		}
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return read() }
	}
	return cfg, nil
}

// Close gives up idle connections.
func (a *Adapter) Close() error {
	a.http.CloseIdleConnections()
	return nil
}

// Describe implements adapter.Describer.
func (a *Adapter) Describe(context.Context) (adapter.Description, error) {
	return adapter.Description{
		Name: "webhook", Version: "1",
		CompareAndWrite: a.o.CompareAndWrite, RemembersKeys: a.o.RemembersKeys,
	}, nil
}

// complaints logs what an operator has to mend, once a minute each.
type complaints struct {
	log  interface{ Error(string, ...any) }
	mu   sync.Mutex
	last map[string]time.Time
}

const sayAgain = time.Minute

// say logs a complaint about a dataset. Calls come by the thousand, operators do not.
func (c *complaints) say(dataset, operation, what string) {
	now := time.Now()
	c.mu.Lock()
	last, said := c.last[what]
	fresh := said && now.Sub(last) < sayAgain
	if !fresh {
		if len(c.last) > 1000 {
			clear(c.last)
		}
		c.last[what] = now
	}
	c.mu.Unlock()
	if !fresh {
		c.log.Error("the webhook service can't be used as it is; changes wait", "dataset", dataset, "operation", operation, "err", what)
	}
}
