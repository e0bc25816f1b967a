package embedded

import (
	"context"
	"fmt"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/adapters/internal/filter"
)

// A page ends when it has pageCount records or pageBytes bytes. Between pages the
// database is free: a slow listener must not hold up writes (in memory) or keep
// the write-ahead log from being folded in (in a file).
const (
	pageCount = 1000
	pageBytes = 4 << 20
)

type row struct {
	seq int64
	adapter.Record
}

// List implements adapter.Adapter. Records come in the order of their creation.
// A record that is changed meanwhile comes in its old or its new state.
func (a *Adapter) List(ctx context.Context, req adapter.ListRequest, send func(adapter.Record) error) error {
	want, err := filter.Parse(req.QueryParams)
	if err != nil {
		return adapter.Refuse(fmt.Sprintf("dataset %s: query_params: %v", req.Dataset, err))
	}
	var after int64
	for {
		rows, err := a.page(ctx, req.Dataset, after)
		if err != nil {
			return failure(req.Dataset, err)
		}
		if len(rows) == 0 {
			return nil
		}
		for _, r := range rows {
			if !want.Match(r.UID, r.Data) {
				continue
			}
			if err := send(r.Record); err != nil {
				return err
			}
		}
		after = rows[len(rows)-1].seq
	}
}

func (a *Adapter) page(ctx context.Context, dataset string, after int64) ([]row, error) {
	rows, err := a.reader.QueryContext(ctx,
		"SELECT seq, uid, data FROM records WHERE dataset = ? AND seq > ? ORDER BY seq LIMIT ?",
		dataset, after, pageCount)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var page []row
	for bytes := 0; bytes < pageBytes && rows.Next(); {
		var r row
		var data []byte
		if err := rows.Scan(&r.seq, &r.UID, &data); err != nil {
			return nil, err
		}
		r.Data = data
		bytes += len(data)
		page = append(page, r)
	}
	return page, rows.Err()
}
