package adapter

import (
	"encoding/json"
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
)

func (s *server) List(in *adapterv1.ListRequest, stream grpc.ServerStreamingServer[adapterv1.ListResponse]) (err error) {
	c := in.GetContext()
	defer s.settle("List", c, &err)
	query, err := checkQuery(c, in.GetQueryParams())
	if err != nil {
		return err
	}
	ctx := stream.Context()
	out := &batcher{send: func(batch []*adapterv1.Record) error {
		return stream.Send(&adapterv1.ListResponse{Records: batch})
	}}
	// A list that ends early must never look complete: Tandem would take the rest
	// for deleted. So an error of send counts even if the adapter drops it.
	var sendErr error
	err = s.adapter.List(ctx, ListRequest{
		Dataset: c.GetDataset(), MetaData: optional(c.GetMetaData()), QueryParams: query,
	}, func(r Record) error {
		if sendErr == nil {
			sendErr = first(ctx.Err(), checkRecord(c, r.UID, r.Data))
		}
		if sendErr == nil {
			sendErr = out.add(r.UID, r.Data)
		}
		return sendErr
	})
	if err := first(sendErr, err, ctx.Err()); err != nil {
		return err
	}
	return out.flush()
}

func (s *server) ListChanges(in *adapterv1.ListChangesRequest, stream grpc.ServerStreamingServer[adapterv1.ListChangesResponse]) (err error) {
	c := in.GetContext()
	defer s.settle("ListChanges", c, &err)
	lister, ok := s.adapter.(ChangeLister)
	if !ok {
		return notOffered("ListChanges")
	}
	query, err := checkQuery(c, in.GetQueryParams())
	if err != nil {
		return err
	}
	out := newChangeWriter(c, stream)
	cursor, err := lister.ListChanges(stream.Context(), ListChangesRequest{
		Dataset: c.GetDataset(), MetaData: optional(c.GetMetaData()),
		QueryParams: query, Cursor: in.GetCursor(),
	}, out)
	if err := first(out.err, err, stream.Context().Err()); err != nil {
		return err
	}
	if cursor == "" {
		return status.Errorf(codes.Internal, "dataset %s: the adapter returned no cursor", c.GetDataset())
	}
	return out.finish(cursor)
}

func (s *server) Watch(in *adapterv1.WatchRequest, stream grpc.ServerStreamingServer[adapterv1.WatchResponse]) (err error) {
	c := in.GetContext()
	defer s.settle("Watch", c, &err)
	watcher, ok := s.adapter.(Watcher)
	if !ok {
		return notOffered("Watch")
	}
	if err := checkContext(c); err != nil {
		return err
	}
	return watcher.Watch(stream.Context(), WatchRequest{
		Dataset: c.GetDataset(), MetaData: optional(c.GetMetaData()),
	}, func(h Hint) error {
		if len(h.QueryParams) > 0 && !isObject(h.QueryParams) {
			return errors.New("query_params of a hint must be a JSON object")
		}
		return stream.Send(&adapterv1.WatchResponse{QueryParams: h.QueryParams})
	})
}

func checkQuery(c *adapterv1.Context, query []byte) (json.RawMessage, error) {
	if err := checkContext(c); err != nil {
		return nil, err
	}
	if len(query) == 0 {
		return json.RawMessage("{}"), nil
	}
	return query, checkObject(c, "query_params", query)
}

func notOffered(method string) error {
	return status.Errorf(codes.Unimplemented, "%s is not offered by this adapter", method)
}
