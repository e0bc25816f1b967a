package sql

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tandem-sync/tandem/api/adapter"
)

// Of many that write a row at once, with and without the adapter, none loses what another wrote.
func TestRaces(t *testing.T) {
	onEach(t, func(t *testing.T, e engine) {
		b := e.bench(t, "CREATE TABLE t (id int PRIMARY KEY, n int, theirs int)", "  d: {table: t, uid: id, newUid: data}\n")
		b.sql("INSERT INTO t VALUES (1, 0, 0)")
		const hands, each = 6, 15
		var wg sync.WaitGroup
		for hand := range hands {
			wg.Go(func() {
				for i := 0; i < each; {
					now, err := b.Read(t.Context(), adapter.ReadRequest{Dataset: "d", UID: "1"})
					if err != nil {
						t.Error(err)
						return
					}
					var n, theirs int
					_, _ = fmt.Sscanf(string(now), `{"id":1,"n":%d,"theirs":%d}`, &n, &theirs)
					next := fmt.Sprintf(`{"id":1,"n":%d,"theirs":%d}`, n+1, theirs)
					switch err := b.update("1", next, string(now), fmt.Sprint(hand, "-", i, "-", n, "-", theirs)); {
					case err == nil:
						i++
					case !errors.Is(err, adapter.ErrConflict) && status.Code(err) != codes.Unavailable:
						t.Error(err)
						return
					}
				}
			})
		}
		wg.Go(func() {
			for range each {
				b.sql("UPDATE t SET theirs = theirs + 1")
			}
		})
		wg.Wait()
		if got := b.read("1"); got != fmt.Sprintf(`{"id":1,"n":%d,"theirs":%d}`, hands*each, each) {
			t.Error("updates were lost:", got)
		}
	})
}

// Somebody else's write that has not been committed yet is waited for, and then seen.
func TestWaitsForOthers(t *testing.T) {
	onEach(t, func(t *testing.T, e engine) {
		b := e.bench(t, "CREATE TABLE t (id int PRIMARY KEY, n int)", "  d: {table: t, uid: id, newUid: data}\n")
		b.sql("INSERT INTO t VALUES (1, 0)")
		tx, err := b.db.Begin()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec("UPDATE t SET n = 5"); err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		req := adapter.UpdateRequest{Dataset: "d", UID: "1", Data: []byte(`{"id":1,"n":1}`), Expected: []byte(`{"id":1,"n":0}`), Key: "k"}
		if err := b.Update(short, req); status.Code(err) != codes.Unavailable {
			t.Error("while another holds the row:", err)
		}
		result := make(chan error, 1)
		go func() { result <- b.Update(t.Context(), req) }()
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		if err := <-result; !errors.Is(err, adapter.ErrConflict) {
			t.Error("after his commit:", err)
		}
		if got := b.read("1"); got != `{"id":1,"n":5}` {
			t.Error(got)
		}
	})
}

