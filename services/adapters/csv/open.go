package csv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/internal/record"
)

// ErrInUse is what Open returns while another adapter may write to the directory.
var ErrInUse = errors.New("another adapter writes to this directory")

// sideFolder is where the adapter keeps what is its own.
const sideFolder = ".tandem"

// Adapter is the adapter; Open makes it. It implements adapter.Adapter, Describer and
// Watcher.
type Adapter struct {
	o      Options
	lock   *os.File // nil: read-only
	now    clock.Clock
	events *events
	// step is called before each change of the disk; an error is as if the disk gave it.
	step func(what string) error

	mu       sync.Mutex
	datasets map[string]*dataset
	closed   bool
	work     sync.WaitGroup
}

// dataset is one file.
type dataset struct {
	*Adapter
	id    string
	path  string
	table Table

	mu    sync.Mutex // guards the fields below
	queue []*change
	busy  bool
	ours  os.FileInfo // of the file as this adapter wrote it

	side sidecar
}

// Open opens a directory. One adapter at a time may write to it: ErrInUse. Close it at
// the end.
func Open(o Options) (*Adapter, error) {
	if err := o.complete(); err != nil {
		return nil, fmt.Errorf("csv adapter: %w", err)
	}
	a := &Adapter{o: o, now: clock.System, step: func(string) error { return nil }, datasets: map[string]*dataset{}}
	if err := a.Ping(context.Background()); err != nil {
		return nil, fmt.Errorf("csv adapter: %w", err)
	}
	if !o.ReadOnly {
		side := filepath.Join(o.Directory, sideFolder)
		if err := os.MkdirAll(side, 0o755); err != nil {
			return nil, fmt.Errorf("csv adapter: the directory can't be written, set readOnly if it need not: %w", err)
		}
		var held bool
		var err error
		if a.lock, held, err = lock(filepath.Join(side, "lock")); held {
			return nil, fmt.Errorf("csv adapter: %s: %w", o.Directory, ErrInUse)
		} else if err != nil {
			return nil, fmt.Errorf("csv adapter: %s: %w", side, err)
		}
	}
	a.events = watchDirectory(o.Directory, o.Logger)
	return a, nil
}

// Close waits for writes under way and gives the lock back.
func (a *Adapter) Close() error {
	a.mu.Lock()
	if a.closed {
		a.mu.Unlock()
		return nil
	}
	a.closed = true
	a.mu.Unlock()
	a.work.Wait()
	err := a.events.close()
	if a.lock != nil {
		err = errors.Join(err, a.lock.Close())
	}
	return err
}

// Ping tells whether the directory is there.
func (a *Adapter) Ping(context.Context) error {
	info, err := os.Stat(a.o.Directory)
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("directory: %s is no directory", a.o.Directory)
	}
	return err
}

// Describe implements adapter.Describer.
func (a *Adapter) Describe(context.Context) (adapter.Description, error) {
	return adapter.Description{Name: "csv", Version: "1", CompareAndWrite: !a.o.ReadOnly}, nil
}

// dataset finds the file of a dataset. Errors have a meaning for Tandem.
func (a *Adapter) dataset(id string) (*dataset, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil, adapter.RetryLater(errors.New("csv adapter: closing"))
	}
	if d, ok := a.datasets[id]; ok {
		return d, nil
	}
	if err := record.CheckDatasetID(id); err != nil {
		return nil, adapter.Refuse(err.Error())
	}
	table, ok := a.o.Datasets[id]
	if !ok {
		table = a.o.Default
	}
	d := &dataset{Adapter: a, id: id, path: filepath.Join(a.o.Directory, id+".csv"), table: table}
	d.side = sidecar{d: d, path: filepath.Join(a.o.Directory, sideFolder, id)}
	a.datasets[id] = d
	return d, nil
}

// writable finds the file of a dataset for a write.
func (a *Adapter) writable(id string) (*dataset, error) {
	if a.o.ReadOnly {
		return nil, adapter.Refuse(fmt.Sprintf("dataset %s is read-only", id))
	}
	return a.dataset(id)
}
