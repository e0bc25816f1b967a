package backend

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tandem-sync/tandem/api/adapter"
)

// TestKinds is the table of the contract, over the wire.
func TestKinds(t *testing.T) {
	s, b := newScripted(t, Options{BreakAfter: 1000})
	coded := func(c codes.Code) error { return status.Error(c, "words") }
	for _, c := range []struct {
		from error
		kind Kind
		msg  string
	}{
		{adapter.Refuse("too expensive"), Refused, "too expensive"},
		{fmt.Errorf("shop: %w", adapter.Refuse("closed")), Refused, "shop: closed"},
		{adapter.ErrConflict, Conflict, "record was changed by somebody else"},
		{adapter.ErrNotOffered, NotOffered, "the backend of dataset d does not offer Read"},
		{adapter.RetryLater(errors.New("down")), NotNow, "down"},
		{adapter.RetryLater(nil), NotNow, "backend not available"},
		{errors.New("oops"), Failed, "oops"},
		{errors.New(""), Failed, "the backend gave no reason (Unknown)"},
		{context.DeadlineExceeded, NotNow, "context deadline exceeded"},
		{coded(codes.InvalidArgument), Refused, "words"},
		{coded(codes.FailedPrecondition), Refused, "words"},
		{coded(codes.PermissionDenied), Refused, "words"},
		{coded(codes.AlreadyExists), Refused, "words"},
		{coded(codes.OutOfRange), Refused, "words"},
		{coded(codes.Aborted), Conflict, "words"},
		{coded(codes.Unavailable), NotNow, "words"},
		{coded(codes.DeadlineExceeded), NotNow, "words"},
		{coded(codes.ResourceExhausted), NotNow, "words"},
		{coded(codes.Canceled), NotNow, "words"},
		{coded(codes.Internal), Failed, "words"},
		{coded(codes.Unknown), Failed, "words"},
		{coded(codes.DataLoss), Failed, "words"},
		{coded(codes.Unauthenticated), Failed, "words"},
		{status.Error(codes.ResourceExhausted, "grpc: received message larger than max (5 vs. 4)"), Failed, "grpc: received message larger than max (5 vs. 4)"},
	} {
		s.read.set(func(context.Context) error { return c.from })
		_, _, err := b.Read(t.Context(), ReadRequest{UID: "u"})
		if KindOf(err) != c.kind || Message(err) != c.msg {
			t.Errorf("%v: got kind %q, message %q; want %q, %q", c.from, KindOf(err), Message(err), c.kind, c.msg)
		}
	}
	s.read.set(func(context.Context) error { return coded(codes.NotFound) })
	if _, found, err := b.Read(t.Context(), ReadRequest{UID: "u"}); found || err != nil {
		t.Error("NOT_FOUND:", found, err)
	}
	s.read.set(func(context.Context) error { panic("secret detail") })
	if _, _, err := b.Read(t.Context(), ReadRequest{UID: "u"}); KindOf(err) != Failed || Message(err) != "dataset d: internal error of the adapter in Read" {
		t.Errorf("panic: %v", err)
	}
}

func TestHelpersOnOtherErrors(t *testing.T) {
	for _, is := range []func(error) bool{IsRefused, IsNotOffered, IsConflict, IsNotFound, IsNotNow} {
		if is(nil) || is(errors.New("x")) {
			t.Error("a helper takes nil or a foreign error for its kind")
		}
	}
	if Message(nil) != "" || Message(errors.New("x")) != "x" {
		t.Error("Message of nil or a foreign error")
	}
	wrapped := fmt.Errorf("more: %w", &Error{Kind: NotNow, Dataset: "d", Method: "Read", Msg: "m"})
	if !IsNotNow(wrapped) || Message(wrapped) != "m" || wrapped.Error() != "more: backend of dataset d: Read: not now: m" {
		t.Error(wrapped)
	}
}
