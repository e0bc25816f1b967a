package endpoint

import (
	"crypto/tls"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// Endpoint is a gRPC service and how to call it. The zero value is none.
type Endpoint struct {
	Address string // host:port or a gRPC target; "": none
	// Security is how it is called; nil: as the one who dials does with all others.
	Security *Security
}

// Security is how a service is called. Get it from Plain or Load.
type Security struct {
	config *tls.Config // nil: plain text
	id     string      // differs when any of the settings or files does
}

// Plain is plain text.
func Plain() *Security { return &Security{id: "plain"} }

// Key is the identity of an Endpoint: those with the same key may share a connection.
func (e Endpoint) Key() string {
	if e.Security == nil {
		return e.Address
	}
	return e.Address + "\x00" + e.Security.id
}

// Credentials are what gRPC wants to know; nil where Security is.
func (e Endpoint) Credentials() credentials.TransportCredentials {
	switch {
	case e.Security == nil:
		return nil
	case e.Security.config == nil:
		return insecure.NewCredentials()
	}
	return credentials.NewTLS(e.Security.config.Clone())
}
