package sql

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/test/sqltest"
)

// What is wrong with the file is said with its line, all at once.
func TestConfig(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "x.yaml: it is empty",
		"url: a\nnobody: 1\n":                 "x.yaml:2: unknown setting nobody",
		"datasets:\n  d:\n    tabel: t\n":     "x.yaml:3: unknown setting tabel",
		"url: a\nurl: b\n":                    "already defined",
		"url: [\n":                            "x.yaml:",
		"url: a\n---\nurl: b\n":               "expected one YAML document",
		"maxConnections: many\n":              "x.yaml:1: `many` is not what is expected",
		"url: postgres://x\nurlEnv: X\n":      "x.yaml:1: url: expected one of",
		"url: postgres://x\n":                 "datasets: expected at least one",
		"url: a\ndatasets:\n  d: {uid: id}\n": "x.yaml:3: datasets.d.table: expected table or query",
		"url: a\ndatasets:\n  d:\n    table: a.b.c\n    uid: id\n":                           "x.yaml:4: datasets.d.table: \"a.b.c\" is no table",
		"url: a\ndatasets:\n  d:\n    table: t\n":                                            "datasets.d.uid: expected a column",
		"url: a\ndatasets:\n  d:\n    table: t\n    uid: id\n    newUid: x\n":                "x.yaml:6: datasets.d.newUid",
		"url: a\ndatasets:\n  d:\n    table: t\n    uid: id\n    nulls: x\n":                 "x.yaml:6: datasets.d.nulls",
		"url: a\ndatasets:\n  d:\n    table: t\n    uid: id\n    columns: {a: x, b: x}\n":    "columns a and b are both field x",
		"url: a\ndatasets:\n  d:\n    table: t\n    uid: id\n    changeOverlap: long\n":      "neither a duration",
		"url: a\ndatasets:\n  system.x:\n    table: t\n    uid: id\n":                        "x.yaml:3: datasets.system.x",
		"url: a\nkeysTable: a.b.c\ndatasets:\n  d: {table: t, uid: id}\n":                    "x.yaml:2: keysTable",
		"url: a\npasswordFile: a\npasswordEnv: b\ndatasets:\n  d: {table: t, uid: id}\n":     "x.yaml:3: passwordEnv",
		"url: a\ndatasets:\n  d: {table: t, uid: id, columns: {a: a}, leaveOut: [b]}\n":      "datasets.d.leaveOut",
		"url: a\ndatasets:\n  d: {table: t, uid: id, changeColumn: c, deletedColumn: c}\n":   "datasets.d.deletedColumn",
		"url: a\nmaxConnections: -1\ndatasets:\n  d: {table: t, uid: {a: b}, nulls: omit}\n": "x.yaml:4",
	} {
		if _, err := parseConfig("x.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// What the database does not have is said at the start, with the line, and is not waited for.
func TestCatalog(t *testing.T) {
	onEach(t, func(t *testing.T, e engine) {
		b := e.bench(t, "CREATE TABLE t (id int PRIMARY KEY, n int, s text, f double precision NOT NULL UNIQUE)", "  d: {table: t, uid: id}\n")
		for dataset, want := range map[string]string{
			"table: nothing, uid: id":                          "datasets.d.table: the database has no table nothing",
			"table: nowhere.t, uid: id":                        "no table nowhere.t",
			`table: "t; DROP TABLE t", uid: id`:                "no table t; DROP TABLE t",
			"table: t, uid: nobody":                            "datasets.d.uid: there is no column nobody",
			"table: t, uid: n":                                 "no primary key or unique index on just [n]",
			"table: t, uid: f":                                 "no exact equality",
			"table: t, uid: id, columns: {nobody: x}":          "datasets.d.columns: there is no column nobody",
			"table: t, uid: id, leaveOut: [nobody]":            "datasets.d.leaveOut",
			"table: t, uid: id, rest: n":                       "neither JSON nor a text",
			"table: t, uid: id, json: [n]":                     "no text",
			"table: t, uid: id, bool: [s]":                     "no TINYINT",
			"table: t, uid: id, deletedColumn: n":              "neither a boolean nor a time",
			"table: t, uid: id, changeColumn: s":               "neither a time nor a number",
			"table: t, uid: id, filter: [nobody]":              "there is no field nobody",
			"table: t, uid: id, newUid: key":                   "neither a uuid nor a text",
			"table: t, uid: id, newUid: generated":             "not one that the database makes",
			"table: t, uid: id, newUid: data, columns: {n: n}": "not among the record's fields",
			"query: SELECT 1 AS one FROM nothing, uid: one":    "datasets.d.query: the database does not take it",
			"query: SELECT id FROM t; DROP TABLE t, uid: id":   "datasets.d.query",
			"query: 'SELECT 1 AS a, 2 AS a', uid: a":           "datasets.d.query",
			"query: SELECT n FROM t, uid: id":                  "there is no column id",
			"query: SELECT n AS x FROM t, table: t, uid: x":    "has no column x",
		} {
			_, err := b.tryOpen("url: " + b.url + "\ndatasets:\n  d: {" + dataset + "}\n")
			if !errors.Is(err, ErrWrong) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "sql.yaml:3") {
				t.Errorf("%s: %v, want %s", dataset, err, want)
			}
		}
		if n := b.value("SELECT count(*) FROM t"); n != "0" {
			t.Error(n)
		}
		for config, want := range map[string]string{
			"url: http://x\n": "postgres:// or mysql://", "urlFile: nothing\n": "no such file", "urlEnv: TANDEM_NOBODY\n": "is not set",
			"url: " + b.url + "\nkeysTable: keys2\ncreateTables: false\n":                                 "CREATE TABLE IF NOT EXISTS",
			"url: " + strings.Replace(b.url, "/t", "/nobodyhasthis", 1) + "\npasswordFile: " + b.secret(): "",
		} {
			_, err := b.tryOpen(config + "\ndatasets:\n  d: {table: t, uid: id}\n")
			if !errors.Is(err, ErrWrong) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "geheim") {
				t.Errorf("%s: %v", config, err)
			}
		}
	})
}

