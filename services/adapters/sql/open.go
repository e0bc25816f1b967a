package sql

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/internal/clock"
)

// Service is the adapter as a process runs it.
type Service interface {
	adapter.Adapter
	adapter.Describer
	// Ping tells whether the database answers.
	Ping(ctx context.Context) error
	Close() error
}

// Adapter is the adapter. It implements adapter.Adapter and Describer.
type Adapter struct {
	config   Config
	db       *sql.DB
	d        dialect
	pg       *pgx.ConnConfig // nil for MySQL
	datasets map[string]*dataset
	keys     string // tables, quoted
	kept     string
	log      *slog.Logger
	now      clock.Clock
	pruned   pruning
}

// ErrWrong is the kind of error that no waiting mends: the configuration does not fit the database.
var ErrWrong = errors.New("sql adapter")

// Open connects, checks the configuration against the database's catalog and makes the adapter's own tables.
// Errors that wrap ErrWrong are for the operator to mend; any other may pass. None shows a password.
func Open(ctx context.Context, c Config, log *slog.Logger) (Service, error) {
	if log == nil {
		log = slog.Default()
	}
	a := &Adapter{config: c, log: log, now: clock.System, datasets: map[string]*dataset{}}
	if err := a.connect(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWrong, err)
	}
	if err := a.prepare(ctx); err != nil {
		return nil, errors.Join(err, a.db.Close())
	}
	lists, watches := false, false
	for _, d := range a.datasets {
		lists, watches = lists || d.change != nil, watches || d.o.Notify != ""
	}
	switch {
	case lists && watches:
		return struct {
			*Adapter
			changeLister
			watcher
		}{a, changeLister{a}, watcher{a}}, nil
	case lists:
		return struct {
			*Adapter
			changeLister
		}{a, changeLister{a}}, nil
	case watches:
		return struct {
			*Adapter
			watcher
		}{a, watcher{a}}, nil
	}
	return a, nil
}

// connect makes the pool, without a connection yet.
func (a *Adapter) connect() error {
	url, err := secret(a.config.URL, a.config.path(a.config.URLFile), a.config.URLEnv)
	if err != nil {
		return err
	}
	password, err := secret("", a.config.path(a.config.PasswordFile), a.config.PasswordEnv)
	if err != nil {
		return err
	}
	scheme, _, _ := strings.Cut(url, "://")
	switch scheme {
	case "postgres", "postgresql":
		a.d = postgres{}
		a.db, a.pg, err = openPostgres(url, password)
	case "mysql", "mariadb":
		a.d = mysqlDialect{}
		a.db, err = openMySQL(url, password)
	default:
		return errors.New("expected a url that begins with postgres:// or mysql://")
	}
	if err != nil {
		return err
	}
	connections := a.config.MaxConnections
	if connections == 0 {
		connections = 10
	}
	lifetime := a.config.MaxLifetime
	if lifetime == 0 {
		lifetime = 30 * time.Minute
	}
	a.db.SetMaxOpenConns(connections)
	a.db.SetMaxIdleConns(connections)
	a.db.SetConnMaxLifetime(lifetime)
	return nil
}

func (a *Adapter) prepare(ctx context.Context) error {
	conn, err := a.db.Conn(ctx)
	if err != nil {
		if notLetIn(err) {
			return fmt.Errorf("%w: %w", ErrWrong, err)
		}
		return failure(a.d, "", err)
	}
	defer conn.Close()
	if _, ok := a.d.(mysqlDialect); ok {
		var version string
		if err := scanOne(ctx, conn, &version, "SELECT VERSION()"); err != nil {
			return failure(a.d, "", err)
		}
		a.d = mysqlDialect{maria: strings.Contains(strings.ToLower(version), "mariadb")}
	}
	if err := a.makeTables(ctx, conn); err != nil {
		return err
	}
	var wrong []error
	for _, id := range slices.Sorted(maps.Keys(a.config.Datasets)) {
		d, err := a.compile(ctx, conn, id, a.config.Datasets[id])
		if err != nil && unconnected(err) {
			return failure(a.d, id, err)
		}
		wrong = append(wrong, err)
		a.datasets[id] = d
	}
	if err := errors.Join(wrong...); err != nil {
		return fmt.Errorf("%w: %w", ErrWrong, err)
	}
	return nil
}

// makeTables makes the adapter's own tables where they are missing, or says how to.
func (a *Adapter) makeTables(ctx context.Context, conn *sql.Conn) error {
	names := make([]string, 2)
	missing := false
	for i, name := range []string{a.config.KeysTable, a.config.CollisionsTable} {
		if name == "" {
			name = []string{"tandem_keys", "tandem_collisions"}[i]
		}
		parts, err := tableName(name)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrWrong, err)
		}
		columns, err := a.d.tableColumns(ctx, conn, parts)
		if err != nil {
			return failure(a.d, "", err)
		}
		missing = missing || len(columns) == 0
		names[i] = qualified(a.d, parts)
	}
	a.keys, a.kept = names[0], names[1]
	if !missing {
		return nil
	}
	statements := a.d.schema(a.keys, a.kept)
	why := "createTables is false"
	if a.config.CreateTables == nil || *a.config.CreateTables {
		var err error
		for _, s := range statements {
			if _, err = conn.ExecContext(ctx, s); err != nil && !duplicate(err) {
				break
			}
			err = nil
		}
		if err == nil || unconnected(err) {
			return failure(a.d, "", err)
		}
		why = err.Error()
	}
	return fmt.Errorf("%w: its own tables are missing and were not made (%s); have them made:\n%s;", ErrWrong, why, strings.Join(statements, ";\n"))
}

func scanOne(ctx context.Context, q queryer, to any, query string, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(to); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Ping implements Service.
func (a *Adapter) Ping(ctx context.Context) error { return failure(a.d, "", a.db.PingContext(ctx)) }

// Close implements Service.
func (a *Adapter) Close() error { return a.db.Close() }

// Describe implements adapter.Describer.
func (a *Adapter) Describe(context.Context) (adapter.Description, error) {
	return adapter.Description{Name: "sql", Version: "1", CompareAndWrite: true, RemembersKeys: true}, nil
}

// notLetIn tells whether the database answers, and does not let this user in or has no such database.
func notLetIn(err error) bool {
	var pg *pgconn.PgError
	var my *mysql.MySQLError
	return errors.As(err, &pg) && slices.Contains([]string{"28000", "28P01", "3D000"}, pg.Code) ||
		errors.As(err, &my) && slices.Contains([]uint16{1044, 1045, 1049, 1698}, my.Number)
}

// duplicate tells whether two processes made a table at the same time, which IF NOT EXISTS lets happen.
func duplicate(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "23505" || e.Code == "42P07" || e.Code == "42710")
}

// jsonTexts is a JSON list of texts.
func jsonTexts(texts []string) []byte {
	out, _ := json.Marshal(texts) // texts always marshal
	return out
}
