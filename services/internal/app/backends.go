package app

import (
	"context"
	"fmt"

	"google.golang.org/grpc"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/adapters/embedded"
	"github.com/tandem-sync/tandem/services/internal/backend"
	"github.com/tandem-sync/tandem/services/internal/datasets"
)

// openBackends makes the way to the adapters: those that datasets name, and the
// default one.
func (n *Node) openBackends(ctx context.Context) error {
	if !n.opts.has(Gateway, SyncWorker, PendingWorker) {
		return nil
	}
	dial, err := clientCredentials(n.cfg.Adapters)
	if err != nil {
		return err
	}
	o := backend.Options{
		Endpoints: n.datasets.Adapter, Dial: func(address string) (*grpc.ClientConn, error) { return backend.Dial(address, dial...) },
		DefaultAddress: n.cfg.Adapters.Default,
		CallTimeout:    n.cfg.Adapters.Timeout, MaxConcurrent: n.cfg.Adapters.Concurrency, Logger: n.log, Now: n.opts.Clock,
	}
	served, err := n.ownAdapter(ctx)
	if err != nil {
		return err
	}
	if served != nil {
		conn, stop := backend.InProcess(served, adapter.WithLogger(n.log))
		n.closing(func() error { stop(); return nil })
		o.Default = conn
	}
	n.hasDefault = served != nil || o.DefaultAddress != ""
	if !n.hasDefault {
		n.log.Warn("no defaultAdapter is set; changes to datasets that name no adapter of their own wait")
	}
	n.router = backend.New(o)
	n.closing(n.router.Close)
	n.datasets.Subscribe(func(s *datasets.Snapshot) { n.router.Retain(s.Adapters()) })
	return nil
}

// ownAdapter opens the default adapter where that is in this process; nil: it is
// not.
func (n *Node) ownAdapter(ctx context.Context) (adapter.Adapter, error) {
	switch {
	case n.opts.Adapter != nil:
		return n.opts.Adapter, nil
	case n.cfg.Adapters.Default != "" || !n.opts.all():
		return nil, nil
	case !n.embedded():
		a, err := openMongoAdapter(ctx, n.cfg, n.datasets.Current(), n.log)
		if err == nil {
			n.closing(a.Close)
		}
		return a, err
	}
	path, err := n.dataFile("backend.db")
	if err != nil {
		return nil, err
	}
	a, err := embedded.Open(path)
	if err != nil {
		return nil, n.dataError(err)
	}
	n.closing(a.Close)
	return a, nil
}

// backend gives the backend of a dataset. One that nobody has set up yet is no
// reason to refuse a change, which its device would drop: it waits.
func (n *Node) backend(dataset string) (*backend.Backend, error) {
	if !n.hasDefault && n.datasets.Adapter(dataset).Address == "" {
		return nil, &backend.Error{
			Kind: backend.NotNow, Dataset: dataset, Method: "route",
			Msg: fmt.Sprintf("no adapter is set for dataset %s; set defaultAdapter, or adapter under the dataset", dataset),
		}
	}
	return n.router.For(dataset)
}
