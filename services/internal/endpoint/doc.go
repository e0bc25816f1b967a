// Package endpoint is about gRPC services that other teams run: where one is, how
// to trust it, and connections to it that are shared.
//
// It promises that two Endpoints with the same Key are reached in the same way, so
// that a reload which changes nothing keeps its connections; that a certificate
// which was renewed on disk makes a new Key; and that a connection nobody wants
// any more is closed when the last call over it has ended, never before.
//
// It knows no contract, no setting and no dataset.
package endpoint
