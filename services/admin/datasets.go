package admin

import (
	"context"
	"maps"
	"slices"

	adminv1 "github.com/tandem-sync/tandem/proto/admin/v1"
)

// ListDatasets returns the datasets that are configured or have views.
func (s *Server) ListDatasets(ctx context.Context, _ *adminv1.ListDatasetsRequest) (*adminv1.ListDatasetsResponse, error) {
	views, err := s.Store.ListDatasetClients(ctx, "")
	if err != nil {
		return nil, toStatus(err)
	}
	all := map[string]*adminv1.Dataset{}
	get := func(id string) *adminv1.Dataset {
		if all[id] == nil {
			all[id] = &adminv1.Dataset{Id: id}
		}
		return all[id]
	}
	if s.Datasets != nil {
		for _, c := range s.Datasets() {
			d := get(c.ID)
			d.Configured, d.Adapter = true, c.Adapter
		}
	}
	for _, view := range views {
		d := get(view.Dataset)
		d.DatasetClients++
		if view.Active {
			d.ActiveDatasetClients++
		}
		d.Stopped = d.Stopped || view.Stopped
		d.LastRunStart = max(d.LastRunStart, millis(view.SyncLoopStart))
	}
	resp := &adminv1.ListDatasetsResponse{}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		resp.Datasets = append(resp.Datasets, all[id])
	}
	return resp, nil
}
