package config

import "github.com/tandem-sync/tandem/services/internal/record"

// fileSettings are about the datasets as a whole.
func fileSettings(d *Datasets) []setting {
	return []setting{
		{Key: "datasetsFile", Doc: "YAML file with datasets, over what stands here; read again while running (docs/08-datasets.md). Empty: none.", value: textValue{p: &d.File}},
		{Key: "datasetsReloadInterval", Doc: "Time between two looks at datasetsFile and the certificates that it names.", value: durationValue{&d.ReloadInterval, msec, 10 * msec}},
		{Key: "allowUnknownDatasets", Doc: "A dataset that is not listed under `datasets` appears on first use.", value: boolValue{&d.AllowUnknown}},
	}
}

// datasetSettings are the settings that each dataset may have for itself.
func datasetSettings(d *Dataset) []setting {
	return []setting{
		{Key: "syncFrequency", Doc: "Time from the end of a sync run to the next.", value: durationValue{&d.SyncFrequency, sec, msec}},
		{Key: "clientSyncTimeout", Doc: "A dataset client not accessed for so long gets no more sync runs.", value: durationValue{&d.ClientSyncTimeout, sec, msec}},
		{Key: "backendListTimeout", Doc: "How long the backend may take to list its records.", value: durationValue{&d.BackendListTimeout, sec, msec}},
		{Key: "maxScheduleWaitTime", Doc: "How long a sync run may be scheduled before another is in its place; 0: syncFrequency + backendListTimeout.", value: durationValue{&d.MaxScheduleWaitTime, sec, 0}},
		{Key: "syncOnChange", Doc: "A change that was applied asks for a sync run before its time.", value: boolValue{&d.SyncOnChange}},
		{Key: "syncOnChangeGap", Doc: "The least time from the beginning of one sync run to the next where changes ask for them.", value: durationValue{&d.ChangeGap, sec, 0}},
		{Key: "adapter", Doc: "HOST:PORT of the gRPC adapter; empty: defaultAdapter, or records are kept in Tandem's own store.", value: textValue{p: &d.Adapter, valid: noAddress, wanted: "HOST:PORT or nothing"}},
		{Key: "adapterTls", Doc: "How the adapter is called, instead of what adapterCaFile, adapterCertFile and adapterKeyFile say.", value: tlsValue{&d.AdapterTLS}},
		{Key: "queryFields", Doc: "The fields that devices may use in query_params, with what lies below them; `*`: all, empty: none.", value: fieldsValue{&d.QueryFields}},
		{Key: "changeField", Doc: "Of the mongo adapter: the top-level field, with an index, that grows with each write of a record; it lists changes by it. Empty: it lists records alone.", value: textValue{p: &d.ChangeField}},
		{Key: "deletedField", Doc: "Of the mongo adapter: the top-level field that marks a record as deleted; it needs changeField. Empty: deleted records are removed.", value: textValue{p: &d.DeletedField}},
		{Key: "recordHash", Doc: "What tells two versions of a record apart (docs/08-datasets.md).", value: hasherValue{&d.RecordHash}},
	}
}

// interceptorSettings are those of an interceptor: of the one for all datasets, or
// of a dataset's own.
func interceptorSettings(i *Interceptor) []setting {
	return append([]setting{
		{Key: "interceptor", Doc: "HOST:PORT of a gRPC service that may refuse or change requests; empty: none. This one is asked for every dataset, before the dataset's own.", value: textValue{p: &i.Address, valid: noAddress, wanted: "HOST:PORT or nothing"}},
		{Key: "interceptorTls", Doc: "How the interceptor is called.", value: tlsValue{&i.TLS}},
	}, interceptorLimits(i)...)
}

// interceptorLimits are those that the interceptors of all datasets have in common
// unless they say otherwise.
func interceptorLimits(i *Interceptor) []setting {
	return []setting{
		{Key: "interceptorTimeout", Doc: "How long an interceptor may take to answer.", value: durationValue{&i.Timeout, msec, msec}},
		{Key: "interceptorOnFailure", Doc: "What happens to a request whose interceptor does not answer: refuse or allow.", value: textValue{p: &i.OnFailure, choices: []string{FailureRefuse, FailureAllow}}},
	}
}

// listedSettings are the settings of a dataset that is listed.
func listedSettings(d *Dataset) []setting {
	return append(datasetSettings(d), interceptorSettings(&d.Interceptor)...)
}

// defaultDatasets is what is in force when nothing is set.
func defaultDatasets() Datasets {
	return Datasets{
		ReloadInterval: sec,
		AllowUnknown:   true,
		Default:        Dataset{SyncConfig: record.DefaultSyncConfig(), SyncOnChange: true, RecordHash: record.HashSHA1},
		Interceptor:    Interceptor{Timeout: 5 * sec, OnFailure: FailureRefuse},
	}
}
