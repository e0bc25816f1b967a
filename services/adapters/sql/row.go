package sql

import (
	"database/sql"
	"encoding/json"
	"slices"

	"github.com/tandem-sync/tandem/services/internal/record/rawjson"
)

// row is one row as JSON sees it.
type row struct {
	uid   string
	texts []string // of the uid's columns
	cells [][]byte // JSON of the columns that devices see; nil for NULL
	rest  []byte   // nil for NULL
}

// scanTexts reads the exact texts of columns that are never NULL.
func scanTexts(d dialect, rows *sql.Rows, columns []column) ([]string, error) {
	values := make([]any, len(columns))
	if err := rows.Scan(pointers(values)...); err != nil {
		return nil, err
	}
	texts := make([]string, len(columns))
	for i, c := range columns {
		var err error
		if texts[i], err = d.text(c, values[i]); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

func pointers(values []any) []any {
	list := make([]any, len(values))
	for i := range values {
		list[i] = &values[i]
	}
	return list
}

// scan reads a row of what selectFrom selects, with more values behind it.
func (d *dataset) scan(rows *sql.Rows, more ...any) (row, error) {
	columns := d.selected()
	values := make([]any, len(columns))
	if err := rows.Scan(append(pointers(values), more...)...); err != nil {
		return row{}, err
	}
	var r row
	for i, c := range columns {
		text := ""
		if values[i] != nil {
			var err error
			if text, err = d.d.text(c, values[i]); err != nil {
				return row{}, err
			}
		}
		switch {
		case i < len(d.uid):
			r.texts = append(r.texts, text)
		case i == len(d.uid)+len(d.columns):
			if values[i] != nil {
				r.rest = c.show(text)
			}
		case values[i] == nil:
			r.cells = append(r.cells, nil)
		default:
			r.cells = append(r.cells, c.show(text))
		}
	}
	r.uid = uidOf(d.uid, r.texts)
	return r, nil
}

// data gives a row's JSON form. A field that has a column is not looked for in the rest.
func (d *dataset) data(r row) json.RawMessage {
	out := []byte{'{'}
	add := func(token, value []byte) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, token...), ':'), value...)
	}
	for i, c := range d.columns {
		switch {
		case r.cells[i] != nil:
			add(quoted(c.field), r.cells[i])
		case d.showsNull():
			add(quoted(c.field), []byte("null"))
		}
	}
	if rawjson.KindOf(r.rest) == rawjson.KindObject {
		for _, m := range membersOf(r.rest) {
			if !slices.ContainsFunc(d.columns, func(c column) bool { return c.field == m.key }) {
				add(m.token, m.value)
			}
		}
	}
	return append(out, '}')
}
