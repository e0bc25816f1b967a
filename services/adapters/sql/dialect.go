package sql

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"time"
)

// kind is what a column holds, as far as JSON is concerned.
type kind int

const (
	kText kind = iota // also uuid, enum, and every type that has no kind of its own: as its text
	kInt              // whole numbers
	kNumeric
	kFloat
	kBool
	kBytes
	kJSON
	kArray
	kDate
	kTimestamp   // without a zone
	kTimestampTZ // with one
	kBit
)

// column is one column of a table or query.
type column struct {
	name     string
	field    string // under which devices see it
	typ      string // SQL type for casts
	kind     kind
	element  kind // of an array
	scale    int  // of kNumeric, digits behind the point; -1: any
	bits     int  // of kBit, in MySQL
	nullable bool
	fills    bool // the database has a value where none is given
	auto     bool // and tells it after an insert
	readOnly bool // the database does not take one
	change   changeKind
}

// dialect is what differs between databases.
type dialect interface {
	// quote makes a name of the configuration part of a statement.
	quote(name string) string
	// mark is the placeholder of the nth argument, from 1.
	mark(n int) string
	// read is the expression that selects a column.
	read(c column) string
	// text is the exact text of what such an expression gave, which is not NULL.
	text(c column, v any) (string, error)
	// param is the placeholder of a value of a column, and arg the value for it.
	param(c column, n int) string
	arg(c column, text string) any
	// limit ends a list: its argument, 0, makes sure that values come in the exact form.
	limit() string
	// tableColumns and queryColumns ask the catalog; none without an error: there is no such table.
	tableColumns(ctx context.Context, q queryer, table []string) ([]column, error)
	queryColumns(ctx context.Context, conn *sql.Conn, query string) ([]column, error)
	// unique tells whether no two rows can have the same values in these columns. A table that has no
	// transactions is an error.
	unique(ctx context.Context, q queryer, table, columns []string) (bool, error)
	// schema is what makes the adapter's own tables.
	schema(keys, collisions string) []string
	// limits has the transaction end at a deadline, zero for none.
	limits(ctx context.Context, tx *sql.Tx, deadline time.Time) error
	// remember inserts a key unless it is there.
	remember(keys string) string
	prune(keys string) string
	// insert runs an INSERT and returns the texts of the uid's columns that the database made.
	insert(ctx context.Context, tx *sql.Tx, s *statement, made []column) ([]string, error)
	// stamp is the expression that a change column is set to, "" for none: a trigger does it.
	stamp(c column) string
	now(c column) string
	// judge sorts an error out.
	judge(err error) verdict
}

type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// statement is SQL text with its arguments.
type statement struct {
	d    dialect
	b    strings.Builder
	args []any
}

// add appends SQL text, which is never anything that a device sent.
func (s *statement) add(text ...string) *statement {
	for _, t := range text {
		s.b.WriteString(t)
	}
	return s
}

// value appends a value of a column.
func (s *statement) value(c column, text string) *statement {
	s.args = append(s.args, s.d.arg(c, text))
	return s.add(s.d.param(c, len(s.args)))
}

// plain appends a value of a type that the driver knows.
func (s *statement) plain(v any) *statement {
	s.args = append(s.args, v)
	return s.add(s.d.mark(len(s.args)))
}

func (s *statement) query(ctx context.Context, q queryer) (*sql.Rows, error) {
	return q.QueryContext(ctx, s.b.String(), s.args...)
}

func (s *statement) exec(ctx context.Context, q queryer) (int64, error) {
	result, err := q.ExecContext(ctx, s.b.String(), s.args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// qualified quotes the parts of a name.
func qualified(d dialect, parts []string) string {
	quoted := make([]string, len(parts))
	for i, p := range parts {
		quoted[i] = d.quote(p)
	}
	return strings.Join(quoted, ".")
}

// plainText is the text of what a driver gives for a type without a matter of its own.
func plainText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case uint64:
		return strconv.FormatUint(v, 10)
	case float32:
		return strconv.FormatFloat(float64(v), 'g', -1, 32)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case bool:
		return strconv.FormatBool(v)
	}
	return ""
}
