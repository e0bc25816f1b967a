package sql

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"pgregory.net/rapid"
)

// A value of a type: as another application writes it (an SQL expression) and as a device sees it.
type typed struct{ typ, sql, json string }

func typeTable(e engine) []typed {
	list := []typed{
		{"smallint", "-32768", "-32768"}, {"bigint", "9007199254740991", "9007199254740991"},
		{"bigint", "9007199254740993", `"9007199254740993"`}, {"bigint", "-9223372036854775808", `"-9223372036854775808"`},
		{"bigint", "9007199254740992", "9007199254740992"}, {"bigint", "1152921504606846976", `"1152921504606846976"`},
		{"numeric(12,2)", "1.50", "1.5"}, {"numeric(30,10)", "12345678901234567890.0000000001", `"12345678901234567890.0000000001"`},
		{"numeric(12,2)", "0.1", "0.1"}, {"numeric(5,0)", "-0", "0"},
		{"double precision", "1e300", "1e+300"}, {"double precision", "0.1", "0.1"}, {"real", "0.1", "0.1"}, {"real", "16777216", "16777216"},
		{"boolean", "true", "true"}, {"boolean", "false", "false"},
		{"text", "'é'", `"é"`}, {"varchar(10)", "' a '", `" a "`}, {"text", "''", `""`}, {"text", `'<>"'`, `"<>\""`},
		{"date", "'2024-02-29'", `"2024-02-29"`}, {"time", "'23:59:59'", `"23:59:59"`},
		{"text", "NULL", "null"}, {"int", "NULL", "null"}, {"date", "NULL", "null"},
	}
	if e.postgres {
		return append(list, []typed{
			{"numeric", "'NaN'", `"NaN"`}, {"numeric", "1e-20", "1e-20"}, {"numeric", "123456789012345678901234567890", `"123456789012345678901234567890"`},
			{"real", "'Infinity'", `"Infinity"`}, {"float8", "'NaN'", `"NaN"`},
			{"timestamptz", "'2024-02-29 12:00:00.123456+02'", `"2024-02-29T10:00:00.123456Z"`}, {"timestamptz", "'2024-02-29 12:00Z'", `"2024-02-29T12:00:00Z"`},
			{"timestamptz", "'infinity'", `"infinity"`}, {"timestamptz", "'0044-03-15 12:00:00+00 BC'", `"0044-03-15 12:00:00+00 BC"`},
			{"timestamp", "'2024-02-29 12:00:00.5'", `"2024-02-29T12:00:00.5"`}, {"date", "'-infinity'", `"-infinity"`},
			{"bytea", `'\x00ff10'`, `"AP8Q"`}, {"bytea", `''`, `""`}, {"uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", `"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"`},
			{"json", `'{"a":[1,1.0,9007199254740993]}'`, `{"a":[1,1.0,9007199254740993]}`}, {"jsonb", `'{"a": null}'`, `{"a":null}`}, {"jsonb", "'null'", "null"}, {"jsonb", `'"x"'`, `"x"`},
			{"int[]", "'{1,2,NULL}'", "[1,2,null]"}, {"text[]", `'{}'`, "[]"}, {"text[]", `'{"a,b","c\"d"}'`, `["a,b","c\"d"]`}, {"int[]", "'{{1,2},{3,4}}'", "[[1,2],[3,4]]"},
			{"timestamptz[]", "'{2024-02-29 12:00Z}'", `["2024-02-29T12:00:00+00:00"]`}, {"numeric[]", "'{0.1}'", "[0.1]"},
			{"bit(3)", "B'101'", `"101"`}, {"varbit", "B'1'", `"1"`}, {"mood", "'sad'", `"sad"`}, {"posint", "5", "5"}, {"char(4)", "'ab'", `"ab"`},
			{"interval", "'1 day'", `"1 day"`}, {"inet", "'10.0.0.1'", `"10.0.0.1/32"`}, {"int4range", "'[1,5)'", `"[1,5)"`}, {"money", "5", `"$5.00"`},
		}...)
	}
	return append(list, []typed{
		{"tinyint(1)", "2", "2"}, {"bigint unsigned", "18446744073709551615", `"18446744073709551615"`}, {"tinyint", "1", "1"}, {"year", "2024", "2024"},
		{"datetime(6)", "'2024-02-29 12:00:00.5'", `"2024-02-29T12:00:00.500000"`}, {"timestamp(3)", "'2024-02-29 12:00:00.123'", `"2024-02-29T12:00:00.123Z"`},
		{"blob", "x'00ff10'", `"AP8Q"`}, {"varbinary(9)", "x''", `""`}, {"json", `'{"a":[1,9007199254740993]}'`, `{"a":[1,9007199254740993]}`},
		{"bit(3)", "b'101'", `"101"`}, {"bit(12)", "b'1'", `"000000000001"`}, {"enum('sad','ok')", "'sad'", `"sad"`}, {"set('a','b')", "'a,b'", `"a,b"`},
		{"uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", `"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"`}, {"time(2)", "'-100:00:00.5'", `"-100:00:00.50"`}, {"char(4)", "'ab'", `"ab"`},
	}...)
}

