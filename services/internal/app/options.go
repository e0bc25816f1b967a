package app

import (
	"fmt"
	"log/slog"
	"slices"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/internal/config"
	"github.com/tandem-sync/tandem/services/internal/wire"
)

// Role is what a process does. Any number of processes may have the same role.
type Role string

// The roles that share a store.
const (
	Gateway       Role = "gateway"
	SyncWorker    Role = "sync-worker"
	AckWorker     Role = "ack-worker"
	PendingWorker Role = "pending-worker"
	Scheduler     Role = "scheduler"
)

// Options is what a node is made of.
type Options struct {
	Config  config.Config
	Version string
	Log     *slog.Logger

	// Roles of this process. None: all of them, which then need no MongoDB, no NATS
	// and no adapter besides this process.
	Roles []Role

	// Clock is the time that is stored and compared with what is stored; nil: the
	// machine's. Tests turn its hands.
	Clock clock.Clock

	// Adapter takes the place of the default adapter, for tests.
	Adapter adapter.Adapter
}

// all tells whether this process is the whole server.
func (o Options) all() bool { return len(o.Roles) == 0 }

// has tells whether this process has one of the roles.
func (o Options) has(roles ...Role) bool {
	return o.all() || slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(o.Roles, r) })
}

// name is what the process is called in figures and error messages.
func (o Options) name() string {
	if o.all() {
		return "all"
	}
	return string(o.Roles[0])
}

// check finds what makes a start useless, before anything is opened.
func (o Options) check() error {
	for id := range o.Config.Datasets.ByID {
		if err := wire.CheckDatasetID(id); err != nil {
			return fmt.Errorf("setting datasets: %w", err)
		}
	}
	if !o.all() && o.Config.Store.MongodbURL == "" {
		return fmt.Errorf("%s shares its store with other processes: set mongodbUrl (--mongodb-url or TANDEM_MONGODB_URL) to the address of the MongoDB that all of them use, such as mongodb://db:27017/tandem; `tandem all` needs none", o.name())
	}
	return nil
}
