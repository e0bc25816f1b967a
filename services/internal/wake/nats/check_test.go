package nats_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-sync/tandem/services/internal/wake/nats"
)

func TestWrongSettings(t *testing.T) {
	t.Parallel()
	absent := filepath.Join(t.TempDir(), "absent")
	text := write(t, "text", []byte("no key, no certificate"))
	url := []string{"nats://127.0.0.1:1"}
	for name, c := range map[string]struct {
		options nats.Options
		want    string // parts with | between
	}{
		"no URL":           {nats.Options{}, "natsUrl"},
		"empty URL":        {nats.Options{URLs: []string{""}}, "natsUrl: item 1"},
		"no URL at all":    {nats.Options{URLs: []string{url[0], "http://s3cret@x"}}, "natsUrl: item 2"},
		"bad port":         {nats.Options{URLs: []string{"nats://ann:s3cret/x@host"}}, "natsUrl: item 1"},
		"no host":          {nats.Options{URLs: []string{"nats://ann:s3cret@:4222"}}, "natsUrl: item 1"},
		"absent creds":     {nats.Options{URLs: url, CredentialsFile: absent}, "natsCredentials|absent"},
		"bad creds":        {nats.Options{URLs: url, CredentialsFile: text}, "natsCredentials|text"},
		"absent seed":      {nats.Options{URLs: url, NkeySeedFile: absent}, "natsNkeySeedFile|absent"},
		"bad seed":         {nats.Options{URLs: url, NkeySeedFile: text}, "natsNkeySeedFile|text"},
		"two logins":       {nats.Options{URLs: url, CredentialsFile: absent, User: "ann", Password: "s3cret"}, "natsCredentials and natsUser"},
		"token and user":   {nats.Options{URLs: url, Token: "s3cret", User: "ann", Password: "s3cret"}, "natsUser and natsToken"},
		"login and URL":    {nats.Options{URLs: []string{"nats://s3cret@host"}, Token: "s3cret"}, "natsToken and the user in natsUrl"},
		"no password":      {nats.Options{URLs: url, User: "ann"}, "natsUser and natsPassword"},
		"no user":          {nats.Options{URLs: url, Password: "s3cret"}, "natsUser and natsPassword"},
		"absent CA":        {nats.Options{URLs: url, CAFile: absent}, "natsCaFile|absent"},
		"bad CA":           {nats.Options{URLs: url, CAFile: text}, "natsCaFile|text"},
		"certificate only": {nats.Options{URLs: url, CertFile: text}, "natsCertFile and natsKeyFile"},
		"absent pair":      {nats.Options{URLs: url, CertFile: absent, KeyFile: absent}, "natsCertFile, natsKeyFile|absent"},
		"bad prefix":       {nats.Options{URLs: url, SubjectPrefix: "a..b"}, "natsSubjectPrefix"},
		"wildcard":         {nats.Options{URLs: url, SubjectPrefix: "a.*"}, "natsSubjectPrefix"},
	} {
		bus, err := nats.Connect(t.Context(), c.options)
		if err == nil {
			bus.Close()
			t.Errorf("%s: no error", name)
			continue
		}
		for want := range strings.SplitSeq(c.want, "|") {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: missing %q in %v", name, want, err)
			}
		}
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: a secret is in %v", name, err)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := nats.Connect(ended, nats.Options{URLs: url}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// ctx is for the start; the bus outlives it.
func TestBusOutlivesTheContext(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	serve(t, port, nil)
	ctx, end := context.WithCancel(t.Context())
	bus, err := nats.Connect(ctx, nats.Options{URLs: []string{strings.TrimPrefix(urlOf(port), "nats://")}})
	if err != nil {
		t.Fatal(err)
	}
	defer bus.Close()
	end()
	other, _ := connect(t, nats.Options{URLs: []string{urlOf(port)}})
	reach(t, bus, other)
}
