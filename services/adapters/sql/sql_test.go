package sql

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/adaptertest"
	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
	"github.com/tandem-sync/tandem/services/internal/backend"
	"github.com/tandem-sync/tandem/services/test/sqltest"
)

// engine is a kind of server to test on.
type engine struct {
	name     string
	database func(testing.TB) string
	postgres bool
}

func engines() []engine {
	return []engine{{"postgres", sqltest.Postgres, true}, {"mariadb", sqltest.MariaDB, false}}
}

// onEach runs a test on each engine.
func onEach(t *testing.T, test func(t *testing.T, e engine)) {
	t.Helper()
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) { test(t, e) })
	}
}

// bench is an adapter with a database that another application uses too.
type bench struct {
	*testing.T
	Service
	e   engine
	url string
	db  *sql.DB
}

// bench makes tables and opens the adapter with these datasets (YAML, indented by two).
func (e engine) bench(t *testing.T, ddl, datasets string) *bench {
	t.Helper()
	b := &bench{T: t, e: e, url: e.database(t)}
	b.db = sqltest.Open(t, b.url)
	b.sql(ddl)
	b.Service = b.open(datasets)
	return b
}

func (b *bench) open(datasets string) Service {
	b.Helper()
	s, err := b.tryOpen("url: " + b.url + "\ndatasets:\n" + datasets)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	return s
}

func (b *bench) tryOpen(config string) (Service, error) {
	b.Helper()
	c, err := ReadConfig(b.file(config))
	if err != nil {
		return nil, err
	}
	return Open(b.Context(), c, slog.New(slog.DiscardHandler))
}

// file writes a file of the name sql.yaml.
func (b *bench) file(text string) (path string) {
	b.Helper()
	path = filepath.Join(b.TempDir(), "sql.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}

// sql runs statements that are separated by a line with a semicolon at its end.
func (b *bench) sql(statements string, args ...any) {
	b.Helper()
	for _, s := range strings.Split(statements, ";\n") {
		if strings.TrimSpace(s) == "" {
			continue
		}
		if _, err := b.db.ExecContext(context.WithoutCancel(b.Context()), s, args...); err != nil {
			b.Fatalf("%s: %v", s, err)
		}
	}
}

// value reads one value as the other application sees it.
func (b *bench) value(query string, args ...any) string {
	b.Helper()
	var v sql.NullString
	if err := b.db.QueryRowContext(b.Context(), query, args...).Scan(&v); err != nil {
		b.Fatalf("%s: %v", query, err)
	}
	if !v.Valid {
		return "NULL"
	}
	return v.String
}

func (b *bench) tryCreate(data, key string) (string, error) {
	return b.Create(b.Context(), adapter.CreateRequest{Dataset: "d", Data: json.RawMessage(data), Key: key})
}

func (b *bench) create(data, key string) string {
	b.Helper()
	uid, err := b.tryCreate(data, key)
	if err != nil {
		b.Fatalf("create %s: %v", data, err)
	}
	return uid
}

func (b *bench) read(uid string) string {
	b.Helper()
	data, err := b.Read(b.Context(), adapter.ReadRequest{Dataset: "d", UID: uid})
	if err != nil {
		b.Fatalf("read %s: %v", uid, err)
	}
	return string(data)
}

func (b *bench) update(uid, data, expected, key string) error {
	req := adapter.UpdateRequest{Dataset: "d", UID: uid, Data: json.RawMessage(data), Key: key}
	if expected != "" {
		req.Expected = json.RawMessage(expected)
	}
	return b.Update(b.Context(), req)
}

func (b *bench) remove(uid, expected, key string) error {
	req := adapter.DeleteRequest{Dataset: "d", UID: uid, Key: key}
	if expected != "" {
		req.Expected = json.RawMessage(expected)
	}
	return b.Delete(b.Context(), req)
}

func (b *bench) tryList(query string) (map[string]string, error) {
	list := map[string]string{}
	err := b.List(b.Context(), adapter.ListRequest{Dataset: "d", QueryParams: json.RawMessage(query)}, func(r adapter.Record) error {
		list[r.UID] = string(r.Data)
		return nil
	})
	return list, err
}

func (b *bench) list(query string) map[string]string {
	b.Helper()
	list, err := b.tryList(query)
	if err != nil {
		b.Fatalf("list %s: %v", query, err)
	}
	return list
}

const crowd = 140 // datasets that the suite may take

// conformance runs the suite on tables that ddl makes, one for each %d.
func conformance(t *testing.T, e engine, ddl, dataset string) {
	var tables, datasets strings.Builder
	names := make(chan string, crowd)
	for i := range crowd {
		fmt.Fprintf(&tables, ddl, i)
		fmt.Fprintf(&datasets, "  d%d: "+dataset+"\n", i, i)
		names <- fmt.Sprintf("d%d", i)
	}
	b := e.bench(t, tables.String(), datasets.String())
	cc, stop := backend.InProcess(b.Service)
	defer stop()
	adaptertest.Exercise(t, adapterv1.NewAdapterServiceClient(cc), adaptertest.Options{
		Dataset: func(*testing.T) string { return <-names },
	})
}

// The uid is a number that the database makes, two fields have columns, and the rest is in a third.
func TestConformance(t *testing.T) {
	onEach(t, func(t *testing.T, e engine) {
		ddl := "CREATE TABLE t%d (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n numeric, kind text, rest text);\n"
		if !e.postgres {
			ddl = "CREATE TABLE t%d (id bigint AUTO_INCREMENT PRIMARY KEY, n numeric(20,5), kind text, rest longtext) CHARSET utf8mb4;\n"
		}
		conformance(t, e, ddl, "{table: t%d, uid: id, rest: rest, nulls: omit}")
	})
}

// The uid is made of the key, deletes mark the row, changes are listed and, in PostgreSQL, told of.
func TestConformanceWithChanges(t *testing.T) {
	onEach(t, func(t *testing.T, e engine) {
		ddl := `CREATE TABLE t%[1]d (id uuid PRIMARY KEY, n int, kind text, rest json, changed xid8, gone boolean NOT NULL DEFAULT false);
CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON t%[1]d FOR EACH STATEMENT EXECUTE FUNCTION tell();
`
		dataset := "{table: t%d, uid: id, rest: rest, nulls: omit, deletedColumn: gone, changeColumn: changed"
		if e.postgres {
			e.database = func(tb testing.TB) string {
				u := sqltest.Postgres(tb)
				if _, err := sqltest.Open(tb, u).Exec(`CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN NOTIFY something; RETURN NULL; END $$`); err != nil {
					tb.Fatal(err)
				}
				return u
			}
			dataset += ", notify: something"
		} else {
			ddl = `CREATE TABLE t%[1]d (id varchar(40) PRIMARY KEY, n int, kind varchar(50), rest longtext, changed datetime(6), gone datetime) CHARSET utf8mb4;
`
		}
		conformance(t, e, ddl, dataset+"}")
	})
}
