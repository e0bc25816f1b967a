package sql

import (
	"context"
	"database/sql"
	"errors"

	"github.com/tandem-sync/tandem/api/adapter"
)

// write runs fn in a transaction that ends with the call's time.
func (a *Adapter) write(ctx context.Context, d *dataset, fn func(*sql.Tx) error) error {
	err := a.transact(ctx, &sql.TxOptions{Isolation: sql.LevelReadCommitted}, fn)
	if err == nil {
		a.prune(ctx)
	}
	return a.fail(ctx, d, err)
}

// snapshot runs fn in a transaction that reads one state of the database.
func (a *Adapter) snapshot(ctx context.Context, d *dataset, fn func(*sql.Tx) error) error {
	return a.fail(ctx, d, a.transact(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, fn))
}

func (a *Adapter) transact(ctx context.Context, o *sql.TxOptions, fn func(*sql.Tx) error) error {
	tx, err := a.db.BeginTx(ctx, o)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	deadline, _ := ctx.Deadline()
	if err := a.d.limits(ctx, tx, deadline); err != nil {
		return err
	}
	if err := fn(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// fail is failure for a call: what goes wrong since the caller has left is his leaving.
func (a *Adapter) fail(ctx context.Context, d *dataset, err error) error {
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return failure(a.d, d.id, err)
}

// lock reads a row that nobody else can write from now on: ErrNotFound.
func (d *dataset) lock(ctx context.Context, tx *sql.Tx, uid string, texts []string) (row, error) {
	if d.o.Query == "" {
		return d.one(ctx, tx, d.byUID(d.live(d.selectFrom()), texts).add(" FOR UPDATE"), uid)
	}
	s := d.byUID((&statement{d: d.d}).add("SELECT 1 FROM ", d.table, " WHERE 1 = 1"), texts).add(" FOR UPDATE")
	if _, err := s.exec(ctx, tx); err != nil {
		return row{}, d.noSuchUID(err)
	}
	return d.one(ctx, tx, d.byUID(d.live(d.selectFrom()), texts), uid)
}

// one runs a SELECT and takes the row that has exactly this uid: a collation, or a conversion of the
// database, may have found more.
func (d *dataset) one(ctx context.Context, q queryer, s *statement, uid string) (found row, err error) {
	rows, err := s.query(ctx, q)
	if err != nil {
		return row{}, d.noSuchUID(err)
	}
	defer rows.Close()
	ok := false
	for rows.Next() {
		r, err := d.scan(rows)
		if err != nil {
			return row{}, err
		}
		if r.uid == uid {
			found, ok = r, true
		}
	}
	if err := rows.Err(); err != nil {
		return row{}, d.noSuchUID(err)
	}
	if !ok {
		return row{}, adapter.ErrNotFound
	}
	return found, nil
}

// noSuchUID turns the complaint that a uid is none of its column's type into what it means.
func (d *dataset) noSuchUID(err error) error {
	if d.d.judge(err).badly {
		return adapter.ErrNotFound
	}
	return err
}

// set is one column that is to be written.
type set struct {
	column column
	text   string
	null   bool
	expr   string // instead of a value
}

func (s set) appendTo(to *statement) {
	switch {
	case s.expr != "":
		to.add(s.expr)
	case s.null:
		to.add("NULL")
	default:
		to.value(s.column, s.text)
	}
}

// stamp sets the change column.
func (d *dataset) stamp() []set {
	if d.change == nil {
		return nil
	}
	if expr := d.d.stamp(*d.change); expr != "" {
		return []set{{column: *d.change, expr: expr}}
	}
	return nil
}

// apply writes columns of a row that is locked.
func (d *dataset) apply(ctx context.Context, tx *sql.Tx, sets []set, texts []string) error {
	s := (&statement{d: d.d}).add("UPDATE ", d.table, " SET ")
	for i, one := range append(sets, d.stamp()...) {
		if i > 0 {
			s.add(", ")
		}
		s.add(d.d.quote(one.column.name), " = ")
		one.appendTo(s)
	}
	return d.exactlyOne(d.byUID(s.add(" WHERE 1 = 1"), texts).exec(ctx, tx))
}

// exactlyOne makes an error of a write that wrote nothing.
func (d *dataset) exactlyOne(n int64, err error) error {
	if err == nil && n != 1 {
		return adapter.Refuse("dataset " + d.id + ": the database left the record as it was; a trigger or a policy of the table may be why")
	}
	return err
}
