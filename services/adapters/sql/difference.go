package sql

import (
	"encoding/json"
	"fmt"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/internal/record"
)

// difference is what has to be written so that a row, nil for a new one, holds new data. What has the same
// JSON form is left alone.
func (d *dataset) difference(old *row, data []byte) ([]set, error) {
	var sets []set
	fields := map[string]member{}
	others := membersOf(data)
	for _, m := range others {
		fields[m.key] = m
	}
	for i, c := range d.columns {
		m, given := fields[c.field]
		delete(fields, c.field)
		null := !given || string(m.value) == "null"
		var cell []byte
		if old != nil {
			cell = old.cells[i]
		}
		switch {
		case old == nil && !given:
			continue // the database has its default
		case null && (cell == nil || string(cell) == "null"):
			if old != nil || !d.takes(c, old) {
				continue
			}
		case cell != nil && !null && equal(cell, m.value):
			continue
		}
		if !d.takes(c, old) {
			return nil, d.refuse(c, "it can't be written")
		}
		one := set{column: c, null: null}
		switch {
		case null && !given && !c.nullable && c.fills:
			one.expr = "DEFAULT"
		case !null:
			text, err := c.store(m.value)
			if err != nil {
				return nil, d.refuse(c, err.Error())
			}
			one.text = text
		}
		sets = append(sets, one)
	}
	rest, err := d.restOf(old, others, fields)
	return append(sets, rest...), err
}

// takes tells whether devices may write a column.
func (d *dataset) takes(c column, old *row) bool {
	return !c.readOnly && (!d.isUID(c) || old == nil && d.newUID() == uidFromData)
}

func (d *dataset) refuse(c column, why string) error {
	return adapter.Refuse(fmt.Sprintf("dataset %s: field %s: %s", d.id, c.field, why))
}

// restOf puts the fields that have no column into the column for the rest.
func (d *dataset) restOf(old *row, members []member, fields map[string]member) ([]set, error) {
	if d.rest == nil {
		for _, m := range members {
			if _, left := fields[m.key]; left && string(m.value) != "null" {
				return nil, d.refuse(column{field: m.key}, "the table has no column for it")
			}
		}
		return nil, nil
	}
	out := []byte{'{'}
	for _, m := range members {
		if _, left := fields[m.key]; !left {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, m.token...), ':'), m.value...)
	}
	out = append(out, '}')
	empty := string(out) == "{}"
	if old != nil && (old.rest == nil && empty || old.rest != nil && equal(old.rest, out)) {
		return nil, nil
	}
	return []set{{column: *d.rest, text: string(out)}}, nil
}

// hashable refuses data that devices could never compare. One such record would break every list of its
// dataset.
func hashable(dataset string, data json.RawMessage) error {
	if _, err := record.Hash(data); err != nil {
		return adapter.Refuse(fmt.Sprintf("dataset %s: the record can't be stored: %v", dataset, err))
	}
	return nil
}

// holds tells whether data are what is expected, nil for anything, as devices compare: by hash.
func holds(dataset string, data, expected json.RawMessage) error {
	if expected == nil {
		return nil
	}
	want, err := record.Hash(expected)
	if err != nil {
		return adapter.Refuse(fmt.Sprintf("dataset %s: expected_data: %v", dataset, err))
	}
	is, err := record.Hash(data)
	if err != nil {
		return fmt.Errorf("dataset %s: the record can't be compared: %w", dataset, err)
	}
	if is != want {
		return adapter.ErrConflict
	}
	return nil
}
