package csv

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/internal/record"
)

// layout is what the columns of a file mean, by its first row.
type layout struct {
	table   Table
	uid     int // -1: none yet
	rest    int // -1: none
	columns []column
	byField map[string]int
}

type column struct {
	name, field, kind string
	null              bool // an empty cell is null
	key               []byte
}

func newLayout(t Table, header []cell) (*layout, error) {
	l := &layout{table: t, uid: -1, rest: -1, byField: map[string]int{}}
	seen := map[string]bool{}
	for i, c := range header {
		name := strings.TrimSpace(c.text)
		if seen[name] && name != "" {
			return nil, fmt.Errorf("two columns are called %q", name)
		}
		seen[name] = true
		s := t.Columns[name]
		col := column{name: name, field: s.Field, kind: s.Type, null: s.EmptyIsNull}
		if col.field == "" {
			col.field = name
		}
		_, listed := t.Columns[name]
		switch {
		case name == t.UID:
			l.uid, col.kind = i, ignore
		case name == t.Rest && name != "":
			l.rest, col.kind = i, ignore
		case name == "", !listed && t.Others == ignore:
			col.kind = ignore
		case col.kind == "":
			col.kind = typeText
		}
		if col.kind != ignore {
			if other, twice := l.byField[col.field]; twice {
				return nil, fmt.Errorf("columns %q and %q are both field %q", l.columns[other].name, name, col.field)
			}
			l.byField[col.field] = i
			col.key = append(quote(col.field), ':')
		}
		l.columns = append(l.columns, col)
	}
	for name := range t.Columns {
		if !seen[name] {
			return nil, fmt.Errorf("there is no column %q, which the settings name", name)
		}
	}
	if t.Rest != "" && l.rest < 0 {
		return nil, fmt.Errorf("there is no column %q, which the settings name for the rest", t.Rest)
	}
	if l.uid < 0 && !t.GenerateUIDs {
		return nil, fmt.Errorf("there is no column %q for uids; add it, name another one (uid), or have it made (generateUids)", t.UID)
	}
	return l, nil
}

// data makes the record of a row.
func (l *layout) data(cells []cell) (json.RawMessage, error) {
	rest, hidden, err := l.restOf(cells)
	if err != nil {
		return nil, err
	}
	b := bytes.NewBufferString("{")
	for i, col := range l.columns {
		if col.kind == ignore {
			continue
		}
		value, ok := decode(col.kind, cells[i])
		if !ok {
			return nil, fmt.Errorf("column %q: %.60q is no %s", col.name, cells[i].text, col.kind)
		}
		if value == nil && col.null {
			value = json.RawMessage("null")
		}
		if _, there := hidden[col.field]; value == nil || there {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.Write(col.key)
		b.Write(value)
	}
	if len(rest) > 0 {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.Write(rest)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// restOf reads the column for the rest: its fields as text, and their names.
func (l *layout) restOf(cells []cell) (inner []byte, fields map[string]json.RawMessage, err error) {
	if l.rest < 0 || strings.TrimSpace(cells[l.rest].text) == "" {
		return nil, nil, nil
	}
	text := bytes.TrimSpace([]byte(cells[l.rest].text))
	if err := json.Unmarshal(text, &fields); err != nil || fields == nil {
		return nil, nil, fmt.Errorf("column %q: %.60q is no JSON object", l.table.Rest, text)
	}
	return bytes.TrimSpace(text[1 : len(text)-1]), fields, nil
}

// cells makes the cells of a record, over those that the row has. The rest of them
// stay. It refuses what the columns can't hold.
func (l *layout) cells(data json.RawMessage, old []cell) ([]cell, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, adapter.Refuse(err.Error())
	}
	out := slices.Clone(old)
	whole := slices.ContainsFunc(slices.Collect(maps.Keys(fields)), func(k string) bool { return !plain(k) })
	for i, col := range l.columns {
		if col.kind == ignore {
			continue
		}
		value, there := fields[col.field]
		if !there && col.null {
			return nil, adapter.Refuse(fmt.Sprintf("field %q is missing; it may be null", col.field))
		}
		fits, c := !there, cell{}
		switch {
		case there && col.null && string(value) == "null":
			fits = true
		case there && !whole:
			if c, fits = encode(col.kind, value); !fits {
				c = cell{}
			}
		}
		if !sameValue(col.kind, c, old[i]) {
			out[i] = c // else it stays as somebody has written it
		}
		if fits {
			delete(fields, col.field)
		} else if l.rest < 0 {
			return nil, adapter.Refuse(fmt.Sprintf("field %q: column %q can't hold %.60s; it takes %s", col.field, col.name, value, wanted(col.kind)))
		}
	}
	if l.rest >= 0 {
		c := restCell(fields, data, whole)
		if !sameValue(typeJSON, c, old[l.rest]) {
			out[l.rest] = c
		}
		return out, nil
	}
	for name := range fields {
		return nil, adapter.Refuse(fmt.Sprintf("there is no column for field %q", name))
	}
	return out, nil
}

// restCell holds the fields that have no cell of their own: all of them where a key
// has characters that would not come back.
func restCell(fields map[string]json.RawMessage, data json.RawMessage, whole bool) cell {
	if whole {
		return cell{text: string(bytes.TrimSpace(data))}
	}
	if len(fields) == 0 {
		return cell{}
	}
	var b strings.Builder
	for i, name := range slices.Sorted(maps.Keys(fields)) {
		b.WriteByte("{,"[min(i, 1)])
		b.Write(quote(name))
		b.WriteByte(':')
		b.Write(fields[name])
	}
	return cell{text: b.String() + "}"}
}

// sameValue tells whether two cells mean the same, however they are written.
func sameValue(kind string, a, b cell) bool {
	va, _ := decode(kind, a)
	vb, ok := decode(kind, b)
	if !ok || (va == nil) != (vb == nil) {
		return false
	}
	return va == nil || sameJSON(va, vb)
}

// sameJSON tells whether devices take two values for the same.
func sameJSON(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	// In a list, so that null, false, 0 and "" are told apart.
	inList := func(raw json.RawMessage) json.RawMessage { return slices.Concat([]byte("["), raw, []byte("]")) }
	ha, errA := record.Hash(inList(a))
	hb, errB := record.Hash(inList(b))
	return errA == nil && errB == nil && ha == hb
}

func wanted(kind string) string {
	switch kind {
	case typeText:
		return "a text"
	case typeDate:
		return "a date such as 2026-11-23 or 2026-11-23T10:00:00Z"
	case typeBoolean:
		return "true or false"
	case typeInteger:
		return "a whole number"
	}
	return "a number"
}
