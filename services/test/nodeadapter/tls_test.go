package nodeadapter_test

import (
	"crypto/tls"
	"path/filepath"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
	"github.com/tandem-sync/tandem/services/internal/endpoint/certtest"
)

// Over TLS, callers need a certificate of the authority that caFile names.
func TestTLS(t *testing.T) {
	authority, dir := certtest.New(t), t.TempDir()
	authority.Write(dir, "localhost")
	file := func(name string) string { return filepath.Join(dir, name) }
	p := start(t, nil, "fixtures/tls.js", file("cert.pem"), file("key.pem"), file("ca.pem"))
	address := p.says(t, "adapter is serving on ")

	read := func(config *tls.Config) error {
		cc, err := grpc.NewClient(address, grpc.WithTransportCredentials(credentials.NewTLS(config)))
		if err != nil {
			t.Fatal(err)
		}
		defer cc.Close()
		_, err = adapterv1.NewAdapterServiceClient(cc).Read(t.Context(), &adapterv1.ReadRequest{
			Context: &adapterv1.Context{Dataset: "d"}, Uid: "u",
		})
		return err
	}
	pair, err := tls.LoadX509KeyPair(file("cert.pem"), file("key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	known := &tls.Config{RootCAs: authority.Pool(), ServerName: "localhost", Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if err := read(known); err != nil {
		t.Errorf("a caller with a certificate: %v", err)
	}
	stranger := known.Clone()
	stranger.Certificates = nil
	if err := read(stranger); status.Code(err) != codes.Unavailable {
		t.Errorf("a caller without a certificate: %v", err)
	}
}