// Each value is seen as the table says; it is not written when the device changes another field, even if it is
// sent back; and a device that writes what it saw elsewhere writes the very value.
func TestTypes(t *testing.T) {
	onEach(t, func(t *testing.T, e engine) {
		var ddl, columns strings.Builder
		if e.postgres {
			ddl.WriteString("CREATE TYPE mood AS ENUM ('sad', 'ok');\nCREATE DOMAIN posint AS int CHECK (VALUE > 0);\n")
		}
		for i, c := range typeTable(e) {
			null := " NULL"
			fmt.Fprintf(&columns, ", c%d %s%s", i, c.typ, null)
		}
		ddl.WriteString("CREATE TABLE t (id int PRIMARY KEY, other int" + columns.String() + ");\nCREATE TABLE audit (n int);\n")
		b := e.bench(t, ddl.String(), "  d: {table: t, uid: id, leaveOut: []}\n")
		names, values, fields := "", "", ""
		for i, c := range typeTable(e) {
			names += fmt.Sprintf(", c%d", i)
			values += ", " + c.sql
			fields += fmt.Sprintf(`,"c%d":%s`, i, c.json)
		}
		b.sql("INSERT INTO t (id, other" + names + ") VALUES (1, 1" + values + ")")
		want := `{"id":1,"other":1` + fields + `}`
		if got := b.read("1"); !equal([]byte(got), []byte(want)) {
			differ(t, got, want)
		}
		before := b.snapshotOf(1, len(typeTable(e)))
		if err := b.update("1", strings.Replace(want, `"other":1`, `"other":2`, 1), want, "u"); err != nil {
			t.Fatal("an update of another field:", err)
		}
		if after := b.snapshotOf(1, len(typeTable(e))); after != before {
			t.Errorf("untouched columns were changed:\n%s\n%s", before, after)
		}
		// Into a new row, without what can be read only.
		fresh := want
		for i, c := range typeTable(e) {
			if strings.HasPrefix(c.json, "[[") || c.sql == "'null'" {
				fresh = strings.Replace(fresh, fmt.Sprintf(`,"c%d":%s`, i, c.json), "", 1)
				b.sql(fmt.Sprintf("UPDATE t SET c%d = NULL", i))
			}
		}
		b.create(strings.Replace(fresh, `"id":1`, `"id":2`, 1), "c")
		if a, c := b.snapshotOf(1, len(typeTable(e))), b.snapshotOf(2, len(typeTable(e))); a != c {
			t.Errorf("a copy differs:\n%s\n%s", a, c)
		}
	})
}

// snapshotOf is a row in the database's own words.
func (b *bench) snapshotOf(id, columns int) string {
	all := ""
	for i := range columns {
		expr := fmt.Sprintf("c%d::text", i)
		if !b.e.postgres {
			expr = fmt.Sprintf("HEX(c%d)", i)
		}
		all += fmt.Sprintf("c%d=%s ", i, b.value(fmt.Sprintf("SELECT %s FROM t WHERE id = %d", expr, id)))
	}
	return all
}

func differ(t *testing.T, got, want string) {
	t.Helper()
	g, w := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	_, _ = json.Unmarshal([]byte(got), &g), json.Unmarshal([]byte(want), &w)
	for k := range w {
		if !equal(g[k], w[k]) {
			t.Errorf("%s is %s, want %s", k, g[k], w[k])
		}
	}
}

