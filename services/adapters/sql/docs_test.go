package sql

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// What the documentation shows works as it stands there.
func TestDocumentation(t *testing.T) {
	page, err := os.ReadFile("../../../docs/14-adapter-sql.md")
	if err != nil {
		t.Fatal(err)
	}
	var yamls, sqls []string
	for _, block := range regexp.MustCompile("(?s)```(yaml|sql)\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		if block[1] == "yaml" {
			yamls = append(yamls, block[2])
		} else {
			sqls = append(sqls, block[2])
		}
	}
	if len(yamls) != 2 || len(sqls) != 3 {
		t.Fatalf("%d blocks of YAML and %d of SQL", len(yamls), len(sqls))
	}
	own, ownMySQL, _ := strings.Cut(sqls[2], "-- MySQL")
	_, ownMySQL, _ = strings.Cut(ownMySQL, "\n")
	before := map[string]string{
		"postgres": "CREATE SCHEMA sales;\nCREATE TABLE sales.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text, due_at date, attributes jsonb, deleted_at timestamptz);\n",
		"mariadb":  "CREATE TABLE orders (id bigint AUTO_INCREMENT PRIMARY KEY, title text, created_at timestamp DEFAULT now(), deleted boolean);\n",
	}
	onEach(t, func(t *testing.T, e engine) {
		config, ddl, tables := yamls[0], sqls[0], own
		if !e.postgres {
			config, ddl, tables = yamls[1], sqls[1], ownMySQL
		}
		// Functions have ends of lines within.
		ddl = regexp.MustCompile(`(?s)\$\$.*?\$\$`).ReplaceAllStringFunc(ddl, func(body string) string { return strings.ReplaceAll(body, "\n", " ") })
		b := e.bench(t, before[e.name], "  d: {query: SELECT 1 AS one, uid: one}\n")
		b.sql("DROP TABLE tandem_keys;\nDROP TABLE tandem_collisions")
		b.sql(ddl)
		b.sql(tables)
		config = regexp.MustCompile(`(?m)^url: .*\npassword.*$`).ReplaceAllString(config, "url: "+b.url+"\ncreateTables: false")
		s, err := b.tryOpen(strings.Replace(config, "  orders:", "  d:", 1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		b.Service = s
		l := b.listener()
		uid := b.create(`{"title":"a"}`, "k")
		l.want("{}", "+"+uid)
		b.sql(map[bool]string{true: "UPDATE sales.orders SET title = 'b'", false: "UPDATE orders SET title = 'b'"}[e.postgres])
		l.want("{}", "+"+uid)
		if err := b.remove(uid, "", "r"); err != nil {
			t.Error(err)
		}
		l.want("{}", "-"+uid)
	})
}
