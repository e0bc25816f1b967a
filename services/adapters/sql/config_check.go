package sql

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// check finds what can be said to be wrong without a database.
func (c *Config) check() error {
	var errs []error
	bad := func(keys []string, format string, args ...any) {
		errs = append(errs, c.wrong(format, args, keys...))
	}
	given := 0
	for _, s := range []string{c.URL, c.URLFile, c.URLEnv} {
		if s != "" {
			given++
		}
	}
	if given != 1 {
		bad([]string{"url"}, "expected one of url, urlFile and urlEnv")
	}
	if c.PasswordFile != "" && c.PasswordEnv != "" {
		bad([]string{"passwordEnv"}, "expected one of passwordFile and passwordEnv")
	}
	if c.MaxConnections < 0 || c.MaxLifetime < 0 {
		bad([]string{"maxConnections"}, "expected maxConnections and maxLifetime above 0")
	}
	for _, t := range []struct{ key, name string }{{"keysTable", c.KeysTable}, {"collisionsTable", c.CollisionsTable}} {
		if _, err := tableName(t.name); t.name != "" && err != nil {
			bad([]string{t.key}, "%v", err)
		}
	}
	if len(c.Datasets) == 0 {
		bad([]string{"datasets"}, "expected at least one dataset")
	}
	for id, d := range c.Datasets {
		if err := record.CheckDatasetID(id); err != nil {
			bad([]string{"datasets", id}, "%v", err)
		}
		d.check(func(key, format string, args ...any) { bad([]string{"datasets", id, key}, format, args...) })
	}
	slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(errs...)
}

func (d DatasetConfig) check(bad func(key, format string, args ...any)) {
	if d.Table == "" && d.Query == "" {
		bad("table", "expected table or query")
	}
	if _, err := tableName(d.Table); d.Table != "" && err != nil {
		bad("table", "%v", err)
	}
	if len(d.UID) == 0 || slices.Contains(d.UID, "") {
		bad("uid", "expected a column or a list of columns")
	}
	if !slices.Contains([]string{"", "generated", "key", "data"}, d.NewUID) {
		bad("newUid", "%q is not known; expected generated, key or data", d.NewUID)
	}
	if !slices.Contains([]string{"", "show", "omit"}, d.Nulls) {
		bad("nulls", "%q is not known; expected show or omit", d.Nulls)
	}
	fields := map[string]string{}
	for column, field := range d.Columns {
		if field == "" {
			bad("columns", "column %s has no field", column)
		} else if other, twice := fields[field]; twice {
			bad("columns", "columns %s and %s are both field %s", min(column, other), max(column, other), field)
		}
		fields[field] = column
	}
	if d.Columns != nil && len(d.LeaveOut) > 0 {
		bad("leaveOut", "columns names all that devices see; expected one of the two")
	}
	if _, _, err := overlap(d.ChangeOverlap); err != nil {
		bad("changeOverlap", "%v", err)
	}
	if d.ChangeOverlap != "" && d.ChangeColumn == "" {
		bad("changeOverlap", "it has no meaning without changeColumn")
	}
	if d.ChangeColumn != "" && d.ChangeColumn == d.DeletedColumn {
		bad("deletedColumn", "expected another column than changeColumn")
	}
}

// overlap reads changeOverlap: a duration for times, a number for numbers.
func overlap(text string) (time.Duration, int64, error) {
	if text == "" {
		return 5 * time.Second, 1000, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= 0 {
		return time.Duration(n) * time.Second, n, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return d, 1000, nil
	}
	return 0, 0, fmt.Errorf("%q is neither a duration such as 5s nor a number", text)
}

// tableName splits [SCHEMA.]TABLE.
func tableName(text string) ([]string, error) {
	parts := strings.Split(text, ".")
	if len(parts) > 2 || slices.Contains(parts, "") || strings.ContainsRune(text, 0) {
		return nil, fmt.Errorf("%q is no table; expected TABLE or SCHEMA.TABLE", text)
	}
	return parts, nil
}

// path is a file that the configuration names; a relative one is looked for beside it.
func (c *Config) path(file string) string {
	if file == "" || filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(filepath.Dir(c.file), file)
}

// secret reads what a setting, a file or an environment variable holds.
func secret(plain, file, env string) (string, error) {
	switch {
	case file != "":
		text, err := os.ReadFile(file)
		return strings.TrimRight(string(text), "\r\n"), err
	case env != "":
		text, ok := os.LookupEnv(env)
		if !ok {
			return "", fmt.Errorf("the environment variable %s is not set", env)
		}
		return text, nil
	}
	return plain, nil
}