// What does not fit is refused, with the name of the field, and nothing is written.
func TestWrongValues(t *testing.T) {
	onEach(t, func(t *testing.T, e engine) {
		ddl := `CREATE TABLE t (id int PRIMARY KEY, i int, s varchar(3), n numeric(6,2), ok boolean, d date, ts timestamp NULL, f real, b bytea, j jsonb, u uuid, a int[]);`
		if !e.postgres {
			ddl = strings.NewReplacer("real", "float", "bytea", "varbinary(3)", "jsonb", "json", ", a int[]", "").Replace(ddl)
		}
		b := e.bench(t, ddl, "  d: {table: t, uid: id}\n")
		for i, c := range []string{
			`"i":1.5`, `"i":"1"`, `"i":3000000000`, `"i":1e300`, `"i":1e999`, `"i":true`, `"i":{}`, `"i":"9007199254740993"`, `"i":"1); DROP TABLE t; --"`,
			`"s":"abcd"`, `"s":5`, `"s":["a"]`, `"s":"\ud800"`, `"n":1.234`, `"n":99999`, `"n":"1.2"`, `"n":[]`, `"ok":"yes"`, `"ok":"true"`,
			`"d":"now"`, `"d":"today"`, `"d":"2024-02-30"`, `"d":20240101`, `"ts":"now"`, `"ts":"tomorrow"`, `"ts":"2024-01-01"`, `"ts":5`, `"ts":"2024-13-01T00:00:00Z"`,
			`"f":"1"`, `"f":1e60`, `"b":"!!"`, `"b":5`, `"u":"x"`, `"nobody has this":1`, `"id":7`, `"":1`,
		} {
			data := fmt.Sprintf(`{"id":%d,%s}`, i, c)
			if strings.HasPrefix(c, `"id"`) {
				data = `{"id":"x"}`
			}
			if strings.Contains(c, "nobody") || c == `"":1` || c == `"id":7` {
				c = "no column"
			}
			if _, err := b.tryCreate(data, c+fmt.Sprint(i)); status.Code(err) != codes.InvalidArgument {
				t.Errorf("create %s: %v", data, err)
			}
		}
		if n := b.value("SELECT count(*) FROM t"); n != "0" {
			t.Errorf("%s rows were written", n)
		}
		if e.postgres {
			for _, a := range []string{`{}`, `["x"]`, `[[1]]`, `[1.5]`, `"{1}"`} {
				if _, err := b.tryCreate(`{"id":1,"a":`+a+`}`, a); status.Code(err) != codes.InvalidArgument {
					t.Errorf("create %s: %v", a, err)
				}
			}
			if _, err := b.tryCreate(`{"id":1,"s":"\u0000"}`, "nul"); status.Code(err) != codes.InvalidArgument {
				t.Error("NUL:", err)
			}
		}
	})
}

// Whatever texts, numbers and bytes a device sends, it gets them back, and the database has the same.
func TestAnyValue(t *testing.T) {
	onEach(t, func(t *testing.T, e engine) {
		ddl := `CREATE TABLE t (id varchar(40) PRIMARY KEY, s text, n numeric, f float8, i bigint, b boolean, j json)`
		if !e.postgres {
			ddl = `CREATE TABLE t (id varchar(40) PRIMARY KEY, s longtext, n decimal(65,30), f double, i bigint, b boolean, j longtext) CHARSET utf8mb4`
		}
		b := e.bench(t, ddl, "  d: {table: t, uid: id, json: [j]}\n")
		k := 0
		rapid.Check(t, func(rt *rapid.T) {
			record := map[string]any{
				"s": strings.ReplaceAll(rapid.String().Draw(rt, "s"), "\x00", ""),
				"n": float64(rapid.Int64Range(-1<<53, 1<<53).Draw(rt, "n")) / 1024,
				"f": rapid.Float64().Draw(rt, "f"),
				"i": rapid.Int64Range(-1<<53, 1<<53).Draw(rt, "i"),
				"b": rapid.Bool().Draw(rt, "b"),
				"j": rapid.SliceOf(rapid.StringN(0, 5, -1)).Draw(rt, "j"),
			}
			data, err := json.Marshal(record)
			if err != nil {
				rt.Fatal(err)
			}
			k++
			uid, err := b.tryCreate(string(data), fmt.Sprint("k", k))
			if err != nil {
				rt.Fatalf("create %s: %v", data, err)
			}
			if got := b.read(uid); !equal([]byte(got), data) {
				rt.Fatalf("%s came back as %s", data, got)
			}
			if got := b.value("SELECT s FROM t WHERE id = '" + uid + "'"); got != record["s"] {
				rt.Fatalf("the database has %q for %q", got, record["s"])
			}
			// Found by its own values, however the database is asked for them.
			query, _ := json.Marshal(map[string]any{"_id": uid, "s": record["s"], "n": record["n"], "f": map[string]any{"$gte": record["f"]}, "i": map[string]any{"$in": []any{record["i"]}}, "b": record["b"]})
			if list, err := b.tryList(string(query)); err != nil || len(list) != 1 {
				rt.Fatalf("%s selects %d records, %v", query, len(list), err)
			}
		})
	})
}
