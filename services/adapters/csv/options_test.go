package csv

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func readOptions(t *testing.T, text string) (Options, string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "adapter.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := ReadOptions(path)
	return o, path, err
}

// The example of the page is what runs here.
func TestExample(t *testing.T) {
	page, errPage := os.ReadFile("../../../docs/12-adapter-csv.md")
	text, errText := os.ReadFile("example/adapter.yaml")
	if err := errors.Join(errPage, errText); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(page, text) {
		t.Error("the page does not have the example as it is")
	}
	o, _, err := readOptions(t, string(text))
	if err != nil {
		t.Fatal(err)
	}
	p := o.Datasets["products"]
	if o.Directory != "/srv/lists" || o.ReadOnly || o.Settle != time.Second || o.PollInterval != 5*time.Second ||
		o.Default.UID != "id" || o.Default.delimiter() != ',' || p.delimiter() != ';' || p.comment() != '#' || p.UID != "sku" ||
		p.Columns["Price"] != (Column{Field: "price", Type: "number"}) || p.Rest != "more" || len(p.Create) != 5 {
		t.Errorf("%+v", o)
	}
	b := newBench(t, Options{Default: p}, "")
	if err := os.Remove(b.path); err != nil {
		t.Fatal(err)
	}
	uid, err := b.create(`{"price":1.5,"Stock":null,"colour":"red"}`, "k")
	if err != nil {
		t.Fatal(err)
	}
	b.wantFile("sku;Price;Stock;internal note;more\n" + uid + `;1.5;;;"{""colour"":""red""}"` + "\n")
}

func TestBadOptions(t *testing.T) {
	for text, want := range map[string]string{
		"readOnly: true": "directory is missing",
		"directory: .\ndefaults: {delimiter: ';;'}":                  "defaults.delimiter",
		"directory: .\ndefaults: {delimiter: '\"'}":                  "defaults.delimiter",
		"directory: .\ndefaults: {comment: ','}":                     "it is the delimiter, too",
		"directory: .\ndefaults: {others: some}":                     "neither text nor ignore",
		"directory: .\ndefaults: {rest: id}":                         "column of the uids",
		"directory: .\ndatasets: {a: {create: [x]}}":                 "datasets.a.create",
		"directory: .\ndatasets: {a: {columns: {x: {type: float}}}}": "datasets.a.columns.x.type",
		"directory: .\ndatasets: {a: {columns: {id: {}}}}":           "columns.id",
		"directory: .\ndatasets: {../a: {}}":                         "dataset id",
		"directory: .\ndatasets: {a: {colums: {}}}":                  "colums",
		"directory: .\nsettle: long":                                 "no length of time",
	} {
		if _, path, err := readOptions(t, text); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	o, path, err := readOptions(t, "directory: lists\nsettle: 0s\n")
	if err != nil || o.Directory != filepath.Join(filepath.Dir(path), "lists") || o.Settle != 0 {
		t.Errorf("%+v, %v", o, err)
	}
	if _, err := Open(Options{Directory: path}); err == nil || !strings.Contains(err.Error(), "no directory") {
		t.Error(err)
	}
	if _, err := Open(Options{Directory: path + "x"}); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Error(err)
	}
}

// What the settings name and the file does not have is told with file and line.
func TestColumnsThatAreNotThere(t *testing.T) {
	for want, table := range map[string]Table{
		`d.csv:2: there is no column "n"`:                 {Comment: "#", Columns: map[string]Column{"n": {}}},
		`d.csv:2: there is no column "more"`:              {Comment: "#", Rest: "more"},
		`d.csv:2: columns "a" and "b" are both field "x"`: {Comment: "#", Columns: map[string]Column{"a": {Field: "x"}, "b": {Field: "x"}}},
	} {
		b := newBench(t, Options{Default: table}, "# list\nid,a,b\n")
		if _, err := b.list(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
