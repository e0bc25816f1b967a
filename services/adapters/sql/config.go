package sql

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Config is what the adapter's file says.
type Config struct {
	URL          string `yaml:"url"`          // postgres://USER@HOST:PORT/DATABASE or mysql://...
	URLFile      string `yaml:"urlFile"`      // instead: a file that holds it; relative: beside this file
	URLEnv       string `yaml:"urlEnv"`       // instead: an environment variable that holds it
	PasswordFile string `yaml:"passwordFile"` // a file that holds the password; default: that of the URL
	PasswordEnv  string `yaml:"passwordEnv"`  // an environment variable that holds it

	MaxConnections int           `yaml:"maxConnections"` // default 10
	MaxLifetime    time.Duration `yaml:"maxLifetime"`    // after which a connection is replaced; default 30m

	KeysTable       string `yaml:"keysTable"`       // default tandem_keys
	CollisionsTable string `yaml:"collisionsTable"` // default tandem_collisions
	CreateTables    *bool  `yaml:"createTables"`    // make these two where they are missing; default true

	Datasets map[string]DatasetConfig `yaml:"datasets"`

	file string
	root *yaml.Node
}

// DatasetConfig says where the records of a dataset are. Names are those of columns unless it says fields.
type DatasetConfig struct {
	Table string `yaml:"table"` // [SCHEMA.]TABLE that is read and written
	Query string `yaml:"query"` // a SELECT that is read instead; without a table the dataset is read-only

	UID    names  `yaml:"uid"`    // the column, or the list of columns, that makes the uid
	NewUID string `yaml:"newUid"` // where new uids come from: generated, key or data; see Dataset.newUID

	Columns  map[string]string `yaml:"columns"`  // column: field; default: all columns under their names
	LeaveOut []string          `yaml:"leaveOut"` // columns that devices don't see
	Rest     string            `yaml:"rest"`     // column with a JSON object: all fields that have no column
	JSON     []string          `yaml:"json"`     // text columns that hold JSON
	Bool     []string          `yaml:"bool"`     // number columns that hold true and false
	Nulls    string            `yaml:"nulls"`    // show: NULL is null; omit: NULL is a field that is not there; default show
	Filter   names             `yaml:"filter"`   // fields that query_params may name; default: all

	DeletedColumn string `yaml:"deletedColumn"` // boolean or time: set instead of deleting the row
	ChangeColumn  string `yaml:"changeColumn"`  // time, number or xid8 that grows with each change
	ChangeOverlap string `yaml:"changeOverlap"` // how far changes may come out of order; default 5s or 1000
	Notify        string `yaml:"notify"`        // PostgreSQL: the channel that is told of changes
}

// names is one name or a list of names.
type names []string

// UnmarshalYAML implements yaml.Unmarshaler.
func (n *names) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*n = names{node.Value}
		return nil
	}
	var list []string
	err := node.Decode(&list)
	*n = list
	return err
}

// ReadConfig reads the adapter's YAML file. Errors name file and line.
func ReadConfig(path string) (Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("sql adapter: its configuration can't be read: %w", err)
	}
	return parseConfig(path, text)
}

func parseConfig(path string, text []byte) (Config, error) {
	c := Config{file: path}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&c); errors.Is(err, io.EOF) {
		return c, fmt.Errorf("%s: it is empty; expected url and datasets", path)
	} else if err != nil {
		return c, c.yamlErrors(err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return c, fmt.Errorf("%s: expected one YAML document", path)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return c, c.yamlErrors(err)
	}
	c.root = doc.Content[0]
	return c, c.check()
}

var (
	yamlPlace   = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)
	yamlUnknown = regexp.MustCompile(`field (\S+) not found in type .*`)
	yamlType    = regexp.MustCompile("cannot unmarshal \\S+ (`.*` )?into (\\S+)")
)

// yamlErrors puts the errors of the YAML library into words for people.
func (c Config) yamlErrors(err error) error {
	var list *yaml.TypeError
	lines := []string{err.Error()}
	if errors.As(err, &list) {
		lines = list.Errors
	}
	for i, line := range lines {
		place := ""
		if found := yamlPlace.FindStringSubmatch(line); found != nil {
			place = ":" + found[1]
		}
		line = strings.TrimPrefix(yamlPlace.ReplaceAllString(line, ""), "yaml: ")
		line = yamlUnknown.ReplaceAllString(line, "unknown setting $1")
		line = yamlType.ReplaceAllString(line, "${1}is not what is expected here, a $2")
		lines[i] = c.file + place + ": " + line
	}
	return errors.New(strings.Join(lines, "\n"))
}

// wrong is an error with the line of the setting under these keys, or of the nearest above it that is there.
func (c Config) wrong(format string, args []any, keys ...string) error {
	line, node := 0, c.root
	for _, key := range keys {
		if node == nil || node.Kind != yaml.MappingNode {
			break
		}
		i := 0
		for ; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == key {
				line = node.Content[i].Line
				break
			}
		}
		if i+1 >= len(node.Content) {
			break
		}
		node = node.Content[i+1]
	}
	place := c.file
	if line > 0 {
		place = fmt.Sprintf("%s:%d", c.file, line)
	}
	return fmt.Errorf("%s: %s: %s", place, strings.Join(keys, "."), fmt.Sprintf(format, args...))
}
