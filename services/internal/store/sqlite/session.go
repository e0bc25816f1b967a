package sqlite

import (
	"context"
	"database/sql"
	"errors"
)

// conn is one connection with the statements that were prepared on it. One
// goroutine uses it at a time.
type conn struct {
	raw   *sql.Conn
	stmts map[string]*sql.Stmt
}

// newConn takes a connection of its own from the pool.
func newConn(ctx context.Context, db *sql.DB) (*conn, error) {
	raw, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{raw: raw, stmts: map[string]*sql.Stmt{}}, nil
}

func (c *conn) close() error {
	var errs []error
	for _, stmt := range c.stmts {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(append(errs, c.raw.Close())...)
}

// session is the use of a connection by one operation, at one point in time.
type session struct {
	ctx  context.Context
	conn *conn
	now  int64 // ms
}

// stmt prepares a statement once per connection. Texts must therefore come from
// a small fixed set: values are always arguments.
func (s session) stmt(query string) (*sql.Stmt, error) {
	if stmt, ok := s.conn.stmts[query]; ok {
		return stmt, nil
	}
	stmt, err := s.conn.raw.PrepareContext(s.ctx, query)
	if err != nil {
		return nil, err
	}
	s.conn.stmts[query] = stmt
	return stmt, nil
}

// exec runs a statement and returns how many rows it changed.
func (s session) exec(query string, args ...any) (int64, error) {
	stmt, err := s.stmt(query)
	if err != nil {
		return 0, err
	}
	result, err := stmt.ExecContext(s.ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// get scans the first row into dest; ok is false when there is none.
func (s session) get(dest []any, query string, args ...any) (ok bool, err error) {
	stmt, err := s.stmt(query)
	if err != nil {
		return false, err
	}
	err = stmt.QueryRowContext(s.ctx, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// exists tells whether the query has a row.
func (s session) exists(query string, args ...any) (bool, error) {
	var one int
	return s.get([]any{&one}, query, args...)
}

// scanner is a row under the cursor.
type scanner interface{ Scan(dest ...any) error }

// collect reads all rows before it returns, so that no cursor stays open while
// the next statement runs.
func collect[T any](s session, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	stmt, err := s.stmt(query)
	if err != nil {
		return nil, err
	}
	rows, err := stmt.QueryContext(s.ctx, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
