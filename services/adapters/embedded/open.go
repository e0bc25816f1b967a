package embedded

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/tandem-sync/tandem/services/internal/clock"
)

// Adapter is the adapter. It implements adapter.Adapter, Describer and Watcher.
type Adapter struct {
	writer *sql.DB // one connection, so one write at a time
	reader *sql.DB // several; the same as writer in memory
	now    clock.Clock
	pruned pruning
	hints  broadcast
}

// Memory is the path of a database that lives as long as its Adapter.
const Memory = ":memory:"

// readers is how many lists and reads go in parallel with one another and a write.
const readers = 4

// Open opens the database at path, or makes it. Close it at the end.
func Open(path string) (*Adapter, error) {
	a := &Adapter{now: clock.System}
	var err error
	if a.writer, err = open(path, "", 1); err != nil {
		return nil, err
	}
	if err = migrate(a.writer); err != nil {
		return nil, errors.Join(fmt.Errorf("embedded backend %s: %w", path, err), a.writer.Close())
	}
	if a.reader = a.writer; path != Memory {
		a.reader, err = open(path, "&_pragma=query_only(1)", readers)
		if err != nil {
			return nil, errors.Join(err, a.writer.Close())
		}
	}
	return a, nil
}

// Close closes the database. Calls that come later fail with "not now".
func (a *Adapter) Close() error {
	if a.reader == a.writer {
		return a.writer.Close()
	}
	return errors.Join(a.reader.Close(), a.writer.Close())
}

func open(path, more string, connections int) (*sql.DB, error) {
	if path == "" {
		return nil, errors.New("embedded backend: no path given")
	}
	name := strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path)
	db, err := sql.Open("sqlite", "file:"+name+"?_txlock=immediate&_pragma=busy_timeout(10000)"+
		"&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"+more)
	if err != nil {
		return nil, fmt.Errorf("embedded backend %s: %w", path, err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections) // in memory, closing the connection would lose all
	return db, nil
}

// schemaVersion is the version of the tables below, kept in the file.
const schemaVersion = 1

const schema = `
CREATE TABLE records (
	seq     INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of lists
	dataset TEXT NOT NULL,
	uid     TEXT NOT NULL,
	data    BLOB NOT NULL, -- JSON as it was sent
	UNIQUE (dataset, uid)
);
CREATE INDEX records_by_dataset ON records (dataset, seq);
CREATE TABLE keys (
	digest BLOB PRIMARY KEY, -- of method, dataset and idempotency key
	uid    TEXT NOT NULL,
	at     INTEGER NOT NULL -- when it was remembered, ms
) WITHOUT ROWID;
CREATE INDEX keys_by_age ON keys (at);
CREATE TABLE collisions (
	seq       INTEGER PRIMARY KEY AUTOINCREMENT,
	dataset   TEXT NOT NULL,
	id        TEXT NOT NULL,
	uid       TEXT NOT NULL,
	hash      TEXT NOT NULL,
	pre       BLOB,
	post      BLOB,
	timestamp INTEGER NOT NULL, -- ms
	UNIQUE (dataset, id)
);
CREATE INDEX collisions_by_hash ON collisions (dataset, hash);
`

// migrate makes the tables, in one transaction.
func migrate(db *sql.DB) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	var version int
	if err := tx.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	switch {
	case version == schemaVersion:
		return nil
	case version > schemaVersion:
		return fmt.Errorf("the file was made by a newer version (schema %d, known is %d)", version, schemaVersion)
	}
	if _, err := tx.Exec(schema + fmt.Sprintf("PRAGMA user_version = %d;", schemaVersion)); err != nil {
		return err
	}
	return tx.Commit()
}
