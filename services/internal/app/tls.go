package app

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/tandem-sync/tandem/services/internal/config"
)

// systemCAs stands for the authorities that this machine trusts.
const systemCAs = "system"

// clientCredentials is how adapters are called: none for plain text.
func clientCredentials(a config.Adapters) ([]grpc.DialOption, error) {
	if a.CAFile == "" {
		return nil, nil
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if a.CAFile != systemCAs {
		pool, err := authorities(a.CAFile, "adapterCaFile")
		if err != nil {
			return nil, err
		}
		cfg.RootCAs = pool
	}
	if a.CertFile != "" {
		pair, err := keyPair(a.CertFile, a.KeyFile, "adapterCertFile, adapterKeyFile")
		if err != nil {
			return nil, err
		}
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return pair() }
	}
	return []grpc.DialOption{grpc.WithTransportCredentials(credentials.NewTLS(cfg))}, nil
}

// serverTLS is how an adapter process serves: nil for plain text.
func serverTLS(a config.AdapterServer) (*tls.Config, error) {
	if a.CertFile == "" {
		return nil, nil
	}
	pair, err := keyPair(a.CertFile, a.KeyFile, "adapterListenCertFile, adapterListenKeyFile")
	if err != nil {
		return nil, err
	}
	cfg := &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return pair() },
	}
	if a.ClientCAFile != "" {
		if cfg.ClientCAs, err = authorities(a.ClientCAFile, "adapterListenCaFile"); err != nil {
			return nil, err
		}
		cfg.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return cfg, nil
}

func authorities(file, setting string) (*x509.CertPool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("setting %s: %w", setting, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("setting %s: %s holds no certificate in PEM form", setting, file)
	}
	return pool, nil
}

// keyPair checks that a certificate and its key can be read, and returns what reads
// them anew: certificates are replaced while the process runs.
func keyPair(cert, key, settings string) (func() (*tls.Certificate, error), error) {
	read := func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("settings %s: %w", settings, err)
		}
		return &pair, nil
	}
	_, err := read()
	return read, err
}
