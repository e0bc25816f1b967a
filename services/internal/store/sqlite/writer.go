package sqlite

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// maxBatch bounds how many writes share a transaction, and so how long the
// first of them waits for the last.
const maxBatch = 256

// writer owns the one connection that writes. Callers hand it closures; while one
// transaction is being synced to disk the next closures gather, and all that
// gathered go into the next transaction.
type writer struct {
	conn    *conn
	clock   clock.Clock
	stopped chan struct{}
	wake    chan struct{} // holds a token when there may be something to do

	mu     sync.Mutex
	queue  []*write
	closed bool
}

// write is one closure on its way through the writer.
type write struct {
	do    func(session) error
	taken atomic.Bool // by the writer, or by a caller that gives up: whoever is first
	err   error
	done  chan struct{}
}

func startWriter(c *conn, now clock.Clock) *writer {
	w := &writer{conn: c, clock: now, stopped: make(chan struct{}), wake: make(chan struct{}, 1)}
	go w.loop()
	return w
}

// submit runs do in a transaction and returns after the commit.
func (w *writer) submit(ctx context.Context, do func(session) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	one := &write{do: do, done: make(chan struct{})}
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return store.ErrUnavailable
	}
	w.queue = append(w.queue, one)
	w.mu.Unlock()
	w.nudge()

	select {
	case <-one.done:
		return one.err
	case <-ctx.Done():
		if one.taken.CompareAndSwap(false, true) {
			return ctx.Err()
		}
		// It is being written: it takes a moment, and the caller gets the truth.
		<-one.done
		return one.err
	}
}

func (w *writer) nudge() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// stop refuses new writes, lets those accepted finish and waits for that.
func (w *writer) stop() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.nudge()
	<-w.stopped
}

func (w *writer) loop() {
	defer close(w.stopped)
	for {
		batch, closed := w.take()
		if len(batch) > 0 {
			w.run(batch)
			continue
		}
		if closed {
			return
		}
		<-w.wake
	}
}

// take returns the next writes, without those whose callers gave up.
func (w *writer) take() (batch []*write, closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(w.queue), maxBatch)
	for _, one := range w.queue[:n] {
		if one.taken.CompareAndSwap(false, true) {
			batch = append(batch, one)
		}
	}
	w.queue = w.queue[n:]
	if len(w.queue) == 0 {
		w.queue = nil
	}
	return batch, w.closed && len(w.queue) == 0
}

func (w *writer) run(batch []*write) {
	// A failure of the transaction itself is the failure of all its writes.
	if err := w.transaction(batch); err != nil {
		for _, one := range batch {
			one.err = err
		}
	}
	for _, one := range batch {
		close(one.done)
	}
}

func (w *writer) transaction(batch []*write) error {
	s := session{ctx: context.Background(), conn: w.conn}
	if _, err := s.exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	err := w.writes(s, batch)
	if err == nil {
		_, err = s.exec("COMMIT")
	}
	if err != nil {
		// Where SQLite rolled back by itself this fails, with nothing left to do.
		_, _ = s.exec("ROLLBACK")
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// writes runs each write under its own savepoint. The error is of the
// transaction; those of the writes are in them.
func (w *writer) writes(s session, batch []*write) error {
	for _, one := range batch {
		if _, err := s.exec("SAVEPOINT one"); err != nil {
			return err
		}
		s.now = w.clock().UnixMilli()
		if one.err = one.do(s); one.err != nil {
			if _, err := s.exec("ROLLBACK TO one"); err != nil {
				// SQLite has rolled back everything, as it does when the disk is full.
				return fmt.Errorf("%w (then: %w)", one.err, err)
			}
		}
		if _, err := s.exec("RELEASE one"); err != nil {
			return err
		}
	}
	return nil
}