func (b *bench) secret() string { return b.file("geheim\n") }

// A database that goes away is "not now", and one that comes is waited for.
func TestAway(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *sqltest.Server{"postgres": sqltest.StartPostgres, "mariadb": sqltest.StartMariaDB} {
		t.Run(name, func(t *testing.T) {
			server := start(t)
			e := engine{name: name, postgres: name == "postgres", database: func(testing.TB) string { return server.URL() }}
			if !e.postgres {
				e.database = func(testing.TB) string { return server.URL() + "app" }
				if _, err := sqltest.Open(t, server.URL()).Exec("CREATE DATABASE app"); err != nil {
					t.Fatal(err)
				}
			}
			b := e.bench(t, "CREATE TABLE t (id int PRIMARY KEY, n int)", "  d: {table: t, uid: id}\n")
			b.create(`{"id":1}`, "1")
			server.Stop()
			_, createErr := b.tryCreate(`{"id":2}`, "2")
			_, readErr := b.Read(t.Context(), adapter.ReadRequest{Dataset: "d", UID: "1"})
			_, listErr := b.tryList("{}")
			_, collisionsErr := b.ListCollisions(t.Context(), adapter.ListCollisionsRequest{Dataset: "d"})
			for _, err := range []error{
				createErr, readErr, listErr, collisionsErr, b.update("1", `{"id":1,"n":1}`, "", "3"), b.remove("1", "", "4"), b.Ping(t.Context()),
				b.HandleCollision(t.Context(), adapter.HandleCollisionRequest{Dataset: "d", UID: "1", Key: "5"}),
			} {
				if status.Code(err) != codes.Unavailable {
					t.Errorf("without a database: %v", err)
				}
			}
			if _, err := b.tryOpen("url: " + b.url + "\ndatasets:\n  d: {table: t, uid: id}\n"); err == nil || errors.Is(err, ErrWrong) {
				t.Error("at the start:", err)
			}
		})
	}
}

