package nats_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/tandem-sync/tandem/services/internal/wake/nats"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der := must[[]byte](t)(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))
	cert := must[*x509.Certificate](t)(x509.ParseCertificate(der))
	return authority{cert, key, write(t, "ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))}
}

// issue writes a certificate for 127.0.0.1, and its key.
func (a authority) issue(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "leaf"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der := must[[]byte](t)(x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key))
	pkcs8 := must[[]byte](t)(x509.MarshalPKCS8PrivateKey(key))
	return write(t, "cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		write(t, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}

// mutual makes a server ask for certificates of an authority.
func (a authority) mutual(t *testing.T) func(*server.Options) {
	t.Helper()
	certFile, keyFile := a.issue(t)
	pair := must[tls.Certificate](t)(tls.LoadX509KeyPair(certFile, keyFile))
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return func(o *server.Options) {
		o.TLS, o.TLSVerify, o.TLSTimeout = true, true, 10
		o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	}
}

func TestMutualTLS(t *testing.T) {
	t.Parallel()
	ours, theirs := newAuthority(t), newAuthority(t)
	port := freePort(t)
	serve(t, port, ours.mutual(t))
	certFile, keyFile := ours.issue(t)
	otherCert, otherKey := theirs.issue(t)
	for _, scheme := range []string{"nats", "tls"} {
		o := nats.Options{URLs: []string{strings.Replace(urlOf(port), "nats", scheme, 1)}, CAFile: ours.file, CertFile: certFile, KeyFile: keyFile}
		a, _ := connect(t, o)
		b, _ := connect(t, o)
		reach(t, a, b)
	}
	plain := freePort(t)
	serve(t, plain, nil)
	for name, o := range map[string]nats.Options{
		"no certificate":       {CAFile: ours.file},
		"unknown certificate":  {CAFile: ours.file, CertFile: otherCert, KeyFile: otherKey},
		"unknown authority":    {CAFile: theirs.file, CertFile: certFile, KeyFile: keyFile},
		"the machine's":        {CertFile: certFile, KeyFile: keyFile},
		"server without TLS":   {CAFile: ours.file, URLs: []string{urlOf(plain)}},
		"no settings for TLS":  {},
		"scheme, but no files": {URLs: []string{strings.Replace(urlOf(port), "nats", "tls", 1)}},
	} {
		if o.URLs == nil {
			o.URLs = []string{urlOf(port)}
		}
		_, log := connect(t, o)
		if line := log.wait(t, "no TLS with NATS"); !strings.Contains(line, "natsCaFile") {
			t.Errorf("%s: got %s", name, line)
		}
	}
}

// Certificates are replaced while processes run.
func TestFilesAreReadForEachConnection(t *testing.T) {
	t.Parallel()
	ours, next := newAuthority(t), newAuthority(t)
	port := freePort(t)
	stop := serve(t, port, ours.mutual(t))
	certFile, keyFile := ours.issue(t)
	bus, log := connect(t, nats.Options{URLs: []string{urlOf(port)}, CAFile: ours.file, CertFile: certFile, KeyFile: keyFile})
	log.wait(t, "connected to NATS")
	stop()
	if err := os.Remove(ours.file); err != nil {
		t.Fatal(err)
	}
	if line := log.wait(t, "can't connect to NATS with these settings"); !strings.Contains(line, "natsCaFile") {
		t.Errorf("got %s", line)
	}
	serve(t, port, next.mutual(t))
	newCert, newKey := next.issue(t)
	for from, to := range map[string]string{newKey: keyFile, newCert: certFile, next.file: ours.file} {
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	log.wait(t, "NATS is back")
	other, _ := connect(t, nats.Options{URLs: []string{urlOf(port)}, CAFile: ours.file, CertFile: certFile, KeyFile: keyFile})
	reach(t, bus, other)
}
