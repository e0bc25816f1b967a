package sql

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/adapters/internal/filter"
)

// List implements adapter.Adapter.
func (a *Adapter) List(ctx context.Context, req adapter.ListRequest, send func(adapter.Record) error) error {
	d, err := a.dataset(req.Dataset)
	if err != nil {
		return err
	}
	v, err := d.view(req.QueryParams)
	if err != nil {
		return err
	}
	var sendErr error
	err = a.snapshot(ctx, d, func(tx *sql.Tx) error {
		return v.each(ctx, tx, func(r adapter.Record) error {
			sendErr = send(r)
			return sendErr
		})
	})
	if sendErr != nil {
		return sendErr
	}
	return err
}

// view is what a device asks for.
type view struct {
	d      *dataset
	filter filter.Filter
	params []byte
}

func (d *dataset) view(params json.RawMessage) (view, error) {
	v := view{d: d, params: params}
	var err error
	if v.filter, err = filter.Parse(params); err == nil {
		err = d.allowed(params)
	}
	if err != nil {
		return view{}, adapter.Refuse(fmt.Sprintf("dataset %s: query_params: %v", d.id, err))
	}
	return v, nil
}

// each calls f with the records of the view, as they arrive.
func (v view) each(ctx context.Context, tx *sql.Tx, f func(adapter.Record) error) error {
	s := v.d.live(v.d.selectFrom())
	if !v.filter.All() {
		v.d.narrow(s, v.params)
	}
	if limit := v.d.d.limit(); limit != "" {
		s.add(limit)
		s.args = append(s.args, 0)
	}
	rows, err := s.query(ctx, tx)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		r, err := v.d.scan(rows)
		if err != nil {
			return err
		}
		if data := v.d.data(r); v.filter.Match(r.uid, data) {
			if err := f(adapter.Record{UID: r.uid, Data: data}); err != nil {
				return err
			}
		}
		if ctx.Err() != nil { // what has arrived already comes without asking for it
			return ctx.Err()
		}
	}
	return rows.Err()
}
