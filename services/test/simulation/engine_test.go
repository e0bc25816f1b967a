package simulation

import (
	"context"
	"crypto/rand"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"

	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/store/mongo"
	"github.com/tandem-sync/tandem/services/internal/store/sqlite"
	"github.com/tandem-sync/tandem/services/test/mongotest"
)

// engine makes the store of a run, empty.
type engine struct {
	open func(s *sim) (store.Store, error)
	// stepwise: an operation is a sequence of commands, and parks before each.
	stepwise bool
}

func onSQLite() engine {
	return engine{open: func(s *sim) (store.Store, error) {
		return sqlite.Open(context.Background(), sqlite.Options{Path: ":memory:", Clock: s.now, Logger: s.log})
	}}
}

// onMongo runs each seed on a database of its own, which goes with the run: the wire
// server of hack/mongo keeps all it has in memory.
func onMongo(t testing.TB) engine {
	uri := mongotest.URI(t)
	client, err := mongodriver.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Disconnect(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return engine{stepwise: true, open: func(s *sim) (store.Store, error) {
		s.database = client.Database("sim" + strings.ToLower(rand.Text()[:10]))
		s.closers = append(s.closers, func() error { return s.database.Drop(context.Background()) })
		return mongo.Open(context.Background(), mongo.Options{URI: uri, Database: s.database.Name(), Clock: s.now, Logger: s.log,
			Interrupt: s.interrupt})
	}}
}

// interrupt parks before a command of the store, in the middle of an operation.
func (s *sim) interrupt(ctx context.Context, command string) error {
	t := taskOf(ctx)
	if t == nil {
		return nil
	}
	s.counts["commands"]++
	t.watch.stepped()
	err := t.park(inside + command)
	if err == nil && s.broken.command != nil {
		err = s.broken.command(command)
	}
	t.watch.resumed(command, err == nil)
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return nil
}

// stallClasses is into how many classes commands fall. In each run those of one stall.
const stallClasses = 16

// stalls lets an operation of the store be half done for so long that others have to
// complete it, or go on beside it: before the same commands again and again, since what can
// go wrong there takes several things to come together.
func (s *sim) stalls(t *task) bool {
	command, ok := strings.CutPrefix(t.at, inside)
	if !ok || s.calm || t.stalled == t.at {
		return false
	}
	t.stalled = t.at // once
	if stallClass(command) != s.config.stalls || !s.chance(0.4) {
		return false
	}
	s.event("%s stalls", t)
	s.counts["stalls"]++
	t.pause = 50 + s.rand.IntN(300)
	return true
}

func stallClass(command string) int { return int(crc32.ChecksumIEEE([]byte(command)) % stallClasses) }

// inside is where a task is that parks in the middle of an operation.
const inside = "inside "

// watch looks at an operation that is under way. Where that is a sequence of commands,
// others go on in between: what a command did is noted before its task parks again,
// and what others did before the next command is sent.
type watch struct {
	before   func(command string) // others had their turn, and one is sent; "" at the begin of the operation
	after    func()               // one was done, or the operation is over
	commands int                  // that were sent
}

func (w *watch) stepped() {
	if w != nil && w.after != nil {
		w.after()
	}
}

func (w *watch) resumed(command string, sent bool) {
	if w == nil {
		return
	}
	if sent {
		w.commands++
	}
	if w.before != nil {
		w.before(command)
	}
}

// watched begins to watch an operation. What it returns ends that.
func watched(ctx context.Context, w *watch) (end func()) {
	w.resumed("", false)
	t := taskOf(ctx)
	if t == nil {
		return w.stepped
	}
	t.watch = w
	return func() {
		t.watch = nil
		w.stepped()
	}
}
