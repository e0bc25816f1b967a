package gateway

import (
	"context"
	"encoding/json"
	"iter"
	"log/slog"
	"net/http"
	"time"

	"github.com/tandem-sync/tandem/services/internal/backend"
	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/stats"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/wake"
	"github.com/tandem-sync/tandem/services/internal/wire"
)

// Store is what the gateway needs of it.
type Store interface {
	store.Records
	EnqueueChanges(ctx context.Context, changes []record.Change) (store.EnqueueResult, error)
	ChangedUIDs(ctx context.Context, dataset, cuid string, since time.Time) ([]string, error)
	EnqueueAcks(ctx context.Context, acks []record.Ack) error
	ListUpdates(ctx context.Context, dataset, cuid string, limit int) ([]record.Update, error)
	SyncState(ctx context.Context, clientID, dataset, cuid string, limit int) (*record.DatasetClient, []record.Update, error)
	DatasetClient(ctx context.Context, id string) (record.DatasetClient, error)
	TouchDatasetClients(ctx context.Context, touches []store.Touch) error
	ViewHashes(ctx context.Context, clientID string) iter.Seq2[store.UIDHash, error]
	Ping(ctx context.Context) error
}

// Backend is what the gateway calls an adapter for.
type Backend interface {
	ListCollisions(ctx context.Context, req backend.ListCollisionsRequest) (json.RawMessage, error)
	RemoveCollision(ctx context.Context, req backend.RemoveCollisionRequest) (removed int64, err error)
}

// Datasets says which datasets there are and how each is kept in step.
type Datasets interface {
	// Dataset returns the configuration of a dataset; known is false where the
	// configuration lists its datasets and this is none of them.
	Dataset(id string) (cfg record.SyncConfig, known bool)
}

// Interceptor may refuse a request or change it, and refuse an answer (protocol
// section 2, steps 1 and 8). Of a request it may change QueryParams, MetaData and CUID.
type Interceptor interface {
	Request(ctx context.Context, dataset string, req *wire.Request) error
	Response(ctx context.Context, dataset string, req *wire.Request, answer wire.Summary) error
}

// Config is how the gateway serves.
type Config struct {
	BodyLimit         int64         // bytes, before and after decompression
	RequestTimeout    time.Duration // until a request is given up
	CORSOrigins       []string      // "*" for all, empty for none
	AccessLog         bool          // a line for each request
	SyncReqWaitForAck bool          // answer after the acknowledgements are stored
	SyncReqAckLimit   int           // acknowledgements and updates of one request; <= 0: no limit
	Version           string
}

// Options is what a gateway is made of.
type Options struct {
	Config   Config
	Store    Store
	Backend  func(dataset string) (Backend, error)
	Datasets Datasets
	// QueryFields gives the fields that devices may use in query_params of a dataset, with
	// what lies below them; nil for all. A nil function: all, everywhere.
	QueryFields func(dataset string) []string
	Interceptor Interceptor  // nil: none
	Stats       *stats.Stats // nil: keeps none
	Bus         wake.Bus
	Clock       clock.Clock
	Log         *slog.Logger
}

// Gateway answers devices.
type Gateway struct {
	cfg         Config
	store       Store
	backend     func(dataset string) (Backend, error)
	datasets    Datasets
	queryFields func(dataset string) []string
	interceptor Interceptor
	stats       *stats.Stats
	bus         wake.Bus
	clock       clock.Clock
	log         *slog.Logger
	touches     *touches
	shown       shown
	handler     http.Handler
}

// New makes a gateway. Run must be running while it serves.
func New(o Options) (*Gateway, error) {
	g := &Gateway{
		cfg: o.Config, store: o.Store, backend: o.Backend, datasets: o.Datasets, queryFields: o.QueryFields, interceptor: o.Interceptor,
		stats: o.Stats, bus: o.Bus, clock: o.Clock, log: o.Log,
	}
	g.touches = &touches{store: o.Store, log: o.Log, pending: map[string]store.Touch{}}
	var err error
	g.handler, err = g.middleware(g.routes())
	return g, err
}

// ServeHTTP answers one request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.handler.ServeHTTP(w, r) }

// Run writes the merged accesses of dataset clients every few seconds until ctx
// ends, and then what is left of them.
func (g *Gateway) Run(ctx context.Context) { g.touches.run(ctx) }

// Flush writes the merged accesses now.
func (g *Gateway) Flush(ctx context.Context) error { return g.touches.flush(ctx) }
