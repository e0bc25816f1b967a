package csv

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tandem-sync/tandem/services/adapters/internal/settings"
	"github.com/tandem-sync/tandem/services/internal/record"
)

// Options are the settings of an adapter. Zero values stand for the defaults.
type Options struct {
	Directory    string
	ReadOnly     bool
	Settle       time.Duration // how long a file that others wrote must have been still; default 1 s, negative: 0
	PollInterval time.Duration // between looks for changes that the system does not tell of; default 5 s
	Default      Table         // of files that are not listed
	Datasets     map[string]Table
	Logger       *slog.Logger // nil: none
}

// Table is how one file is read and written.
type Table struct {
	Delimiter    string            `yaml:"delimiter"`    // one character; default a comma
	Comment      string            `yaml:"comment"`      // lines that begin with it are kept and not read; default none
	UID          string            `yaml:"uid"`          // column of uids; default id
	GenerateUIDs bool              `yaml:"generateUids"` // give uids to rows that have none, and the column to a file
	Rest         string            `yaml:"rest"`         // column with all that has no column, a JSON object; default none
	Others       string            `yaml:"others"`       // columns that are not listed: text (default) or ignore
	Columns      map[string]Column `yaml:"columns"`
	Create       []string          `yaml:"create"` // columns of a file that is not there yet; none: it must be there
}

// Column is how a column becomes a field.
type Column struct {
	Field       string `yaml:"field"`       // default: the column's name
	Type        string `yaml:"type"`        // text (default), integer, number, boolean, date, json, or ignore
	EmptyIsNull bool   `yaml:"emptyIsNull"` // an empty cell is null; else it is no field
}

type file struct {
	Directory    string             `yaml:"directory"`
	ReadOnly     bool               `yaml:"readOnly"`
	Settle       *settings.Duration `yaml:"settle"`
	PollInterval settings.Duration  `yaml:"pollInterval"`
	Defaults     Table              `yaml:"defaults"`
	Datasets     map[string]Table   `yaml:"datasets"`
}

// ReadOptions reads Options from a YAML file (docs/12-adapter-csv.md).
func ReadOptions(path string) (Options, error) {
	var f file
	if err := settings.Read(path, &f); err != nil {
		return Options{}, err
	}
	o := Options{
		Directory: settings.Beside(path, f.Directory), ReadOnly: f.ReadOnly,
		PollInterval: time.Duration(f.PollInterval), Default: f.Defaults, Datasets: f.Datasets,
	}
	if f.Settle != nil {
		if o.Settle = time.Duration(*f.Settle); o.Settle == 0 {
			o.Settle = -1
		}
	}
	if err := o.complete(); err != nil {
		return Options{}, fmt.Errorf("%s: %w", path, err)
	}
	return o, nil
}

func (o *Options) complete() error {
	if o.Directory == "" {
		return errors.New("directory is missing; name the one with the CSV files")
	}
	o.Directory = filepath.Clean(o.Directory)
	if o.Settle == 0 {
		o.Settle = time.Second
	}
	o.Settle = max(o.Settle, 0)
	if o.PollInterval == 0 {
		o.PollInterval = 5 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if err := o.Default.complete(Table{}); err != nil {
		return fmt.Errorf("defaults.%w", err)
	}
	all := make(map[string]Table, len(o.Datasets))
	for id, t := range o.Datasets {
		if err := record.CheckDatasetID(id); err != nil {
			return fmt.Errorf("datasets: %w", err)
		}
		if err := t.complete(o.Default); err != nil {
			return fmt.Errorf("datasets.%s.%w", id, err)
		}
		all[id] = t
	}
	o.Datasets = all
	return nil
}

// complete fills in what is not set from what goes for all, and checks the rest.
func (t *Table) complete(base Table) error {
	or := func(p *string, values ...string) {
		for _, v := range values {
			if *p == "" {
				*p = v
			}
		}
	}
	or(&t.Delimiter, base.Delimiter, ",")
	or(&t.Comment, base.Comment)
	or(&t.UID, base.UID, "id")
	or(&t.Rest, base.Rest)
	or(&t.Others, base.Others, "text")
	t.GenerateUIDs = t.GenerateUIDs || base.GenerateUIDs
	if t.Columns == nil {
		t.Columns = base.Columns
	}
	if t.Create == nil {
		t.Create = base.Create
	}
	for key, v := range map[string]string{"delimiter": t.Delimiter, "comment": t.Comment} {
		if r, size := utf8.DecodeRuneInString(v); v != "" && (size != len(v) || r == utf8.RuneError || strings.ContainsRune("\"\r\n", r)) {
			return fmt.Errorf("%s: %q is not one character (other than a quote or a line end)", key, v)
		}
	}
	switch {
	case t.Delimiter == t.Comment:
		return errors.New("comment: it is the delimiter, too")
	case t.Others != "text" && t.Others != ignore:
		return fmt.Errorf("others: %q is neither text nor ignore", t.Others)
	case t.Rest == t.UID:
		return errors.New("rest: it is the column of the uids, too")
	case t.Create != nil && !slices.Contains(t.Create, t.UID):
		return fmt.Errorf("create: the column of the uids, %s, is missing", t.UID)
	}
	for name, c := range t.Columns {
		if c.Type != "" && !slices.Contains(types(), c.Type) {
			return fmt.Errorf("columns.%s.type: %q is none of %s", name, c.Type, strings.Join(types(), ", "))
		}
		if name == t.UID || name == t.Rest {
			return fmt.Errorf("columns.%s: it is the column of uid or rest, which has no settings", name)
		}
	}
	return nil
}

func (t Table) delimiter() rune { r, _ := utf8.DecodeRuneInString(t.Delimiter); return r }

// comment is 0 for none.
func (t Table) comment() rune {
	if t.Comment == "" {
		return 0
	}
	r, _ := utf8.DecodeRuneInString(t.Comment)
	return r
}
