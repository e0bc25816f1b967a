package backend

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Kind is what an error means for the one who called.
type Kind int

// The kinds of errors.
const (
	Failed     Kind = iota // a failed try: counts against the retry limit
	Refused                // refused for good; Message is for the user
	NotOffered             // the adapter does not do that; counts as refused
	Conflict               // the record is not what it was taken for
	NotFound               // the record is not there
	NotNow                 // nothing is known to have happened; try again later, report nothing
)

func (k Kind) String() string {
	return [...]string{"failed", "refused", "not offered", "conflict", "not found", "not now"}[k]
}

// Error is what every method of a Backend returns when it fails.
type Error struct {
	Kind    Kind
	Dataset string
	Method  string // of the contract, for instance "Create"
	Msg     string // the adapter's words, or ours in their place
	cause   []error
}

func (e *Error) Error() string {
	return fmt.Sprintf("backend of dataset %s: %s: %s: %s", e.Dataset, e.Method, e.Kind, e.Msg)
}

// Unwrap gives the gRPC status and, where the caller's context ended, its error.
func (e *Error) Unwrap() []error { return e.cause }

// KindOf tells the kind of an error; those of other packages are Failed.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Failed
}

// IsRefused tells whether trying again is no use.
func IsRefused(err error) bool {
	return err != nil && (KindOf(err) == Refused || KindOf(err) == NotOffered)
}

// IsNotOffered tells whether the adapter lacks the method.
func IsNotOffered(err error) bool { return err != nil && KindOf(err) == NotOffered }

// IsConflict tells whether the record was not what it was taken for.
func IsConflict(err error) bool { return err != nil && KindOf(err) == Conflict }

// IsNotFound tells whether the record was not there.
func IsNotFound(err error) bool { return err != nil && KindOf(err) == NotFound }

// IsNotNow tells whether to try again later and report nothing.
func IsNotNow(err error) bool { return err != nil && KindOf(err) == NotNow }

// Message is the text of an error for the device, "" for nil.
func Message(err error) string {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) && e.Msg != "" {
		return e.Msg
	}
	return err.Error()
}

// kinds is the table of the contract (proto/adapter/v1). Codes that are not in
// it are Failed.
var kinds = map[codes.Code]Kind{
	codes.InvalidArgument:    Refused,
	codes.FailedPrecondition: Refused,
	codes.PermissionDenied:   Refused,
	codes.AlreadyExists:      Refused,
	codes.OutOfRange:         Refused,
	codes.Unimplemented:      NotOffered,
	codes.Aborted:            Conflict,
	codes.NotFound:           NotFound,
	codes.Unavailable:        NotNow,
	codes.DeadlineExceeded:   NotNow,
	codes.ResourceExhausted:  NotNow,
	codes.Canceled:           NotNow,
}

// translate makes an Error of what a gRPC call returned. caller is the context
// that the call was asked with.
func translate(caller context.Context, dataset, method string, err error) error {
	st := status.Convert(err)
	if c := status.FromContextError(err); c.Code() != codes.Unknown {
		st = c
	}
	e := &Error{Kind: kinds[st.Code()], Dataset: dataset, Method: method, Msg: st.Message(), cause: []error{err}}
	if caller.Err() != nil {
		e.cause = append(e.cause, caller.Err())
	}
	switch {
	case st.Code() == codes.ResourceExhausted && strings.Contains(st.Message(), "message larger than max"):
		e.Kind = Failed // gRPC's own words: it will be as large the next time
	case e.Kind == NotOffered:
		e.Msg = fmt.Sprintf("the backend of dataset %s does not offer %s", dataset, method)
	case e.Msg == "":
		e.Msg = "the backend gave no reason (" + st.Code().String() + ")"
	}
	return e
}