// Rows of others with all kinds of keys are found, changed and removed by the uid that the list shows.
func TestUIDs(t *testing.T) {
	onEach(t, func(t *testing.T, e engine) {
		b := e.bench(t, `CREATE TABLE c (a varchar(20), b int, n int, PRIMARY KEY (a, b));
CREATE TABLE s (a varchar(20) PRIMARY KEY, n int)`, "  d: {table: c, uid: [a, b]}\n")
		alone := b.open("  d: {table: s, uid: a}\n")
		keys := []string{"", "x", "a,b", `\`, `\,`, `\0`, ",", "日本", "' OR '1'='1", "X y", `"`}
		for i, k := range keys {
			insert := "INSERT INTO c VALUES ($1, $2, 0)"
			if !e.postgres {
				insert = "INSERT INTO c VALUES (?, ?, 0)"
			}
			b.sql(insert, k, i)
			b.sql(strings.NewReplacer("INTO c", "INTO s", ", $2", "", ", ?", "").Replace(insert), k)
		}
		for name, s := range map[string]Service{"two columns": b.Service, "one column": alone} {
			own := *b
			own.Service = s
			list := own.list("{}")
			if len(list) != len(keys) {
				t.Errorf("%s: %d of %d listed: %v", name, len(list), len(keys), list)
			}
			for uid, data := range list {
				if own.read(uid) != data {
					t.Errorf("%s: %q reads %s", name, uid, own.read(uid))
				}
				if got := own.list(`{"_id":` + string(quoted(uid)) + `}`); len(got) != 1 {
					t.Errorf("%s: _id %q selects %v", name, uid, got)
				}
				if err := own.update(uid, strings.Replace(data, `"n":0`, `"n":1`, 1), data, "u"+uid); err != nil {
					t.Errorf("%s: update %q: %v", name, uid, err)
				}
				if err := own.update(uid, `{"a":"other","b":1,"n":1}`, "", "m"+uid); status.Code(err) != codes.InvalidArgument {
					t.Errorf("%s: a uid was changed: %v", name, err)
				}
				if err := own.remove(uid, "", "d"+uid); err != nil {
					t.Errorf("%s: delete %q: %v", name, uid, err)
				}
			}
		}
		if uid := b.create(`{"a":"p,q","b":7,"n":1}`, "new"); uid != `p\,q,7` || b.create(`{"a":"p,q","b":7,"n":1}`, "new") != uid {
			t.Error("the new record is", uid)
		}
		if _, err := b.tryCreate(`{"a":"p"}`, "half"); status.Code(err) != codes.InvalidArgument {
			t.Error("a record without all of its uid:", err)
		}
	})
}

// Only what a device changed is written: what others write to other columns, and what it never sees, stays.
func TestColumnsThatAreHidden(t *testing.T) {
	onEach(t, func(t *testing.T, e engine) {
		b := e.bench(t, "CREATE TABLE t (id int PRIMARY KEY, Title varchar(20), secret int DEFAULT 7, made varchar(20) NOT NULL DEFAULT 'db')",
			"  d: {table: t, uid: id, columns: {"+map[bool]string{true: "title", false: "Title"}[e.postgres]+": the title, made: made, id: id}}\n")
		uid := b.create(`{"the title":"a","id":3}`, "1")
		if got := b.read(uid); !equal([]byte(got), []byte(`{"id":3,"the title":"a","made":"db"}`)) {
			t.Error(got)
		}
		b.sql("UPDATE t SET secret = 8")
		if err := b.update(uid, `{"id":3,"the title":null}`, b.read(uid), "2"); err != nil {
			t.Error(err)
		}
		if got := b.value("SELECT concat(secret, made, coalesce(title, 'none')) FROM t"); got != "8dbnone" {
			t.Error(got)
		}
		if _, err := b.tryCreate(`{"id":4,"secret":1}`, "3"); status.Code(err) != codes.InvalidArgument {
			t.Error("a hidden column was written:", err)
		}
	})
}

// What the database's rules forbid is refused, with the rule's name, and its key is not used up.
func TestRules(t *testing.T) {
	onEach(t, func(t *testing.T, e engine) {
		b := e.bench(t, `CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE t (id int PRIMARY KEY, email varchar(20), parent int, age int, must int NOT NULL,
	CONSTRAINT the_email UNIQUE (email), CONSTRAINT the_parent FOREIGN KEY (parent) REFERENCES parent (id), CONSTRAINT the_age CHECK (age > 0));
CREATE TABLE child (t int, CONSTRAINT the_child FOREIGN KEY (t) REFERENCES t (id))`, "  d: {table: t, uid: id, newUid: data}\n")
		b.create(`{"id":1,"email":"a","must":1}`, "1")
		for data, name := range map[string]string{
			`{"id":2,"email":"a","must":1}`: "the_email", `{"id":2,"parent":5,"must":1}`: "the_parent", `{"id":2,"age":0,"must":1}`: "the_age",
			`{"id":2}`: "must", `{"id":1,"must":1}`: "",
		} {
			_, err := b.tryCreate(data, data)
			if status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v", data, err)
			}
		}
		b.sql("INSERT INTO child VALUES (1)")
		if err := b.remove("1", "", "x"); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), "the_child") {
			t.Error("delete:", err)
		}
		b.sql("DELETE FROM child")
		if err := b.remove("1", "", "x"); err != nil {
			t.Error("the same delete, once it can be:", err)
		}
		if b.create(`{"id":2,"email":"a","must":1}`, `{"id":2,"email":"a","must":1}`) != "2" {
			t.Error("the same create, once it can be")
		}
	})
}

