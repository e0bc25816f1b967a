package app

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/memadapter"
	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
	"github.com/tandem-sync/tandem/services/internal/backend"
	"github.com/tandem-sync/tandem/services/internal/config"
)

// authority signs certificates for 127.0.0.1.
type authority struct {
	*testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{T: t}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	a.key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	a.cert, _ = x509.ParseCertificate(der)
	a.file = filepath.Join(t.TempDir(), "ca.pem")
	writePEM(t, a.file, "CERTIFICATE", der)
	return a
}

// pair writes a certificate and its key into two files.
func (a *authority) pair(name string) (cert, key string) {
	a.Helper()
	k, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, k.Public(), a.key)
	if err != nil {
		a.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		a.Fatal(err)
	}
	dir := a.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePEM(a.T, cert, "CERTIFICATE", der)
	writePEM(a.T, key, "PRIVATE KEY", private)
	return cert, key
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// ping calls an adapter at an address with the settings of a caller.
func ping(t *testing.T, addr string, caller config.Adapters) error {
	t.Helper()
	dial, err := clientCredentials(caller)
	if err != nil {
		t.Fatal(err)
	}
	cc, err := backend.Dial(addr, dial...)
	if err != nil {
		t.Fatal(err)
	}
	defer cc.Close()
	_, err = adapterv1.NewAdapterServiceClient(cc).Describe(t.Context(), &adapterv1.DescribeRequest{})
	return err
}

// Before its backend answers an adapter says "not now", never UNIMPLEMENTED; then
// the same port serves.
func TestAdapterBeforeItsBackendAnswers(t *testing.T) {
	ca := newAuthority(t)
	server := config.AdapterServer{ClientCAFile: ca.file}
	server.CertFile, server.KeyFile = ca.pair("adapter")
	caller := config.Adapters{CAFile: ca.file}
	caller.CertFile, caller.KeyFile = ca.pair("worker")
	for name, tc := range map[string]struct {
		server config.AdapterServer
		caller config.Adapters
	}{
		"plain text": {}, "mutual TLS": {server, caller},
	} {
		t.Run(name, func(t *testing.T) {
			serving, err := serverTLS(tc.server)
			if err != nil {
				t.Fatal(err)
			}
			l, err := listenTCP(t.Context(), "127.0.0.1:0", "adapterListen", "--adapter-listen")
			if err != nil {
				t.Fatal(err)
			}
			addr := l.Addr().String()
			stop := serveNotYet(l, serving)
			if err := ping(t, addr, tc.caller); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "starting") {
				t.Errorf("got %v", err)
			}
			dial, err := clientCredentials(tc.caller)
			if err != nil {
				t.Fatal(err)
			}
			cc, err := backend.Dial(addr, dial...)
			if err != nil {
				t.Fatal(err)
			}
			defer cc.Close()
			health, service := healthv1.NewHealthClient(cc), adapterv1.AdapterService_ServiceDesc.ServiceName
			for _, s := range []string{"", service} {
				if got, err := health.Check(t.Context(), &healthv1.HealthCheckRequest{Service: s}); err != nil || got.GetStatus() != healthv1.HealthCheckResponse_NOT_SERVING {
					t.Errorf("health of %q: %v, %v", s, got, err)
				}
			}
			stop()
			options := []adapter.Option{adapter.WithListener(l), adapter.WithLogger(slog.New(slog.DiscardHandler))}
			if serving != nil {
				options = append(options, adapter.WithTLS(serving))
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- adapter.Serve(ctx, "", memadapter.New(), options...) }()
			if err := ping(t, addr, tc.caller); err != nil {
				t.Error(err)
			}
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAdapterTLS(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	var server config.AdapterServer
	server.CertFile, server.KeyFile = ca.pair("adapter")
	server.ClientCAFile = ca.file
	serving, err := serverTLS(server)
	if err != nil {
		t.Fatal(err)
	}
	l, err := listenTCP(t.Context(), "127.0.0.1:0", "adapterListen", "--adapter-listen")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- adapter.Serve(ctx, "", memadapter.New(), adapter.WithListener(l), adapter.WithTLS(serving), adapter.WithLogger(slog.New(slog.DiscardHandler)))
	}()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	good := config.Adapters{CAFile: ca.file}
	good.CertFile, good.KeyFile = ca.pair("worker")
	stranger := good
	stranger.CertFile, stranger.KeyFile = other.pair("worker")
	addr := l.Addr().String()
	if err := ping(t, addr, good); err != nil {
		t.Error(err)
	}
	for name, caller := range map[string]config.Adapters{
		"plain text": {}, "no certificate": {CAFile: ca.file}, "another's certificate": stranger,
		"another authority": {CAFile: other.file, CertFile: good.CertFile, KeyFile: good.KeyFile}, "the machine's": {CAFile: "system"},
	} {
		if err := ping(t, addr, caller); status.Code(err) != codes.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A certificate that was replaced is used from the next connection on.
	cert, key := ca.pair("renewed")
	for from, to := range map[string]string{cert: server.CertFile, key: server.KeyFile} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := serving.GetCertificate(&tls.ClientHelloInfo{}); err != nil || got.Leaf.Subject.CommonName != "renewed" {
		t.Errorf("got %v, %v", got, err)
	}
	for _, c := range []config.Adapters{{CAFile: "nowhere.pem"}, {CAFile: key + "x"}, {CAFile: ca.file, CertFile: ca.file, KeyFile: ca.file}} {
		if _, err := clientCredentials(c); err == nil || !strings.Contains(err.Error(), "adapterC") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
