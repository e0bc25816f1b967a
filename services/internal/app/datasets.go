package app

import (
	"context"

	"github.com/tandem-sync/tandem/services/admin"
	"github.com/tandem-sync/tandem/services/internal/datasets"
)

// openDatasets reads the datasets, and again whenever their file changes.
func (n *Node) openDatasets(context.Context) error {
	src, err := datasets.Open(datasets.Options{Under: n.cfg.Datasets, Log: n.log, Clock: n.opts.Clock})
	if err != nil {
		return err
	}
	n.datasets = src
	n.work = append(n.work, src.Run)
	return nil
}

// configuredDatasets shows what is in force to the administration API.
func (n *Node) configuredDatasets() []admin.ConfiguredDataset {
	current := n.datasets.Current()
	var list []admin.ConfiguredDataset
	for _, id := range current.IDs() {
		d, _ := current.Dataset(id)
		list = append(list, admin.ConfiguredDataset{ID: id, Adapter: d.Adapter.Address})
	}
	return list
}
