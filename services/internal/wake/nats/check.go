package nats

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
)

var schemes = []string{"nats", "tls", "ws", "wss"}

// check tells what is wrong with the settings.
func (o Options) check() error {
	if len(o.URLs) == 0 {
		return errors.New("natsUrl: no server is given, expected such as nats://host:4222")
	}
	for i, text := range o.URLs {
		// The text may hold a password, and so may the error of url.Parse.
		u, err := parseURL(text)
		if err != nil || u.Hostname() == "" || !slices.Contains(schemes, u.Scheme) {
			return fmt.Errorf("natsUrl: item %d is no URL such as nats://host:4222, tls://host:4222 or wss://host (special characters in a password are written as %%XX)", i+1)
		}
	}
	if logins := o.logins(); len(logins) > 1 {
		return fmt.Errorf("%s: more than one way to log in to NATS is given, leave one", strings.Join(logins, " and "))
	}
	if (o.User == "") != (o.Password == "") {
		return errors.New("natsUser and natsPassword go together, one of them is empty")
	}
	if (o.CertFile == "") != (o.KeyFile == "") {
		return errors.New("natsCertFile and natsKeyFile go together, one of them is empty")
	}
	for token := range strings.SplitSeq(o.SubjectPrefix, ".") {
		if token == "" || strings.ContainsAny(token, "*> \t\r\n") {
			return fmt.Errorf("natsSubjectPrefix: %q is no subject, expected words with dots between, such as %s", o.SubjectPrefix, DefaultPrefix)
		}
	}
	_, err := o.clientOptions()
	return err
}

// logins names the settings by which the process logs in.
func (o Options) logins() []string {
	var names []string
	for name, given := range o.eachLogin {
		if given {
			names = append(names, name)
		}
	}
	return names
}

func (o Options) eachLogin(yield func(name string, given bool) bool) {
	inURL := slices.ContainsFunc(o.URLs, func(text string) bool {
		u, err := parseURL(text)
		return err == nil && u.User != nil
	})
	_ = yield("natsCredentials", o.CredentialsFile != "") &&
		yield("natsNkeySeedFile", o.NkeySeedFile != "") &&
		yield("natsUser", o.User != "" || o.Password != "") &&
		yield("natsToken", o.Token != "") &&
		yield("the user in natsUrl", inURL)
}

// parseURL reads a server's URL; the scheme may be left out.
func parseURL(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "nats://" + text
	}
	return url.Parse(text)
}

// hostOf is a server's URL without its user, for the log.
func hostOf(text string) string {
	u, err := parseURL(text)
	if err != nil {
		return "?"
	}
	return u.Scheme + "://" + u.Host
}

// clientOptions are the client's options for login and TLS. They are made anew for
// each connection: files may have been replaced since.
func (o Options) clientOptions() ([]nats.Option, error) {
	options := []nats.Option{nats.Name(o.Name)}
	switch {
	case o.CredentialsFile != "":
		if err := credentials(o.CredentialsFile); err != nil {
			return nil, fmt.Errorf("natsCredentials: %w", err)
		}
		options = append(options, nats.UserCredentials(o.CredentialsFile))
	case o.NkeySeedFile != "":
		option, err := nats.NkeyOptionFromSeed(o.NkeySeedFile)
		if err != nil {
			return nil, fmt.Errorf("natsNkeySeedFile: %s holds no nkey seed that can be read: %w", o.NkeySeedFile, err)
		}
		options = append(options, option)
	case o.User != "":
		options = append(options, nats.UserInfo(o.User, o.Password))
	case o.Token != "":
		options = append(options, nats.Token(o.Token))
	}
	if o.CAFile == "" && o.CertFile == "" {
		return options, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.CAFile != "" {
		text, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("natsCaFile: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("natsCaFile: %s holds no certificate in PEM form", o.CAFile)
		}
	}
	if o.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("natsCertFile, natsKeyFile: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return append(options, nats.Secure(config)), nil
}

// credentials tells whether a .creds file holds a JWT and a seed that signs.
func credentials(file string) error {
	if _, err := os.Stat(file); err != nil {
		return err
	}
	var read nats.Options
	err := nats.UserCredentials(file)(&read)
	if err == nil {
		_, err = read.UserJWT()
	}
	if err == nil {
		_, err = read.SignatureCB([]byte("a nonce"))
	}
	if err != nil {
		return fmt.Errorf("%s is no .creds file of a user: %w", file, err)
	}
	return nil
}
