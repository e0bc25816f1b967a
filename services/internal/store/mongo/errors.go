package mongo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/auth"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/tandem-sync/tandem/services/internal/store"
)

// translate wraps an error with what was attempted, and the driver's errors with
// the port's sentinels.
func translate(what string, err error) error {
	if err == nil {
		return nil
	}
	if sentinel := sentinelOf(err); sentinel != nil && !errors.Is(err, sentinel) {
		return fmt.Errorf("mongo: %s: %w: %w", what, sentinel, err)
	}
	return fmt.Errorf("mongo: %s: %w", what, err)
}

func sentinelOf(err error) error {
	var selection topology.ServerSelectionError
	var connection topology.ConnectionError
	var pool driver.RetryablePoolError // one that was cleared while others failed
	switch {
	case isRefused(err):
		return nil
	case errors.Is(err, driver.ErrDocumentTooLarge), isTooLarge(err):
		return store.ErrTooLarge
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded) && !mongo.IsTimeout(err):
		return nil
	case mongo.IsNetworkError(err), mongo.IsTimeout(err), errors.Is(err, mongo.ErrClientDisconnected),
		errors.Is(err, topology.ErrPoolClosed), errors.As(err, &selection), errors.As(err, &connection), errors.As(err, &pool), isUnavailable(err):
		return store.ErrUnavailable
	}
	return nil
}

// isRefused: the server does not know us. Trying again does not help.
func isRefused(err error) bool {
	var refused *auth.Error
	if errors.As(err, &refused) {
		return true
	}
	// Where no server could be used because of it, only the text tells.
	return strings.Contains(err.Error(), "Authentication failed") || strings.Contains(err.Error(), "auth error: ")
}

// Error codes of the server (error_codes.yml of MongoDB).
const (
	codeBSONObjectTooLarge = 10334
	codeTooLarge           = 17419 // the result of an update
	codeTooLargeOld        = 17420
)

func isTooLarge(err error) bool {
	var server mongo.ServerError
	if !errors.As(err, &server) {
		return false
	}
	for _, code := range []int{codeBSONObjectTooLarge, codeTooLarge, codeTooLargeOld} {
		if server.HasErrorCode(code) {
			return true
		}
	}
	return false
}

// unavailable are the codes of a server that can't serve now: another became
// primary, it shuts down, it waited too long for others.
var unavailable = []int{6, 7, 64, 89, 91, 112, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436}

func isUnavailable(err error) bool {
	var server mongo.ServerError
	if !errors.As(err, &server) {
		return false
	}
	for _, code := range unavailable {
		if server.HasErrorCode(code) {
			return true
		}
	}
	return server.HasErrorLabel("RetryableWriteError")
}

// isDuplicate: a unique index holds the key already.
func isDuplicate(err error) bool { return mongo.IsDuplicateKeyError(err) }
