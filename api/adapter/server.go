package adapter

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"unicode/utf8"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tandem-sync/tandem/api/internal/serve"
	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
)

// NewServer makes the gRPC service of an adapter.
func NewServer(a Adapter, opts ...Option) adapterv1.AdapterServiceServer {
	return &server{adapter: a, log: serve.Gather(opts).Log}
}

// Register adds the adapter to a gRPC server of yours. Make that with
// ServerOptions, so that large records pass.
func Register(r grpc.ServiceRegistrar, a Adapter, opts ...Option) {
	adapterv1.RegisterAdapterServiceServer(r, NewServer(a, opts...))
}

type server struct {
	adapterv1.UnimplementedAdapterServiceServer
	adapter Adapter
	log     *slog.Logger
}

// settle ends every method: it turns a panic into an error and an error into a status.
func (s *server) settle(method string, c *adapterv1.Context, err *error) {
	if p := recover(); p != nil {
		s.log.Error("adapter panicked", "method", method, "dataset", c.GetDataset(),
			"panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		*err = status.Errorf(codes.Internal, "dataset %s: internal error of the adapter in %s", c.GetDataset(), method)
	}
	*err = toStatus(*err)
}

func (s *server) Describe(ctx context.Context, _ *adapterv1.DescribeRequest) (out *adapterv1.DescribeResponse, err error) {
	defer s.settle("Describe", nil, &err)
	var d Description
	if a, ok := s.adapter.(Describer); ok {
		if d, err = a.Describe(ctx); err != nil {
			return nil, err
		}
	}
	_, changes := s.adapter.(ChangeLister)
	_, watch := s.adapter.(Watcher)
	return &adapterv1.DescribeResponse{
		Name: d.Name, Version: d.Version,
		CompareAndWrite: d.CompareAndWrite, RemembersKeys: d.RemembersKeys,
		ListChanges: changes, Watch: watch,
	}, nil
}

func (s *server) Create(ctx context.Context, in *adapterv1.CreateRequest) (out *adapterv1.CreateResponse, err error) {
	c := in.GetContext()
	defer s.settle("Create", c, &err)
	if err := first(checkWrite(c, in.GetIdempotencyKey()), checkObject(c, "data", in.GetData())); err != nil {
		return nil, err
	}
	uid, err := s.adapter.Create(ctx, CreateRequest{
		Dataset: c.GetDataset(), MetaData: optional(c.GetMetaData()),
		Data: in.GetData(), Key: in.GetIdempotencyKey(),
	})
	if err != nil {
		return nil, err
	}
	if uid == "" || !utf8.ValidString(uid) {
		return nil, status.Errorf(codes.Internal, "dataset %s: the adapter created a record with the unusable uid %q", c.GetDataset(), uid)
	}
	return &adapterv1.CreateResponse{Uid: uid}, nil
}

func (s *server) Read(ctx context.Context, in *adapterv1.ReadRequest) (out *adapterv1.ReadResponse, err error) {
	c := in.GetContext()
	defer s.settle("Read", c, &err)
	if err := first(checkContext(c), checkUID(c, in.GetUid())); err != nil {
		return nil, err
	}
	data, err := s.adapter.Read(ctx, ReadRequest{
		Dataset: c.GetDataset(), MetaData: optional(c.GetMetaData()), UID: in.GetUid(),
	})
	if err != nil {
		return nil, err
	}
	if err := checkRecord(c, in.GetUid(), data); err != nil {
		return nil, err
	}
	return &adapterv1.ReadResponse{Data: data}, nil
}

func (s *server) Update(ctx context.Context, in *adapterv1.UpdateRequest) (out *adapterv1.UpdateResponse, err error) {
	c := in.GetContext()
	defer s.settle("Update", c, &err)
	if err := first(checkWrite(c, in.GetIdempotencyKey()), checkUID(c, in.GetUid()),
		checkObject(c, "data", in.GetData()), checkOptionalObject(c, "expected_data", in.GetExpectedData())); err != nil {
		return nil, err
	}
	err = s.adapter.Update(ctx, UpdateRequest{
		Dataset: c.GetDataset(), MetaData: optional(c.GetMetaData()), UID: in.GetUid(),
		Data: in.GetData(), Expected: optional(in.GetExpectedData()), Key: in.GetIdempotencyKey(),
	})
	return &adapterv1.UpdateResponse{}, err
}

func (s *server) Delete(ctx context.Context, in *adapterv1.DeleteRequest) (out *adapterv1.DeleteResponse, err error) {
	c := in.GetContext()
	defer s.settle("Delete", c, &err)
	if err := first(checkWrite(c, in.GetIdempotencyKey()), checkUID(c, in.GetUid()),
		checkOptionalObject(c, "expected_data", in.GetExpectedData())); err != nil {
		return nil, err
	}
	err = s.adapter.Delete(ctx, DeleteRequest{
		Dataset: c.GetDataset(), MetaData: optional(c.GetMetaData()), UID: in.GetUid(),
		Expected: optional(in.GetExpectedData()), Key: in.GetIdempotencyKey(),
	})
	return &adapterv1.DeleteResponse{}, err
}

// first returns the first error of several checks.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
