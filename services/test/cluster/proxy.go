package cluster

import (
	"net/url"
	"testing"
)

// proxied puts a Forwarder in front of a MongoDB, and returns the URI that goes
// through it. directConnection keeps the driver from asking the server for another
// address of itself.
func proxied(t testing.TB, uri string) (*Forwarder, string) {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	host := u.Host
	f := Forward(t, func() string { return host })
	u.Host = f.Address
	if u.Path == "" {
		u.Path = "/"
	}
	q := u.Query()
	q.Set("directConnection", "true")
	u.RawQuery = q.Encode()
	return f, u.String()
}
