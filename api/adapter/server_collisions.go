package adapter

import (
	"context"
	"encoding/json"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
)

func (s *server) HandleCollision(ctx context.Context, in *adapterv1.HandleCollisionRequest) (out *adapterv1.HandleCollisionResponse, err error) {
	c := in.GetContext()
	defer s.settle("HandleCollision", c, &err)
	if err := first(checkWrite(c, in.GetIdempotencyKey()), checkUID(c, in.GetUid())); err != nil {
		return nil, err
	}
	for field, raw := range map[string][]byte{"pre": in.GetPre(), "post": in.GetPost()} {
		if len(raw) > 0 && !json.Valid(raw) {
			return nil, invalid("dataset %s: %s is not JSON", c.GetDataset(), field)
		}
	}
	err = s.adapter.HandleCollision(ctx, HandleCollisionRequest{
		Dataset: c.GetDataset(), MetaData: optional(c.GetMetaData()), UID: in.GetUid(),
		Hash: in.GetHash(), Timestamp: in.GetTimestamp(),
		Pre: optional(in.GetPre()), Post: optional(in.GetPost()), Key: in.GetIdempotencyKey(),
	})
	return &adapterv1.HandleCollisionResponse{}, err
}

func (s *server) ListCollisions(ctx context.Context, in *adapterv1.ListCollisionsRequest) (out *adapterv1.ListCollisionsResponse, err error) {
	c := in.GetContext()
	defer s.settle("ListCollisions", c, &err)
	if err := checkContext(c); err != nil {
		return nil, err
	}
	answer, err := s.adapter.ListCollisions(ctx, ListCollisionsRequest{
		Dataset: c.GetDataset(), MetaData: optional(c.GetMetaData()),
	})
	if err != nil {
		return nil, err
	}
	if !isObject(answer) {
		return nil, status.Errorf(codes.Internal, "dataset %s: the adapter's collisions are not a JSON object", c.GetDataset())
	}
	return &adapterv1.ListCollisionsResponse{Collisions: answer}, nil
}

func (s *server) RemoveCollision(ctx context.Context, in *adapterv1.RemoveCollisionRequest) (out *adapterv1.RemoveCollisionResponse, err error) {
	c := in.GetContext()
	defer s.settle("RemoveCollision", c, &err)
	if err := checkContext(c); err != nil {
		return nil, err
	}
	removed, err := s.adapter.RemoveCollision(ctx, RemoveCollisionRequest{
		Dataset: c.GetDataset(), MetaData: optional(c.GetMetaData()), Hash: in.GetHash(),
	})
	if err != nil {
		return nil, err
	}
	return &adapterv1.RemoveCollisionResponse{Removed: removed}, nil
}
