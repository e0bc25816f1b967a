package sql

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/adapters/internal/filter"
)

// attacks are texts that mean something to one language or other.
func attacks() []string {
	return []string{
		"'; DROP TABLE t; --", `"; DROP TABLE t; --`, "`; DROP TABLE t; --", `\'; DROP TABLE t; #`, "1 OR 1=1", "' OR ''='", "/* */", "$1", "?", "%s", "%", "_",
		"${jndi:ldap://x}", "{{7*7}}", "$$", "E'\\x'", "\\", `\0`, "NULL", "DEFAULT", "1;SELECT pg_sleep(10)", "x' AND SLEEP(10) -- ", "0x31", "\x00", "a\x00b", "\ufeff",
		"\u202e", strings.Repeat("x", 100_000), "日本", "\U0001F600", "__proto__", "-- \n", "CAST(1 AS int)", "(SELECT 1)", "'::regclass", ":name", "@@version",
	}
}

// As values attacks are data, as names they are refused, as uids they name nothing; nothing is executed.
func TestAttacks(t *testing.T) {
	onEach(t, func(t *testing.T, e engine) {
		b := e.bench(t, "CREATE TABLE t (id int PRIMARY KEY, s text, secret int)", "  d: {table: t, uid: id, leaveOut: [secret], filter: [id, s]}\n")
		if !e.postgres {
			b.sql("ALTER TABLE t MODIFY s longtext CHARACTER SET utf8mb4")
		}
		b.sql("INSERT INTO t VALUES (0, 'the other', 42)")
		for i, a := range attacks() {
			text, err := json.Marshal(a)
			if err != nil {
				t.Fatal(err)
			}
			data := fmt.Sprintf(`{"id":%d,"s":%s}`, i+1, text)
			uid, err := b.tryCreate(data, a)
			switch {
			case err == nil && !equal([]byte(b.read(uid)), []byte(data)):
				t.Errorf("%.60q came back as %.100s", a, b.read(uid))
			case err != nil && (status.Code(err) != codes.InvalidArgument || !strings.ContainsRune(a, 0)):
				t.Errorf("create with %.60q: %v", a, err)
			}
			if err == nil {
				if got := b.list(`{"s":` + string(text) + `}`); len(got) != 1 || got[uid] == "" {
					t.Errorf("s = %.60q selects %d records", a, len(got))
				}
				if err := b.remove(uid, data, "r"+a); err != nil {
					t.Errorf("remove %.60q: %v", a, err)
				}
			}
			if _, err := b.tryCreate(fmt.Sprintf(`{"id":%d,%s:1}`, i+1, text), "name"+a); status.Code(err) != codes.InvalidArgument {
				t.Errorf("a field %.60q: %v", a, err)
			}
			for _, query := range []string{
				`{%s:1}`, `{%s:{"$gt":""}}`, `{"s":{%s:1}}`, `{"$or":[{%s:1}]}`, `{"$and":[{"s":{"$in":[%s]}}]}`, `{"_id":%s}`, `{"_id":{"$in":[%s]}}`,
				`{"id":%s}`, `{"id":{"$gt":%s}}`, `{"id":{"$in":[%s,null]}}`,
			} {
				list, err := b.tryList(fmt.Sprintf(query, text))
				if err != nil && status.Code(err) != codes.InvalidArgument || len(list) > 0 {
					t.Errorf(query+" selects %d records, %v", clipped(a), len(list), err)
				}
			}
			b.missing(a)
		}
		if got := b.value("SELECT concat(count(*), sum(secret)) FROM t"); got != "142" {
			t.Error("the table has become", got)
		}
	})
}

// missing checks that there is no record with this uid.
func (b *bench) missing(uid string) {
	b.Helper()
	_, err := b.Read(b.Context(), adapter.ReadRequest{Dataset: "d", UID: uid})
	for _, err := range []error{err, b.update(uid, `{"id":0,"s":"x"}`, "", "u"+uid), b.remove(uid, "", "d"+uid)} {
		if err == nil || status.Code(err) != codes.NotFound && err.Error() != adapter.ErrNotFound.Error() {
			b.Errorf("uid %.60q: %v", uid, err)
		}
	}
	if _, err := b.RemoveCollision(b.Context(), adapter.RemoveCollisionRequest{Dataset: "d", Hash: uid}); err != nil {
		b.Errorf("collision %.60q: %v", uid, err)
	}
}

func clipped(s string) string { return s[:min(len(s), 60)] }

// The database only helps: what it selects is what package filter would have selected of everything.
func TestFilters(t *testing.T) {
	onEach(t, func(t *testing.T, e engine) {
		ddl := `CREATE TABLE t (id int PRIMARY KEY, s text, n numeric(20,6), i bigint, ok boolean, d date, ts timestamptz, j json)`
		if !e.postgres {
			ddl = `CREATE TABLE t (id int PRIMARY KEY, s text, n decimal(20,6), i bigint, ok boolean, d date, ts timestamp(6) NULL, j json)`
		}
		b := e.bench(t, ddl, "  d: {table: t, uid: id}\n")
		i := 0
		values := map[string][]string{
			"s": {`"a"`, `"A"`, `"a "`, `"é"`, `"e"`, `""`, "null"}, "n": {"0", "1.5", "-2", "0.1", "null"},
			"i":  {"0", "9007199254740992", `"9007199254740993"`, "-1", "null"},
			"ok": {"true", "false", "null"}, "d": {`"2024-01-01"`, `"2024-12-31"`, "null"},
			"ts": {`"2024-01-01T00:00:00Z"`, `"2024-01-01T00:00:00.5Z"`, `"2024-01-01T00:00:01Z"`, "null"}, "j": {`{"a":1}`, `[1,2]`, `"a"`, "null"},
		}
		for field, list := range values {
			for _, v := range list {
				i++
				b.create(fmt.Sprintf(`{"id":%d,"%s":%s}`, i, field, v), fmt.Sprint(i))
			}
		}
		all := b.list("{}")
		operands := []string{"1", "0.1", "1.5", "-2", "1e300", "9007199254740993", `"9007199254740993"`, `"0"`, `"b"`, `{"b":1}`, `"infinity"`, `"now"`, `"2024-01-01T01:00:00+01:00"`}
		for _, list := range values {
			operands = append(operands, list...)
		}
		for field := range values {
			for _, v := range operands {
				for _, form := range []string{`%s`, `{"$eq":%s}`, `{"$ne":%s}`, `{"$in":[%s,"a",1]}`, `{"$in":[]}`, `{"$nin":[%s]}`, `{"$gt":%s}`, `{"$gte":%s}`, `{"$lt":%s}`, `{"$lte":%s}`, `{"$not":{"$gt":%s}}`} {
					condition := form
					if strings.Contains(form, "%s") {
						condition = fmt.Sprintf(form, v)
					}
					for _, query := range []string{`{"` + field + `":` + condition + `}`, `{"$and":[{"` + field + `":` + condition + `}]}`, `{"$nor":[{"` + field + `":` + condition + `}]}`} {
						f, err := filter.Parse([]byte(query))
						if err != nil {
							continue
						}
						got := b.list(query)
						for uid, data := range all {
							if _, listed := got[uid]; listed != f.Match(uid, []byte(data)) {
								t.Errorf("%s: record %s is listed: %v", query, data, listed)
							}
						}
					}
				}
			}
		}
	})
}
