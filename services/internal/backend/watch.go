package backend

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
	"github.com/tandem-sync/tandem/services/internal/record"
)

// Watch calls hint each time the adapter says that something changed in its backend,
// until ctx ends or the adapter does not answer any more, which is the error. With
// query params it is the view that they select; without, any may have changed.
//
// It takes none of the adapter's slots: it lasts for as long as it is wanted.
func (b *Backend) Watch(ctx context.Context, hint func(queryParams json.RawMessage)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cc, release, err := b.conn.connect()
	if err != nil {
		return translate(ctx, b.dataset, "Watch", err)
	}
	defer release()
	stream, err := adapterv1.NewAdapterServiceClient(cc).Watch(ctx, &adapterv1.WatchRequest{Context: b.context(nil)})
	if err != nil {
		return translate(ctx, b.dataset, "Watch", err)
	}
	for {
		m, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return b.failed("Watch", "the adapter ended the stream of hints")
		case err != nil:
			return translate(ctx, b.dataset, "Watch", err)
		}
		params := json.RawMessage(m.GetQueryParams())
		if len(params) > 0 && !record.IsObject(params) {
			params = nil // it says nothing that can be understood: any view
		}
		hint(params)
	}
}
