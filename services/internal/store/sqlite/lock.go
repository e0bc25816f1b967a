package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/tandem-sync/tandem/services/internal/store"
)

// fileLock keeps a second process away from the database. It is a transaction
// that never ends on an empty database beside it: the operating system drops it
// with the process however that ends, and it works wherever SQLite does.
type fileLock struct {
	db   *sql.DB
	held *sql.Conn
}

// lockFile takes the lock of the database at path (absolute).
func lockFile(ctx context.Context, path string) (*fileLock, error) {
	name := path + ".lock"
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: filepath.ToSlash(name)}).String())
	if err != nil {
		return nil, err
	}
	held, err := db.Conn(ctx)
	if err == nil {
		_, err = held.ExecContext(ctx, "BEGIN EXCLUSIVE")
	}
	if err == nil {
		return &fileLock{db, held}, nil
	}
	_ = db.Close()
	var coded *driver.Error
	if errors.As(err, &coded) && coded.Code()&0xff == lib.SQLITE_BUSY {
		return nil, fmt.Errorf("%w: another process uses the database (it holds %s)", store.ErrUnavailable, name)
	}
	return nil, fmt.Errorf("lock %s: %w", name, err)
}

func (l *fileLock) unlock() error {
	return errors.Join(l.held.Close(), l.db.Close())
}
