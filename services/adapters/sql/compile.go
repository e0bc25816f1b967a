package sql

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
)

// compile checks a dataset's configuration against the database.
func (a *Adapter) compile(ctx context.Context, conn *sql.Conn, id string, o DatasetConfig) (*dataset, error) {
	d := &dataset{id: id, o: o, d: a.d}
	bad := func(key, format string, args ...any) error {
		return a.config.wrong(format, args, "datasets", id, key)
	}
	var columns []column
	if o.Table != "" {
		parts, _ := tableName(o.Table) // checked
		list, err := a.d.tableColumns(ctx, conn, parts)
		if err != nil {
			return nil, err
		}
		if len(list) == 0 {
			return nil, bad("table", "the database has no table %s, or the user may not see it", o.Table)
		}
		d.table, columns = qualified(a.d, parts), list
		d.source = d.table
	}
	inTable := columns
	if o.Query != "" {
		list, err := a.d.queryColumns(ctx, conn, o.Query)
		switch {
		case err != nil && unconnected(err):
			return nil, err
		case err != nil:
			return nil, bad("query", "the database does not take it: %v", err)
		}
		// What the query has of the table, by its name, is written to the table (and looked for in the query
		// afterwards); the rest can't be.
		for i, c := range list {
			if at := slices.IndexFunc(inTable, func(t column) bool { return t.name == c.name }); at >= 0 {
				list[i] = inTable[at]
			} else {
				list[i].readOnly = true
			}
		}
		columns = list
		d.source = "(" + o.Query + "\n) tandem_query"
	}
	if err := d.pick(columns, bad); err != nil {
		return nil, err
	}
	return d, d.checkUID(ctx, conn, inTable, bad)
}

type complaint func(key, format string, args ...any) error

// pick takes the columns that the configuration names.
func (d *dataset) pick(columns []column, bad complaint) error {
	byName := map[string]column{}
	for _, c := range columns {
		if _, twice := byName[c.name]; twice {
			return bad("query", "it has two columns %s", c.name)
		}
		byName[c.name] = c
	}
	for _, list := range []struct {
		key   string
		names []string
	}{
		{"uid", d.o.UID}, {"columns", slices.Sorted(maps.Keys(d.o.Columns))}, {"leaveOut", d.o.LeaveOut}, {"json", d.o.JSON}, {"bool", d.o.Bool},
		{"rest", some(d.o.Rest)}, {"deletedColumn", some(d.o.DeletedColumn)}, {"changeColumn", some(d.o.ChangeColumn)},
	} {
		for _, name := range list.names {
			if _, ok := byName[name]; !ok {
				return bad(list.key, "there is no column %s", name)
			}
		}
	}
	for _, name := range d.o.JSON {
		c := byName[name]
		if c.kind != kText && c.kind != kJSON && c.kind != kBytes {
			return bad("json", "column %s is no text", name)
		}
		c.kind = kJSON
		byName[name] = c
	}
	for _, name := range d.o.Bool {
		c := byName[name]
		if c.kind != kInt && c.kind != kBool || d.d == (postgres{}) && c.kind == kInt {
			return bad("bool", "column %s is no TINYINT", name)
		}
		if c.kind == kInt {
			c.kind, c.typ = kBool, mysqlBool
		}
		byName[name] = c
	}
	for _, name := range d.o.UID {
		d.uid = append(d.uid, byName[name])
	}
	if err := d.pickSpecial(byName, bad); err != nil {
		return err
	}
	hidden := append([]string{d.o.Rest, d.o.DeletedColumn, d.o.ChangeColumn}, d.o.LeaveOut...)
	if d.newUID() != uidFromData {
		hidden = append(hidden, d.o.UID...)
	}
	for _, c := range columns {
		c = byName[c.name]
		field, named := d.o.Columns[c.name]
		switch {
		case named:
			c.field = field
		case d.o.Columns == nil && !slices.Contains(hidden, c.name):
			c.field = c.name
		default:
			continue
		}
		d.columns = append(d.columns, c)
	}
	for _, field := range d.o.Filter {
		if _, ok := d.find(field); !ok && d.rest == nil && field != "_id" {
			return bad("filter", "there is no field %s", field)
		}
	}
	return nil
}

func some(name string) []string {
	if name == "" {
		return nil
	}
	return []string{name}
}

// pickSpecial takes the columns that have a meaning of their own.
func (d *dataset) pickSpecial(byName map[string]column, bad complaint) error {
	if d.o.Rest != "" {
		c := byName[d.o.Rest]
		if c.kind != kJSON && c.kind != kText {
			return bad("rest", "column %s is neither JSON nor a text", c.name)
		}
		c.kind = kJSON
		d.rest = &c
	}
	if d.o.DeletedColumn != "" {
		c := byName[d.o.DeletedColumn]
		if c.kind != kBool && c.change != changeTime {
			return bad("deletedColumn", "column %s is neither a boolean nor a time", c.name)
		}
		d.deleted = &c
	}
	if d.o.ChangeColumn != "" {
		c := byName[d.o.ChangeColumn]
		if c.change == changeNone {
			return bad("changeColumn", "column %s is neither a time nor a number nor an xid8", c.name)
		}
		d.change = &c
	}
	if _, ok := d.d.(postgres); !ok && d.o.Notify != "" {
		return bad("notify", "only PostgreSQL can notify")
	}
	return nil
}

// checkUID makes sure that a uid is one row.
func (d *dataset) checkUID(ctx context.Context, conn *sql.Conn, inTable []column, bad complaint) error {
	for _, c := range d.uid {
		if c.kind == kJSON || c.kind == kArray || c.kind == kFloat {
			return bad("uid", "column %s is of a type that has no exact equality", c.name)
		}
	}
	if d.table == "" {
		return nil
	}
	for _, c := range d.uid {
		if !slices.ContainsFunc(inTable, func(t column) bool { return t.name == c.name }) {
			return bad("uid", "table %s has no column %s", d.o.Table, c.name)
		}
	}
	parts, _ := tableName(d.o.Table)
	unique, err := d.d.unique(ctx, conn, parts, d.o.UID)
	if err != nil {
		return fmt.Errorf("dataset %s: %w", d.id, err)
	}
	if !unique {
		return bad("uid", "table %s has no primary key or unique index on just %v, so that a uid could stand for several rows", d.o.Table, []string(d.o.UID))
	}
	u := d.uid[0]
	switch d.newUID() {
	case uidGenerated:
		if len(d.uid) > 1 || !u.auto {
			return bad("newUid", "column %s is not one that the database makes and tells", u.name)
		}
	case uidFromKey:
		if len(d.uid) > 1 || u.kind != kText {
			return bad("newUid", "column %s is neither a uuid nor a text", u.name)
		}
	case uidFromData:
		for _, c := range d.uid {
			if !slices.ContainsFunc(d.columns, func(f column) bool { return f.name == c.name }) {
				return bad("newUid", "column %s is not among the record's fields", c.name)
			}
		}
	}
	return nil
}
