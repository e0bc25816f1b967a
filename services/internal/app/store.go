package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/tandem-sync/tandem/services/internal/stats"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/store/sqlite"
	"github.com/tandem-sync/tandem/services/internal/store/wrap"
)

// embedded tells whether the store is in the data folder, so that no other process
// can share it.
func (n *Node) embedded() bool { return n.cfg.Store.MongodbURL == "" }

func (n *Node) openStore(ctx context.Context) error {
	open := n.openMongoStore
	if n.embedded() {
		open = n.openEmbeddedStore
	}
	engine, err := open(ctx)
	if err != nil {
		return err
	}
	n.engine = engine
	n.closing(engine.Close)
	n.store = wrap.Observe(engine, func(op string, took time.Duration, _ error) {
		n.stats.Observe(stats.StorageTime, op, float64(took)/float64(time.Millisecond))
	})
	n.health.asks(engine.Ping) // not observed: watching is no work
	return nil
}

func (n *Node) openEmbeddedStore(ctx context.Context) (store.Store, error) {
	path, err := n.dataFile("tandem.db")
	if err != nil {
		return nil, err
	}
	engine, err := sqlite.Open(ctx, sqlite.Options{
		Path: path, Clock: n.clock, QueueTTL: n.cfg.Store.QueueMessagesTTL, Logger: n.log,
	})
	if err != nil {
		return nil, n.dataError(err)
	}
	return engine, nil
}

// dataFile makes a database file that only its owner can read, where there is
// none: SQLite would make it as the process's umask says, and gives the files
// beside it the same mode.
func (n *Node) dataFile(name string) (path string, err error) {
	if err := os.MkdirAll(n.cfg.Store.Data, 0o700); err != nil {
		return "", n.dataError(err)
	}
	path = filepath.Join(n.cfg.Store.Data, name)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return "", n.dataError(err)
	}
	return path, nil
}

func (n *Node) dataError(err error) error {
	return fmt.Errorf("data folder %s (setting data): %w; each server needs a folder of its own that it may write to, another is chosen with --data", n.cfg.Store.Data, err)
}

// holder is what leases are held as. The data folder has one process at a time: one
// that comes back after a crash takes up its own lease instead of waiting for it to
// expire. In a cluster no two processes may ever have the same name.
func (n *Node) holder() string {
	if n.embedded() {
		return "all"
	}
	return fmt.Sprintf("%s-%d-%s", hostname(), os.Getpid(), rand.Text())
}
