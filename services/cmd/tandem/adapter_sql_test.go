package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/tandem-sync/tandem/services/test/sqltest"
)

func TestAdapterSQL(t *testing.T) {
	for name, get := range map[string]func(testing.TB) string{"postgres": sqltest.Postgres, "mariadb": sqltest.MariaDB} {
		t.Run(name, func(t *testing.T) {
			u := get(t)
			db := sqltest.Open(t, u)
			if _, err := db.Exec("CREATE TABLE shopping (id int PRIMARY KEY, item varchar(20))"); err != nil {
				t.Fatal(err)
			}
			dir := inFolder(t, map[string]string{"database": u + "\n", "adapter.yaml": "urlFile: database\ndatasets:\n  shopping:\n    table: shopping\n    uid: id\n"})
			args := []string{"adapter", "sql", "--adapter-listen", "127.0.0.1:0", "--adapter-config-file", filepath.Join(dir, "adapter.yaml")}
			s := launch(t, args...)
			if got := createAndRead(t, s.says(`tandem adapter sql is ready on (\S+)`), `{"id":1,"item":"milk"}`); got != `{"id":1,"item":"milk"}` {
				t.Error(got)
			}
			s.stop()
			if _, err := db.Exec("DROP TABLE shopping"); err != nil {
				t.Fatal(err)
			}
			if _, stderr, code := run(t, args...); code == 0 || !strings.Contains(stderr, "adapter.yaml:4: datasets.shopping.table") {
				t.Errorf("without the table: exit code %d, %s", code, stderr)
			}
		})
	}
}
