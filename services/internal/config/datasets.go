package config

import (
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// Datasets is which datasets there are and how each is kept in step.
type Datasets struct {
	File           string             // datasetsFile: YAML file that is read again while running; default "": none
	ReloadInterval time.Duration      // datasetsReloadInterval: between two looks at it; default 1 s
	AllowUnknown   bool               // allowUnknownDatasets: a dataset that is not listed appears on first use; default true
	Default        Dataset            // of every dataset that does not say otherwise; its Interceptor is not used
	ByID           map[string]Dataset // datasets: those listed, complete with what Default gives
	Interceptor    Interceptor        // asked for every dataset, before the dataset's own
}

// Dataset is the settings of one dataset: syncFrequency (default 10 s),
// clientSyncTimeout (1 h), backendListTimeout (5 min), maxScheduleWaitTime (0:
// the sum of syncFrequency and backendListTimeout), syncOnChangeGap (1 s); plain
// numbers are seconds.
type Dataset struct {
	record.SyncConfig
	SyncOnChange bool        // syncOnChange: a change that was applied asks for a sync run; default true
	Adapter      string      // adapter: HOST:PORT of its gRPC adapter; default "": the default one
	AdapterTLS   TLS         // adapterTls: how it is called; default: as the settings adapterCaFile and so on say
	QueryFields  []string    // queryFields: that query_params may use; default nil: all
	RecordHash   string      // recordHash, see record.NewHasher; default sha1
	ChangeField  string      // changeField: what the mongo adapter finds changes by; default "": it does not offer that
	DeletedField string      // deletedField: what marks a record of the mongo adapter as deleted; default "": it is removed
	Interceptor  Interceptor // the dataset's own
}

// Interceptor is a gRPC service that may refuse or change requests.
type Interceptor struct {
	Address   string        // interceptor: HOST:PORT; default "": none
	TLS       TLS           // interceptorTls: how it is called; default: plain text
	Timeout   time.Duration // interceptorTimeout: of one call; default 5 s
	OnFailure string        // interceptorOnFailure: FailureRefuse (default) or FailureAllow
}

// What happens to a request whose interceptor gives no answer.
const (
	FailureRefuse = "refuse" // it is answered with 503
	FailureAllow  = "allow"  // it goes on as if the interceptor had allowed it
)

// TLS is how a gRPC service is called. The zero value says nothing about it.
type TLS struct {
	Mode       string // TLSOn, TLSOff, or "": not said
	CAFile     string // caFile: PEM file of who signed the service's certificate; "": the machine's authorities
	CertFile   string // certFile: PEM file of this side's certificate, for mutual TLS; "": none
	KeyFile    string // keyFile: PEM file of its key
	ServerName string // serverName: the name that the certificate must have; "": the host called
	Insecure   bool   // insecure: encrypted, but the certificate is not checked; for trials only
}

// The modes of TLS.
const (
	TLSOn  = "on"
	TLSOff = "off" // plain text
)

// For returns the settings of a dataset, false when it is not to be served.
func (d Datasets) For(id string) (Dataset, bool) {
	if listed, ok := d.ByID[id]; ok {
		return listed, true
	}
	return d.base(), d.AllowUnknown
}

// base is what a dataset begins with that is not listed.
func (d Datasets) base() Dataset {
	dataset := d.Default
	dataset.Interceptor = Interceptor{Timeout: d.Interceptor.Timeout, OnFailure: d.Interceptor.OnFailure}
	return dataset
}
