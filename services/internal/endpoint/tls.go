package endpoint

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
)

// TLS says how to trust a service, and which certificate to show it.
type TLS struct {
	CAFile     string // PEM; "": the machine's authorities
	CertFile   string // PEM, with KeyFile; "": none
	KeyFile    string
	ServerName string // "": the host called
	Insecure   bool   // don't check the certificate
}

// Files are the files that Load reads.
func (t TLS) Files() []string {
	var files []string
	for _, f := range []string{t.CAFile, t.CertFile, t.KeyFile} {
		if f != "" {
			files = append(files, f)
		}
	}
	return files
}

// FileError is a file that could not be used.
type FileError struct {
	Key string // "caFile", "certFile" or "keyFile"
	Err error
}

// Error names the file and the way out.
func (e *FileError) Error() string { return e.Key + ": " + e.Err.Error() }

// Unwrap gives the cause.
func (e *FileError) Unwrap() error { return e.Err }

// Load reads the files as they are now. Errors are *FileError.
func Load(t TLS) (*Security, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName, InsecureSkipVerify: t.Insecure}
	id := sha256.New()
	fmt.Fprintf(id, "%+v", t)
	read := func(key, path string) ([]byte, error) {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, &FileError{key, err}
		}
		fmt.Fprintf(id, "\n%s %d\n", key, len(text))
		_, _ = id.Write(text) // a hash takes everything
		return text, nil
	}
	if t.CAFile != "" {
		text, err := read("caFile", t.CAFile)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, &FileError{"caFile", fmt.Errorf("%s holds no PEM certificate", t.CAFile)}
		}
	}
	if t.CertFile != "" || t.KeyFile != "" {
		cert, err := read("certFile", t.CertFile)
		if err != nil {
			return nil, err
		}
		key, err := read("keyFile", t.KeyFile)
		if err != nil {
			return nil, err
		}
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, &FileError{"certFile", fmt.Errorf("%s and %s are no certificate with its key: %w", t.CertFile, t.KeyFile, err)}
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return &Security{config: config, id: hex.EncodeToString(id.Sum(nil))}, nil
}

// Digest notes the content of files, and whether they can be read, so that a
// change can be seen.
func Digest(w io.Writer, files []string) {
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			var cause *os.PathError
			if errors.As(err, &cause) {
				err = cause.Err
			}
			fmt.Fprintf(w, "\n%s: %v\n", path, err)
			continue
		}
		fmt.Fprintf(w, "\n%s %d\n", path, len(text))
		_, _ = w.Write(text) // see Load
	}
}
