// Package admin answers the administration API (proto/admin/v1): what the command
// line, the console and the operator ask and order. It acts on the store alone
// and wakes the roles concerned. It gives facts; what they mean for somebody who
// misses a change is said in package story.
package admin

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	adminv1 "github.com/tandem-sync/tandem/proto/admin/v1"
	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/wake"
	"github.com/tandem-sync/tandem/services/internal/wire"
)

// Store is what the API needs of it.
type Store interface {
	ListDatasetClients(ctx context.Context, dataset string) ([]record.DatasetClient, error)
	SetStopped(ctx context.Context, dataset string, stopped bool) (int64, error)
	DatasetClient(ctx context.Context, id string) (record.DatasetClient, error)
	EnqueueJob(ctx context.Context, clientID string) error
	FindChanges(ctx context.Context, q store.ChangeQuery) ([]store.ChangeStory, error)
	RecordViews(ctx context.Context, dataset, uid string) (hash string, clients []string, err error)
	Queues(ctx context.Context) (map[store.Queue]int64, error)
}

// Server implements the API.
type Server struct {
	adminv1.UnimplementedAdminServiceServer
	Store Store
	Bus   wake.Bus
	// Datasets tells which datasets the configuration lists; nil: none, or not known here.
	Datasets func() []ConfiguredDataset
	// Clock tells what is due and since when; nil: clock.System.
	Clock clock.Clock
}

// ConfiguredDataset is what the configuration says of a dataset.
type ConfiguredDataset struct {
	ID      string
	Adapter string // HOST:PORT; "": the default one
}

func (s *Server) now() time.Time {
	if s.Clock == nil {
		return clock.System()
	}
	return s.Clock()
}

// StopDataset refuses the sync requests of a dataset until StartDataset.
func (s *Server) StopDataset(ctx context.Context, req *adminv1.StopDatasetRequest) (*adminv1.StopDatasetResponse, error) {
	n, err := s.setStopped(ctx, req.GetDataset(), true)
	return &adminv1.StopDatasetResponse{DatasetClients: n}, err
}

// StartDataset ends StopDataset.
func (s *Server) StartDataset(ctx context.Context, req *adminv1.StartDatasetRequest) (*adminv1.StartDatasetResponse, error) {
	n, err := s.setStopped(ctx, req.GetDataset(), false)
	return &adminv1.StartDatasetResponse{DatasetClients: n}, err
}

func (s *Server) setStopped(ctx context.Context, dataset string, stopped bool) (int64, error) {
	if err := wire.CheckDatasetID(dataset); err != nil {
		return 0, status.Error(codes.InvalidArgument, err.Error())
	}
	n, err := s.Store.SetStopped(ctx, dataset, stopped)
	if err != nil {
		return 0, toStatus(err)
	}
	s.Bus.Publish(wake.Schedule)
	return n, nil
}

// ListDatasetClients returns the views with their state.
func (s *Server) ListDatasetClients(ctx context.Context, req *adminv1.ListDatasetClientsRequest) (*adminv1.ListDatasetClientsResponse, error) {
	list, err := s.Store.ListDatasetClients(ctx, req.GetDataset())
	if err != nil {
		return nil, toStatus(err)
	}
	resp := &adminv1.ListDatasetClientsResponse{}
	now := s.now()
	for _, dc := range list {
		resp.DatasetClients = append(resp.DatasetClients, datasetClient(dc, now))
	}
	return resp, nil
}

// RunSync asks for a sync run of every view of a dataset, now.
func (s *Server) RunSync(ctx context.Context, req *adminv1.RunSyncRequest) (*adminv1.RunSyncResponse, error) {
	if err := wire.CheckDatasetID(req.GetDataset()); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	list, err := s.Store.ListDatasetClients(ctx, req.GetDataset())
	if err != nil {
		return nil, toStatus(err)
	}
	resp := &adminv1.RunSyncResponse{}
	for _, dc := range list {
		err := s.Store.EnqueueJob(ctx, dc.ID)
		if errors.Is(err, store.ErrNotFound) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, toStatus(err)
		}
		resp.Queued++
	}
	s.Bus.Publish(wake.Sync)
	return resp, nil
}

// Queues tells how many messages wait in each queue.
func (s *Server) Queues(ctx context.Context, _ *adminv1.QueuesRequest) (*adminv1.QueuesResponse, error) {
	sizes, err := s.Store.Queues(ctx)
	if err != nil {
		return nil, toStatus(err)
	}
	resp := &adminv1.QueuesResponse{Messages: map[string]int64{}}
	for q, n := range sizes {
		resp.Messages[string(q)] = n
	}
	return resp, nil
}

// toStatus is the one table from the store's errors to gRPC codes.
func toStatus(err error) error {
	code := codes.Internal
	switch {
	case errors.Is(err, store.ErrNotFound):
		code = codes.NotFound
	case errors.Is(err, store.ErrUnavailable):
		code = codes.Unavailable
	case errors.Is(err, store.ErrTooLarge):
		code = codes.InvalidArgument
	case errors.Is(err, context.DeadlineExceeded):
		code = codes.DeadlineExceeded
	case errors.Is(err, context.Canceled):
		code = codes.Canceled
	}
	return status.Error(code, err.Error())
}
