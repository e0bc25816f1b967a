package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/tandem-sync/tandem/services/internal/store"
)

// translate wraps an error with what was attempted, and SQLite's codes with the
// port's sentinel errors.
func translate(what string, err error) error {
	if err == nil {
		return nil
	}
	var coded *driver.Error
	switch {
	case errors.As(err, &coded):
		if sentinel := sentinelOf(coded.Code()); sentinel != nil {
			return fmt.Errorf("sqlite: %s: %w: %w", what, sentinel, err)
		}
	case errors.Is(err, sql.ErrConnDone):
		return fmt.Errorf("sqlite: %s: %w: %w", what, store.ErrUnavailable, err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return fmt.Errorf("sqlite: %s: %w", what, err)
}

func sentinelOf(code int) error {
	switch code & 0xff { // the extended codes refine the low byte
	case lib.SQLITE_TOOBIG:
		return store.ErrTooLarge
	case lib.SQLITE_FULL, lib.SQLITE_IOERR, lib.SQLITE_BUSY, lib.SQLITE_LOCKED,
		lib.SQLITE_CANTOPEN, lib.SQLITE_READONLY, lib.SQLITE_NOMEM:
		return store.ErrUnavailable
	}
	return nil
}