// A record that is marked as deleted is none, and stays in the table.
func TestDeletedColumn(t *testing.T) {
	onEach(t, func(t *testing.T, e engine) {
		for _, typ := range []string{"boolean", "timestamp NULL"} {
			b := e.bench(t, "CREATE TABLE t (id int PRIMARY KEY, n int, gone "+typ+")", "  d: {table: t, uid: id, newUid: data, deletedColumn: gone}\n")
			uid := b.create(`{"id":1,"n":1}`, "1")
			if err := b.remove(uid, `{"id":1,"n":1}`, "2"); err != nil {
				t.Error(err)
			}
			if _, err := b.Read(t.Context(), adapter.ReadRequest{Dataset: "d", UID: uid}); !errors.Is(err, adapter.ErrNotFound) || len(b.list("{}")) != 0 {
				t.Error("it is still there:", err)
			}
			if err := b.update(uid, `{"id":1,"n":2}`, "", "3"); !errors.Is(err, adapter.ErrNotFound) {
				t.Error("update:", err)
			}
			if b.value("SELECT count(*) FROM t WHERE gone IS NOT NULL") != "1" {
				t.Error("the row is gone")
			}
		}
	})
}

// A query is read as it is; with a table, its columns of that table can be written.
func TestQuery(t *testing.T) {
	onEach(t, func(t *testing.T, e engine) {
		const ddl = `CREATE TABLE customer (id int PRIMARY KEY, name varchar(20));
CREATE TABLE t (id int PRIMARY KEY, n int, customer int);
INSERT INTO customer VALUES (1, 'Ada');
INSERT INTO t VALUES (1, 5, 1)`
		const query = "query: SELECT t.id, t.n, c.name AS customer_name FROM t JOIN customer c ON c.id = t.customer -- all"
		b := e.bench(t, ddl, "  d:\n    "+query+"\n    table: t\n    uid: id\n    newUid: data\n")
		const is = `{"id":1,"n":5,"customer_name":"Ada"}`
		if got := b.list(`{"customer_name":"Ada","n":{"$gt":4}}`); got["1"] != is {
			t.Error(got)
		}
		if err := b.update("1", `{"id":1,"n":6,"customer_name":"Ada"}`, is, "1"); err != nil {
			t.Error(err)
		}
		if err := b.update("1", `{"id":1,"n":6,"customer_name":"Eve"}`, "", "2"); status.Code(err) != codes.InvalidArgument {
			t.Error("what is not the table's was written:", err)
		}
		if got := b.value("SELECT n FROM t"); got != "6" {
			t.Error(got)
		}
		misled := *b
		misled.Service = b.open("  d: {table: t, uid: id, newUid: data, query: 'SELECT id, n + 1 AS n FROM t'}\n")
		if err := misled.update("1", `{"id":1,"n":9}`, `{"id":1,"n":7}`, "4"); status.Code(err) != codes.InvalidArgument || b.value("SELECT n FROM t") != "6" {
			t.Error("what only has the name of a column was written to it:", err)
		}
		b.Service = b.open("  d:\n    " + query + "\n    uid: id\n")
		if got := b.read("1"); !strings.Contains(got, `"n":6`) {
			t.Error(got)
		}
		if err := b.remove("1", "", "3"); status.Code(err) != codes.InvalidArgument {
			t.Error("a query was written to:", err)
		}
	})
}
