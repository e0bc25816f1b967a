package sql

import (
	"cmp"
	"slices"

	"github.com/tandem-sync/tandem/api/adapter"
)

type changeKind int

const (
	changeNone   changeKind = iota
	changeTime              // set by the adapter, and by every other writer
	changeNumber            // grows, by a sequence or a trigger
	changeXID               // the transaction that wrote
)

// Where the uid of a new record comes from.
const (
	uidGenerated = "generated" // the database: a serial, an identity, a default
	uidFromKey   = "key"       // made from the change's key: a uuid, or 24 hex digits
	uidFromData  = "data"      // the record's fields
)

// dataset is one dataset as the calls see it: its configuration, checked against the catalog.
type dataset struct {
	id     string
	o      DatasetConfig
	d      dialect
	table  string // quoted; "" where the dataset is read-only
	source string // what is selected from

	uid     []column
	columns []column // that devices see
	rest    *column
	deleted *column
	change  *column
}

// dataset finds a dataset.
func (a *Adapter) dataset(id string) (*dataset, error) {
	d, ok := a.datasets[id]
	if !ok {
		return nil, adapter.Refuse("dataset " + id + " is not among those of this adapter's configuration")
	}
	return d, nil
}

// writable is dataset for a write.
func (a *Adapter) writable(id string) (*dataset, error) {
	d, err := a.dataset(id)
	if err == nil && d.table == "" {
		err = adapter.Refuse("dataset " + id + " can only be read: it is a query without a table")
	}
	return d, err
}

// isUID tells whether a column is part of the uid.
func (d *dataset) isUID(c column) bool {
	return slices.ContainsFunc(d.uid, func(u column) bool { return u.name == c.name })
}

// nulls tells whether NULL is shown.
func (d *dataset) showsNull() bool { return d.o.Nulls != "omit" }

// selected are the columns of a SELECT: the uid's, those that devices see, the rest.
func (d *dataset) selected() []column {
	list := append(slices.Clone(d.uid), d.columns...)
	if d.rest != nil {
		list = append(list, *d.rest)
	}
	return list
}

// selectFrom begins a SELECT of records that are there; conditions follow, each with AND.
func (d *dataset) selectFrom(more ...string) *statement {
	s := (&statement{d: d.d}).add("SELECT ")
	for i, c := range d.selected() {
		if i > 0 {
			s.add(", ")
		}
		s.add(d.d.read(c))
	}
	for _, m := range more {
		s.add(", ", m)
	}
	return s.add(" FROM ", d.source, " WHERE 1 = 1")
}

// live adds that the row is not marked as deleted, and that it can have a uid.
func (d *dataset) live(s *statement) *statement {
	if d.deleted != nil {
		s.add(" AND ", d.notDeleted())
	}
	for _, c := range d.uid {
		if c.nullable {
			s.add(" AND ", d.d.quote(c.name), " IS NOT NULL")
		}
	}
	return s
}

func (d *dataset) notDeleted() string {
	name := d.d.quote(d.deleted.name)
	switch {
	case d.deleted.kind != kBool:
		return name + " IS NULL"
	case d.deleted.typ == mysqlBool:
		return "COALESCE(" + name + ", 0) = 0"
	}
	return name + " IS NOT TRUE"
}

// find returns the column of a field.
func (d *dataset) find(field string) (column, bool) {
	for _, c := range d.columns {
		if c.field == field {
			return c, true
		}
	}
	return column{}, false
}

// newUID is where the uid of a new record comes from.
func (d *dataset) newUID() string {
	if len(d.uid) == 1 {
		return cmp.Or(d.o.NewUID, d.guessUID(d.uid[0]))
	}
	return uidFromData
}

func (d *dataset) guessUID(c column) string {
	switch {
	case c.auto:
		return uidGenerated
	case c.kind == kText:
		return uidFromKey
	}
	return uidFromData
}
