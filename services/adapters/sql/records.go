package sql

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tandem-sync/tandem/api/adapter"
)

// Create implements adapter.Adapter.
func (a *Adapter) Create(ctx context.Context, req adapter.CreateRequest) (string, error) {
	d, err := a.writable(req.Dataset)
	if err != nil {
		return "", err
	}
	if err := hashable(d.id, req.Data); err != nil {
		return "", err
	}
	uid := ""
	err = a.write(ctx, d, func(tx *sql.Tx) error {
		known, err := a.remember(ctx, tx, "create", d.id, req.Key, "")
		if err == nil && known {
			uid, err = a.uidOfKey(ctx, tx, "create", d.id, req.Key)
			return err
		}
		if err == nil {
			uid, err = d.insert(ctx, tx, req)
		}
		if err == nil {
			err = a.noteUID(ctx, tx, "create", d.id, req.Key, uid)
		}
		return err
	})
	if status.Code(err) == codes.InvalidArgument && d.newUID() == uidFromKey {
		// Under this uid a record was made by this very create, whose key was forgotten; else the complaint stands.
		texts := []string{d.keyUID(req.Key)}
		made := uidOf(d.uid, texts)
		if _, there := d.one(ctx, a.db, d.byUID(d.selectFrom(), texts), made); there == nil {
			return made, nil
		}
	}
	return uid, err
}

// insert makes the row and returns its uid.
func (d *dataset) insert(ctx context.Context, tx *sql.Tx, req adapter.CreateRequest) (string, error) {
	sets, err := d.difference(nil, req.Data)
	if err != nil {
		return "", err
	}
	var made []column
	texts := make([]string, len(d.uid))
	switch d.newUID() {
	case uidGenerated:
		made = d.uid
	case uidFromKey:
		texts[0] = d.keyUID(req.Key)
		sets = append(sets, set{column: d.uid[0], text: texts[0]})
	}
	sets = append(sets, d.stamp()...)
	s := (&statement{d: d.d}).add("INSERT INTO ", d.table)
	if len(sets) == 0 && d.d == (postgres{}) {
		s.add(" DEFAULT VALUES")
	} else {
		s.add(" (")
		for i, one := range sets {
			if i > 0 {
				s.add(", ")
			}
			s.add(d.d.quote(one.column.name))
		}
		s.add(") VALUES (")
		for i, one := range sets {
			if i > 0 {
				s.add(", ")
			}
			one.appendTo(s)
		}
		s.add(")")
	}
	given, err := d.d.insert(ctx, tx, s, made)
	if err != nil {
		return "", err
	}
	if len(made) > 0 {
		texts = given
	}
	if d.newUID() == uidFromData {
		if texts, err = d.textsFrom(ctx, tx, sets); err != nil {
			return "", err
		}
	}
	if len(texts) != len(d.uid) {
		return "", adapter.Refuse("dataset " + d.id + ": the database did not take the record; a trigger or a policy of the table may be why")
	}
	return uidOf(d.uid, texts), nil
}

// textsFrom reads the uid of a row that was just made back, as the database has it.
func (d *dataset) textsFrom(ctx context.Context, tx *sql.Tx, sets []set) ([]string, error) {
	given := map[string]set{}
	for _, one := range sets {
		given[one.column.name] = one
	}
	s := (&statement{d: d.d}).add("SELECT ")
	for i, c := range d.uid {
		if i > 0 {
			s.add(", ")
		}
		s.add(d.d.read(c))
	}
	s.add(" FROM ", d.table, " WHERE 1 = 1")
	for _, c := range d.uid {
		one, ok := given[c.name]
		if !ok || one.null {
			return nil, d.refuse(c, "it is part of the record's uid and is missing")
		}
		s.add(" AND ", d.d.quote(c.name), " = ").value(c, one.text)
	}
	rows, err := s.query(ctx, tx)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var texts []string
	for rows.Next() {
		if texts, err = scanTexts(d.d, rows, d.uid); err != nil {
			return nil, err
		}
	}
	return texts, rows.Err()
}

// Read implements adapter.Adapter.
func (a *Adapter) Read(ctx context.Context, req adapter.ReadRequest) (json.RawMessage, error) {
	d, err := a.dataset(req.Dataset)
	if err != nil {
		return nil, err
	}
	texts, ok := d.parseUID(req.UID)
	if !ok {
		return nil, adapter.ErrNotFound
	}
	r, err := d.one(ctx, a.db, d.byUID(d.live(d.selectFrom()), texts), req.UID)
	if err != nil {
		return nil, a.fail(ctx, d, err)
	}
	return d.data(r), nil
}

// Update implements adapter.Adapter.
func (a *Adapter) Update(ctx context.Context, req adapter.UpdateRequest) error {
	if err := hashable(req.Dataset, req.Data); err != nil {
		return err
	}
	return a.change(ctx, "update", req.Dataset, req.UID, req.Key, req.Expected, func(d *dataset, tx *sql.Tx, r row) error {
		sets, err := d.difference(&r, req.Data)
		if err != nil || len(sets) == 0 {
			return err
		}
		if err := d.apply(ctx, tx, sets, r.texts); err != nil || d.o.Query == "" {
			return err
		}
		return d.shows(ctx, tx, sets, req.UID, r.texts)
	})
}

// shows checks that a query shows what was just written to the table: a column of the query may have the name
// of one of the table's and be another.
func (d *dataset) shows(ctx context.Context, tx *sql.Tx, sets []set, uid string, texts []string) error {
	r, err := d.one(ctx, tx, d.byUID(d.live(d.selectFrom()), texts), uid)
	if errors.Is(err, adapter.ErrNotFound) {
		return nil // it has left the query by this
	}
	if err != nil {
		return err
	}
	for i, c := range d.columns {
		for _, one := range sets {
			if one.column.name == c.name && one.expr == "" && !(one.null && r.cells[i] == nil) && (one.null || r.cells[i] == nil || !equal(r.cells[i], c.show(one.text))) {
				return d.refuse(c, "it is not what the query shows under this name, or the table did not take it as it is")
			}
		}
	}
	return nil
}

// Delete implements adapter.Adapter.
func (a *Adapter) Delete(ctx context.Context, req adapter.DeleteRequest) error {
	return a.change(ctx, "delete", req.Dataset, req.UID, req.Key, req.Expected, func(d *dataset, tx *sql.Tx, r row) error {
		if d.deleted != nil {
			mark := set{column: *d.deleted, expr: "TRUE"}
			if d.deleted.kind != kBool {
				mark.expr = d.d.now(*d.deleted)
			}
			return d.apply(ctx, tx, []set{mark}, r.texts)
		}
		s := (&statement{d: d.d}).add("DELETE FROM ", d.table, " WHERE 1 = 1")
		return d.exactlyOne(d.byUID(s, r.texts).exec(ctx, tx))
	})
}

// change notes the key, locks the row, compares it with what is expected and has write write.
func (a *Adapter) change(ctx context.Context, method, dataset, uid, key string, expected json.RawMessage, write func(*dataset, *sql.Tx, row) error) error {
	d, err := a.writable(dataset)
	if err != nil {
		return err
	}
	texts, ok := d.parseUID(uid)
	if !ok {
		return adapter.ErrNotFound
	}
	return a.write(ctx, d, func(tx *sql.Tx) error {
		if known, err := a.remember(ctx, tx, method, d.id, key, uid); err != nil || known {
			return err
		}
		r, err := d.lock(ctx, tx, uid, texts)
		if err != nil {
			return err
		}
		if err := holds(d.id, d.data(r), expected); err != nil {
			return err
		}
		return write(d, tx, r)
	})
}