// A list ends with its call, in the database too, when its listener has enough, and is one state of the table.
func TestListEnds(t *testing.T) {
	onEach(t, func(t *testing.T, e engine) {
		b := e.bench(t, "CREATE TABLE t (id int PRIMARY KEY, s text)", "  d: {table: t, uid: id}\n")
		for i := range 40 {
			var rows []string
			for k := range 500 {
				rows = append(rows, fmt.Sprintf("(%d, repeat('x', 500))", 500*i+k))
			}
			b.sql("INSERT INTO t VALUES " + strings.Join(rows, ","))
		}
		enough := errors.New("enough")
		n := 0
		err := b.List(t.Context(), adapter.ListRequest{Dataset: "d"}, func(adapter.Record) error {
			if n++; n == 10 {
				return enough
			}
			return nil
		})
		if !errors.Is(err, enough) || n != 10 {
			t.Error(n, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		n = 0
		err = b.List(ctx, adapter.ListRequest{Dataset: "d"}, func(adapter.Record) error {
			n++
			cancel()
			return nil
		})
		if !errors.Is(err, context.Canceled) || n == 20_000 {
			t.Error(n, err)
		}
		n = 0
		if err := b.List(t.Context(), adapter.ListRequest{Dataset: "d"}, func(adapter.Record) error {
			if n++; n == 1 {
				b.sql("DELETE FROM t WHERE id > 5")
			}
			return nil
		}); err != nil || n != 20_000 {
			t.Error("a list that was overtaken by a delete:", n, err)
		}
	})
}

// Keys are forgotten after their time, and then a create that made the uid of its key still finds its record.
func TestForgottenKeys(t *testing.T) {
	onEach(t, func(t *testing.T, e engine) {
		b := e.bench(t, "CREATE TABLE t (id varchar(40) PRIMARY KEY, n int)", "  d: {table: t, uid: id}\n")
		a := b.Service.(*Adapter)
		uid := b.create(`{"n":1}`, "k")
		if n := b.value("SELECT count(*) FROM tandem_keys"); n != "1" {
			t.Error(n)
		}
		a.now = func() time.Time { return time.Now().Add(KeyTTL + 2*pruneEvery) }
		b.create(`{"n":2}`, "other")
		if n := b.value("SELECT count(*) FROM tandem_keys"); n != "1" {
			t.Error("keys that are left:", n)
		}
		if again := b.create(`{"n":1}`, "k"); again != uid || len(b.list("{}")) != 2 {
			t.Error("the create that was forgotten made", again)
		}
	})
}

// A statement that takes too long ends with its call, in the database too.
func TestDeadline(t *testing.T) {
	onEach(t, func(t *testing.T, e engine) {
		query, running := "SELECT id, pg_sleep(60)::text AS s FROM t", "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND datname = current_database() AND query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()"
		if !e.postgres {
			query, running = "SELECT id, SLEEP(60) AS s FROM t", "SELECT count(*) FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND INFO LIKE '%SLEEP(60)%' AND ID <> CONNECTION_ID()"
		}
		b := e.bench(t, "CREATE TABLE t (id int);\nINSERT INTO t VALUES (1), (2)", "  d: {query: '"+query+"', uid: id}\n")
		// Each row sleeps for a minute: what is left of learning the columns is over long
		// before, unless the query was run for that.
		awaitNone(t, b, running, "it was run to learn its columns")
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		err := b.List(ctx, adapter.ListRequest{Dataset: "d"}, func(adapter.Record) error { return nil })
		if status.Code(err) != codes.Unavailable {
			t.Error(err)
		}
		awaitNone(t, b, running, "it is still running in the database")
	})
}

// awaitNone waits until no query runs, for half a minute.
func awaitNone(t *testing.T, b *bench, running, otherwise string) {
	t.Helper()
	tick, deadline := time.NewTicker(20*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for b.value(running) != "0" {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal(otherwise)
		}
	}
}
