package wire

import (
	"fmt"
)

// Error is why a request can't be served as it is: the caller's doing.
type Error struct {
	Status int    // HTTP status, 4xx
	Msg    string // for the body, see ErrorBody
}

// Error implements error.
func (e *Error) Error() string { return e.Msg }

func badRequest(format string, args ...any) error {
	return &Error{400, fmt.Sprintf(format, args...)}
}

// ErrorBody is the body of an answer that reports an error: a JSON text
// (protocol section 2).
func ErrorBody(msg string) []byte { return appendText(nil, msg) }
