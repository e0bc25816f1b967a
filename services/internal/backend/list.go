package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
	"github.com/tandem-sync/tandem/services/internal/record"
)

// List yields the records of a view as they arrive, without their hashes. An
// error is yielded last: what came before it is not all there is, and is to be
// forgotten. ctx carries the deadline (the dataset's BackendListTimeout); without
// one Options.ListTimeout holds. Breaking off early is fine.
func (b *Backend) List(ctx context.Context, req ListRequest) iter.Seq2[record.Record, error] {
	return func(yield func(record.Record, error) bool) {
		if err := b.list(ctx, req, yield); err != nil {
			yield(record.Record{}, err)
		}
	}
}

// errEnough ends a list that its consumer broke off.
var errEnough = errors.New("enough")

func (b *Backend) list(ctx context.Context, req ListRequest, yield func(record.Record, error) bool) error {
	if err := b.check("List", req.Dataset, size(req.QueryParams)); err != nil {
		return err
	}
	limited, cancel := context.WithCancel(ctx)
	defer cancel()
	if _, given := ctx.Deadline(); !given {
		var stop context.CancelFunc
		limited, stop = context.WithTimeout(limited, b.listTimeout)
		defer stop()
	}
	call, err := b.conn.begin(limited)
	if err != nil {
		return translate(ctx, b.dataset, "List", err)
	}
	err = errEnough // also when the consumer panics
	defer func() { call.end(ctx, err) }()
	stream, err := call.client.List(limited, &adapterv1.ListRequest{
		Context: b.context(req.MetaData), QueryParams: req.QueryParams,
	})
	if err != nil {
		return translate(ctx, b.dataset, "List", err)
	}
	for {
		var batch *adapterv1.ListResponse
		batch, err = stream.Recv()
		if errors.Is(err, io.EOF) {
			err = nil
			return nil
		}
		if err != nil {
			return translate(ctx, b.dataset, "List", err)
		}
		call.answered()
		for _, r := range batch.GetRecords() {
			if r.GetUid() == "" || !record.IsObject(r.GetData()) {
				return b.failed("List", fmt.Sprintf("the backend listed a record with uid %q that has no uid or is no JSON object", r.GetUid()))
			}
			if !yield(record.Record{UID: r.GetUid(), Data: r.GetData()}, nil) {
				return nil
			}
		}
	}
}
