package sqltest

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// nobody finds the user that runs PostgreSQL where the tests run as root: initdb wants one that the machine
// knows.
func nobody() (id int, err error) {
	u, err := user.Lookup("nobody")
	if err != nil {
		return 0, fmt.Errorf("PostgreSQL does not run as root, and there is no user for it: %w", err)
	}
	return strconv.Atoi(u.Uid)
}

func startPostgres() (*Server, error) {
	from, err := binaries("postgres", "embedded-postgres-binaries-*.jar", unpackPostgres)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "sqltest-postgres")
	if err != nil {
		return nil, err
	}
	s, err := postgresIn(dir, from)
	if err != nil {
		_ = os.RemoveAll(dir)
	}
	return s, err
}

func postgresIn(dir, from string) (*Server, error) {
	env := append(os.Environ(), "LC_ALL=C", "TZ=UTC", "HOME="+dir)
	var as *syscall.SysProcAttr
	if os.Geteuid() == 0 {
		id, err := nobody()
		if err != nil {
			return nil, err
		}
		// It may not be able to read what lies in the repository, so it gets a copy.
		as = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(id), Gid: uint32(id)}}
		own := filepath.Join(dir, "postgres")
		if err := os.CopyFS(own, os.DirFS(from)); err != nil {
			return nil, err
		}
		from = own
		err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return os.Lchown(path, id, id)
		})
		if err != nil {
			return nil, err
		}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(from, "bin/initdb"), "-D", data, "-U", "postgres", "-A", "trust",
		"-E", "UTF8", "--no-locale", "-N", "--no-instructions")
	initdb.Env, initdb.SysProcAttr, initdb.Dir = env, as, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return launch{
		dir: dir, end: "QUIT", ready: "ready to accept connections", env: env, as: as,
		url: "postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable",
		args: func(port int) []string {
			return []string{
				filepath.Join(from, "bin/postgres"), "-D", data, "-p", strconv.Itoa(port),
				"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
				// Tests crash the server, not the machine.
				"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=200",
				"-c", "shared_buffers=32MB", "-c", "lc_messages=C", "-c", "timezone=America/New_York",
			}
		},
	}.start()
}
