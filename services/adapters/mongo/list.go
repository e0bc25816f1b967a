package mongo

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-sync/tandem/api/adapter"
)

// List implements adapter.Adapter. A record that is changed meanwhile comes in its old or its new state.
func (a *Adapter) List(ctx context.Context, req adapter.ListRequest, send func(adapter.Record) error) error {
	d, err := a.dataset(req.Dataset)
	if err != nil {
		return err
	}
	view, err := d.view(req.QueryParams)
	if err != nil {
		return err
	}
	return d.each(ctx, view, func(doc bson.Raw) error { return send(d.record(doc)) })
}

// view translates query_params into a filter for the records that are there.
func (d dataset) view(queryParams []byte) (bson.D, error) {
	query, err := d.query(queryParams)
	if err != nil {
		return nil, adapter.Refuse(fmt.Sprintf("dataset %s: query_params: %v", d.id, err))
	}
	return and(query, d.live()), nil
}

// and joins filters.
func and(filters ...bson.D) bson.D {
	parts := bson.A{}
	last := bson.D{}
	for _, f := range filters {
		if len(f) > 0 {
			parts = append(parts, f)
			last = f
		}
	}
	if len(parts) < 2 {
		return last
	}
	return bson.D{{Key: "$and", Value: parts}}
}

func (d dataset) record(doc bson.Raw) adapter.Record {
	return adapter.Record{UID: uidOf(doc.Lookup("_id")), Data: d.data(doc)}
}

// each calls f with the documents that a filter selects. They are f's only until it returns.
func (d dataset) each(ctx context.Context, filter bson.D, f func(doc bson.Raw) error, find ...options.Lister[options.FindOptions]) error {
	cursor, err := d.records.Find(ctx, filter, find...)
	if err != nil {
		return failure(d.id, err)
	}
	defer cursor.Close(context.WithoutCancel(ctx)) //nolint:errcheck // the server closes what it did not hear of
	for cursor.Next(ctx) {
		if err := f(cursor.Current); err != nil {
			return err
		}
		if ctx.Err() != nil { // what has arrived already comes without asking for it
			return ctx.Err()
		}
	}
	return failure(d.id, cursor.Err())
}
