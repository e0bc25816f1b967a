package sql

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/stdlib"
)

// postgres is the dialect of PostgreSQL. Every value travels as text, in both directions, with a cast in the
// statement: the server's own conversion is the exact one.
type postgres struct{}

// openPostgres makes the pool. Nothing is prepared, so that nothing breaks when a table is altered.
func openPostgres(url, password string) (*sql.DB, *pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, nil, err
	}
	if password != "" {
		config.Password = password
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	for name, value := range map[string]string{
		"TimeZone": "UTC", "DateStyle": "ISO", "IntervalStyle": "postgres", "bytea_output": "hex",
		"extra_float_digits": "1", "client_encoding": "UTF8",
	} {
		config.RuntimeParams[name] = value
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "tandem adapter sql"
	}
	// A call that ends early ends its statement in the server too.
	config.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: time.Second}
	}
	return stdlib.OpenDB(*config), config, nil
}

func (postgres) mark(n int) string { return "$" + strconv.Itoa(n) }
func (postgres) limit() string     { return "" }

func (postgres) quote(name string) string {
	return `"` + strings.NewReplacer(`"`, `""`, "\x00", "").Replace(name) + `"`
}

func (d postgres) read(c column) string {
	if c.kind == kArray {
		return "to_jsonb(" + d.quote(c.name) + ")::text"
	}
	return d.quote(c.name) + "::text"
}

func (postgres) text(c column, v any) (string, error) {
	text := plainText(v)
	if c.kind != kBytes {
		return text, nil
	}
	b, err := hex.DecodeString(strings.TrimPrefix(text, `\x`))
	if err != nil {
		return "", fmt.Errorf("column %s is not in hex: %w", c.name, err)
	}
	return string(b), nil
}

// param casts to the type without its length: the column refuses what does not fit, where a cast would cut.
func (postgres) param(c column, n int) string {
	text := "$" + strconv.Itoa(n) + "::text"
	if c.kind == kArray {
		return "ARRAY(SELECT jsonb_array_elements_text(" + text + "::jsonb))::" + c.typ
	}
	return text + "::" + c.typ
}

func (postgres) arg(c column, text string) any {
	if c.kind == kBytes {
		return hexBytes(text)
	}
	return text
}

func hexBytes(b string) string { return `\x` + hex.EncodeToString([]byte(b)) }

func (postgres) limits(ctx context.Context, tx *sql.Tx, deadline time.Time) error {
	if deadline.IsZero() {
		return nil
	}
	ms := strconv.FormatInt(max(1, time.Until(deadline).Milliseconds()), 10)
	_, err := tx.ExecContext(ctx, "SELECT set_config('statement_timeout', $1::text, true), set_config('lock_timeout', $1::text, true)", ms)
	return err
}

func (postgres) schema(keys, collisions string) []string {
	return []string{
		"CREATE TABLE IF NOT EXISTS " + keys + ` (
	digest text PRIMARY KEY,
	uid text NOT NULL,
	at bigint NOT NULL
)`,
		"CREATE TABLE IF NOT EXISTS " + collisions + ` (
	id text PRIMARY KEY,
	dataset text NOT NULL,
	uid text NOT NULL,
	hash text NOT NULL,
	pre text,
	post text,
	timestamp bigint NOT NULL
)`,
	}
}

func (postgres) remember(keys string) string {
	return "INSERT INTO " + keys + " (digest, uid, at) VALUES ($1::text, $2::text, $3::bigint) ON CONFLICT DO NOTHING"
}

func (postgres) prune(keys string) string {
	return "DELETE FROM " + keys + " WHERE digest IN (SELECT digest FROM " + keys + " WHERE at < $1::bigint LIMIT 1000)"
}

func (d postgres) insert(ctx context.Context, tx *sql.Tx, s *statement, made []column) ([]string, error) {
	if len(made) == 0 {
		_, err := s.exec(ctx, tx)
		return nil, err
	}
	s.add(" RETURNING ")
	for i, c := range made {
		if i > 0 {
			s.add(", ")
		}
		s.add(d.read(c))
	}
	rows, err := s.query(ctx, tx)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var texts []string
	for rows.Next() {
		if texts, err = scanTexts(d, rows, made); err != nil {
			return nil, err
		}
	}
	return texts, rows.Err()
}

func (postgres) stamp(c column) string {
	switch c.change {
	case changeTime:
		return "clock_timestamp()"
	case changeXID:
		return "pg_current_xact_id()"
	}
	if c.fills {
		return "DEFAULT"
	}
	return ""
}

func (postgres) now(column) string { return "clock_timestamp()" }
