package config

import "github.com/tandem-sync/tandem/services/internal/record"

// Datasets is which datasets there are and how each is kept in step.
type Datasets struct {
	AllowUnknown bool               // allowUnknownDatasets: a dataset that is not listed appears on first use; default true
	Default      Dataset            // of every dataset that does not say otherwise
	ByID         map[string]Dataset // datasets: those listed, complete with what Default gives
}

// Dataset is the settings of one dataset: syncFrequency (default 10 s),
// clientSyncTimeout (1 h), backendListTimeout (5 min), maxScheduleWaitTime (0:
// the sum of syncFrequency and backendListTimeout); plain numbers are seconds.
type Dataset struct {
	record.SyncConfig
	Adapter string // adapter: HOST:PORT of its gRPC adapter; default "": the embedded one
}

// For returns the settings of a dataset, false when it is not to be served.
func (d Datasets) For(id string) (Dataset, bool) {
	if listed, ok := d.ByID[id]; ok {
		return listed, true
	}
	return d.Default, d.AllowUnknown
}
