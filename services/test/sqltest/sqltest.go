package sqltest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// The variables with the addresses of servers to use instead of starting one. The user must be allowed to
// make databases.
const (
	PostgresEnv = "TANDEM_TEST_POSTGRES_URL" // postgres://USER:PASSWORD@HOST:PORT/DATABASE
	MySQLEnv    = "TANDEM_TEST_MYSQL_URL"    // mysql://USER:PASSWORD@HOST:PORT/
)

// The servers of this process. They are never stopped: they end with the process.
var (
	sharedPostgres = sync.OnceValues(startPostgres)
	sharedMariaDB  = sync.OnceValues(startMariaDB)
)

// Postgres returns the URL of a database on the shared PostgreSQL that nobody else uses. It is dropped when
// the test ends.
func Postgres(tb testing.TB) string {
	tb.Helper()
	return database(tb, base(tb, PostgresEnv, sharedPostgres), "", "DROP DATABASE %s WITH (FORCE)", `"`)
}

// MariaDB returns the URL of a database on the shared MariaDB (or MySQL) that nobody else uses. It is
// dropped when the test ends.
func MariaDB(tb testing.TB) string {
	tb.Helper()
	return database(tb, base(tb, MySQLEnv, sharedMariaDB), " CHARACTER SET utf8mb4", "DROP DATABASE %s", "`")
}

// StartPostgres returns a server that only this test uses, and may stop. It is stopped when the test ends.
func StartPostgres(tb testing.TB) *Server { return own(tb, startPostgres) }

// StartMariaDB is StartPostgres for MariaDB.
func StartMariaDB(tb testing.TB) *Server { return own(tb, startMariaDB) }

func own(tb testing.TB, start func() (*Server, error)) *Server {
	tb.Helper()
	s, err := start()
	if err != nil {
		tb.Fatalf("no database server for this test: %v", err)
	}
	tb.Cleanup(s.Stop)
	return s
}

func base(tb testing.TB, env string, shared func() (*Server, error)) string {
	tb.Helper()
	if u := os.Getenv(env); u != "" {
		return u
	}
	s, err := shared()
	if err != nil {
		tb.Fatalf("no database server for tests: %v\nset %s, or install maven (Linux)", err, env)
	}
	return s.URL()
}

func database(tb testing.TB, base, as, drop, quote string) string {
	tb.Helper()
	name := "t" + strings.ToLower(rand.Text()[:10])
	run(tb, base, "CREATE DATABASE "+quote+name+quote+as)
	tb.Cleanup(func() { run(tb, base, strings.Replace(drop, "%s", quote+name+quote, 1)) })
	u, err := url.Parse(base)
	if err != nil {
		tb.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

func run(tb testing.TB, base, statement string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	db, err := open(base)
	if err == nil {
		_, err = db.ExecContext(ctx, statement)
		_ = db.Close()
	}
	if err != nil {
		tb.Errorf("%s: %v", statement, err)
	}
}

// Open connects to a database as a test does that plays another application. It is closed when the test
// ends.
func Open(tb testing.TB, databaseURL string) *sql.DB {
	tb.Helper()
	db, err := open(databaseURL)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

func open(databaseURL string) (*sql.DB, error) {
	u, err := url.Parse(databaseURL)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "mysql" {
		return sql.Open("pgx", databaseURL)
	}
	c := mysql.NewConfig()
	c.User, c.Net, c.Addr, c.DBName = u.User.Username(), "tcp", u.Host, strings.TrimPrefix(u.Path, "/")
	c.Passwd, _ = u.User.Password()
	c.Params = map[string]string{"time_zone": "'+00:00'", "sql_mode": "'TRADITIONAL'"}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}
