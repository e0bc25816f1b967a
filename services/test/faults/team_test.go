package faults

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/memadapter"
)

// trouble is what a call to the team's adapter meets.
type trouble int

const (
	well trouble = iota
	slow
	failing
)

// teamAdapter is an adapter as a team writes one, with a bad day now and then.
type teamAdapter struct {
	*memadapter.Adapter
	t       *testing.T
	address string

	mu   sync.Mutex
	rand *rand.Rand
	now  trouble
	stop func()
	trap *trap
	// unsaid counts, by method, what was done and reported as not done.
	unsaid map[string]int
}

func serveTeam(t *testing.T, seed uint64) *teamAdapter {
	t.Helper()
	a := &teamAdapter{Adapter: memadapter.New(), t: t, address: "127.0.0.1:0", rand: rand.New(rand.NewPCG(seed, 2)),
		unsaid: map[string]int{}}
	a.serve()
	t.Cleanup(func() { a.stop() })
	return a
}

// serve listens where it did before.
func (a *teamAdapter) serve() {
	a.t.Helper()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", a.address)
	if err != nil {
		a.t.Fatal(err)
	}
	a.address = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- adapter.Serve(ctx, "", a, adapter.WithListener(l), adapter.WithGrace(0), adapter.WithLogger(slog.New(slog.DiscardHandler)))
	}()
	a.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			a.t.Errorf("the team's adapter: %v", err)
		}
	})
}

// be gives the adapter trouble until the end.
func (a *teamAdapter) be(now trouble) (end func()) {
	a.set(now)
	return func() { a.set(well) }
}

func (a *teamAdapter) set(now trouble) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now = now
}

func team(name string, lasts time.Duration, is trouble) fault {
	f := fault{name: name, begin: func(w *world) func() { return w.team.be(is) }, lasts: lasts}
	if is == failing {
		f.enough = func(w *world) bool { return w.team.hasBitten() }
	}
	return f
}

// teamGone ends the adapter, calls under way included, and serves it again.
func teamGone(lasts time.Duration) fault {
	return fault{name: "the team's adapter is gone", lasts: lasts, begin: func(w *world) func() {
		if !w.take("team") {
			return nil
		}
		w.team.stop()
		return func() {
			w.team.serve()
			delete(w.busy, "team")
		}
	}}
}

var errBadDay = errors.New("the database of orders has a bad day")

// call does a call, or says that it does not, or does it and does not say so.
// key tells repetitions of it.
func (a *teamAdapter) call(method, key string, do func() error) error {
	a.mu.Lock()
	trap := a.trap
	now, dice, before, after := a.now, a.rand.IntN(20), a.rand.IntN(10), a.rand.IntN(10)
	a.mu.Unlock()
	if trap != nil {
		if err, caught := trap.meet(method, key, do); caught {
			return err
		}
	}
	write := method != "List" && method != "Read"
	switch {
	case now == slow:
		// Now and then longer than its caller waits, before or after it has written. It
		// does not look at its context, as many don't.
		wait(before)
		err := do()
		wait(after)
		return err
	case now == failing && dice < 2:
		return adapter.RetryLater(errBadDay)
	case now == failing && dice < 5 && method != "HandleCollision":
		// As if there were something wrong with the change. Where it was begun before, that
		// says nothing about whether it is in effect.
		return errBadDay
	case now == failing && dice < 14 && write:
		if err := do(); err != nil {
			return err
		}
		a.mu.Lock()
		a.unsaid[method]++
		a.mu.Unlock()
		return adapter.RetryLater(errBadDay)
	}
	return do()
}

// hasBitten tells whether creates and updates were done and not said to be.
func (a *teamAdapter) hasBitten() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.unsaid["Create"] > 0 && a.unsaid["Update"] > 0
}

func wait(dice int) {
	d := time.Duration(dice) * 40 * time.Millisecond
	if dice == 9 {
		d = adapterTimeout + 500*time.Millisecond
	}
	<-time.After(d)
}

// List implements adapter.Adapter.
func (a *teamAdapter) List(ctx context.Context, req adapter.ListRequest, send func(adapter.Record) error) error {
	return a.call("List", string(req.QueryParams), func() error { return a.Adapter.List(ctx, req, send) })
}

// Create implements adapter.Adapter.
func (a *teamAdapter) Create(ctx context.Context, req adapter.CreateRequest) (uid string, err error) {
	err = a.call("Create", req.Key, func() error { uid, err = a.Adapter.Create(ctx, req); return err })
	return uid, err
}

// Read implements adapter.Adapter.
func (a *teamAdapter) Read(ctx context.Context, req adapter.ReadRequest) (data json.RawMessage, err error) {
	err = a.call("Read", "", func() error { data, err = a.Adapter.Read(ctx, req); return err })
	return data, err
}

// Update implements adapter.Adapter.
func (a *teamAdapter) Update(ctx context.Context, req adapter.UpdateRequest) error {
	return a.call("Update", req.Key, func() error { return a.Adapter.Update(ctx, req) })
}

// Delete implements adapter.Adapter.
func (a *teamAdapter) Delete(ctx context.Context, req adapter.DeleteRequest) error {
	return a.call("Delete", req.Key, func() error { return a.Adapter.Delete(ctx, req) })
}

// HandleCollision implements adapter.Adapter.
func (a *teamAdapter) HandleCollision(ctx context.Context, req adapter.HandleCollisionRequest) error {
	return a.call("HandleCollision", req.Key, func() error { return a.Adapter.HandleCollision(ctx, req) })
}
