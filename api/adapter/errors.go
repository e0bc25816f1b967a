package adapter

import (
	"errors"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Errors that an adapter returns, plain or wrapped.
var (
	// ErrNotFound: the record is not there.
	ErrNotFound = errors.New("record not found")
	// ErrConflict: the record does not hold what the request expected.
	ErrConflict = errors.New("record was changed by somebody else")
	// ErrNotOffered: this adapter does not do that, for any dataset or for this one.
	ErrNotOffered = errors.New("not offered by this adapter")
)

// maxMessage bounds an error's text, in bytes: it travels in an HTTP/2 header.
const maxMessage = 4 << 10

// Refuse returns an error that refuses the request for good. msg is shown to the
// device's user.
func Refuse(msg string) error { return &coded{codes.InvalidArgument, errors.New(msg)} }

// RetryLater returns an error that says "not now": Tandem tries again later, as
// often as needed, and reports nothing to the device. For a backend that is down
// or busy.
func RetryLater(err error) error {
	if err == nil {
		err = errors.New("backend not available")
	}
	return &coded{codes.Unavailable, err}
}

type coded struct {
	code codes.Code
	err  error
}

func (e *coded) Error() string              { return e.err.Error() }
func (e *coded) Unwrap() error              { return e.err }
func (e *coded) GRPCStatus() *status.Status { return status.New(e.code, e.err.Error()) }

// toStatus turns an adapter's error into the status that the contract documents.
// Errors that have a gRPC status already keep it.
func toStatus(err error) error {
	if err == nil {
		return nil
	}
	code := codes.Unknown
	var has interface{ GRPCStatus() *status.Status }
	switch {
	case errors.As(err, &has) && has.GRPCStatus().Code() != codes.OK:
		code = has.GRPCStatus().Code()
	case errors.Is(err, ErrNotFound):
		code = codes.NotFound
	case errors.Is(err, ErrConflict):
		code = codes.Aborted
	case errors.Is(err, ErrNotOffered):
		code = codes.Unimplemented
	default:
		if c := status.FromContextError(err).Code(); c != codes.OK {
			code = c // Canceled, DeadlineExceeded, or Unknown
		}
	}
	return status.Error(code, clip(text(err)))
}

// text is the error's message, without the "rpc error: code =" of a bare status.
func text(err error) string {
	if st, ok := err.(interface{ GRPCStatus() *status.Status }); ok {
		return st.GRPCStatus().Message()
	}
	return err.Error()
}

func clip(s string) string {
	if len(s) > maxMessage {
		s = s[:maxMessage] + "..."
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
