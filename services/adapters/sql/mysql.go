package sql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// mysqlDialect is the dialect of MySQL and MariaDB. Statements go with their arguments apart, so that values
// come in the binary form, which is exact.
type mysqlDialect struct{ maria bool }

// mysqlBool is the type of number columns that are taken for booleans.
const mysqlBool = "tinyint(1)"

// openMySQL makes the pool for mysql://USER:PASSWORD@HOST:PORT/DATABASE?tls=true...
func openMySQL(text, password string) (*sql.DB, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("the URL can't be read")
	}
	config, err := mysql.ParseDSN("/?" + u.RawQuery)
	if err != nil {
		return nil, err
	}
	config.Net, config.Addr, config.DBName = "tcp", u.Host, strings.TrimPrefix(u.Path, "/")
	if u.Port() == "" {
		config.Addr = net.JoinHostPort(u.Hostname(), "3306")
	}
	config.User = u.User.Username()
	config.Passwd, _ = u.User.Password()
	if password != "" {
		config.Passwd = password
	}
	config.ParseTime, config.MultiStatements, config.InterpolateParams, config.AllowAllFiles = false, false, false, false
	config.ClientFoundRows = true
	if config.Params == nil {
		config.Params = map[string]string{}
	}
	config.Params["time_zone"] = "'+00:00'"
	// Strict: what does not fit is refused, and not cut.
	config.Params["sql_mode"] = "'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO'"
	config.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

func (mysqlDialect) quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
func (mysqlDialect) mark(int) string          { return "?" }
func (d mysqlDialect) read(c column) string   { return d.quote(c.name) }
func (mysqlDialect) param(column, int) string { return "?" }

// limit gives each list an argument at least: without one, numbers would come as rounded texts.
func (mysqlDialect) limit() string { return " LIMIT " + strconv.Itoa(math.MaxInt64) + " OFFSET ?" }

func (mysqlDialect) text(c column, v any) (string, error) {
	b, isBytes := v.([]byte)
	if c.kind != kBit || !isBytes {
		return plainText(v), nil
	}
	var bits strings.Builder
	for _, x := range b {
		fmt.Fprintf(&bits, "%08b", x)
	}
	text := bits.String()
	if cut := len(text) - c.bits; c.bits > 0 && cut > 0 {
		text = text[cut:]
	}
	return text, nil
}

func (mysqlDialect) arg(c column, text string) any {
	switch c.kind {
	case kBytes:
		return []byte(text)
	case kBit:
		if n, err := strconv.ParseUint(text, 2, 64); err == nil {
			return n
		}
	}
	return text
}

func (d mysqlDialect) limits(ctx context.Context, tx *sql.Tx, deadline time.Time) error {
	left := time.Duration(0)
	if !deadline.IsZero() {
		left = max(time.Millisecond, time.Until(deadline))
	}
	wait := max(1, int(math.Ceil(left.Seconds())))
	if left == 0 {
		wait = 50
	}
	set := fmt.Sprintf("SET SESSION innodb_lock_wait_timeout = %d, SESSION max_execution_time = %d", wait, left.Milliseconds())
	if d.maria {
		set = fmt.Sprintf("SET SESSION innodb_lock_wait_timeout = %d, SESSION max_statement_time = %.3f", wait, left.Seconds())
	}
	_, err := tx.ExecContext(ctx, set)
	return err
}

func (mysqlDialect) schema(keys, collisions string) []string {
	return []string{
		"CREATE TABLE IF NOT EXISTS " + keys + ` (
	digest varbinary(64) PRIMARY KEY,
	uid longblob NOT NULL,
	at bigint NOT NULL,
	KEY (at)
) ENGINE=InnoDB`,
		"CREATE TABLE IF NOT EXISTS " + collisions + ` (
	id varbinary(64) PRIMARY KEY,
	dataset varbinary(400) NOT NULL,
	uid longblob NOT NULL,
	hash longblob NOT NULL,
	pre longblob,
	post longblob,
	timestamp bigint NOT NULL,
	KEY (dataset)
) ENGINE=InnoDB`,
	}
}

func (mysqlDialect) remember(keys string) string {
	return "INSERT IGNORE INTO " + keys + " (digest, uid, at) VALUES (?, ?, ?)"
}

func (mysqlDialect) prune(keys string) string {
	return "DELETE FROM " + keys + " WHERE at < ? LIMIT 1000"
}

// insert gets the number that an auto_increment column was given.
func (mysqlDialect) insert(ctx context.Context, tx *sql.Tx, s *statement, made []column) ([]string, error) {
	result, err := tx.ExecContext(ctx, s.b.String(), s.args...)
	if err != nil || len(made) == 0 {
		return nil, err
	}
	id, err := result.LastInsertId()
	return []string{strconv.FormatUint(uint64(id), 10)}, err
}

func (d mysqlDialect) stamp(c column) string {
	if c.change == changeTime {
		return d.now(c)
	}
	return ""
}

func (mysqlDialect) now(column) string { return "SYSDATE(6)" }
