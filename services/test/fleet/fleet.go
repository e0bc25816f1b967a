package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/test/device"
)

// Config is who works, and how hard.
type Config struct {
	Devices  int
	Seed     uint64        // decides what users do
	URL      func() string // of the server, asked for each request
	Datasets []string      // devices are spread over them, and over three views of each
	Pace     time.Duration // from one request of a device to its next
	// Idleness is how seldom users edit: before each request, and again after each
	// edit, one time in so many there is one.
	Idleness int
}

// Fleet is the devices, each with a user who never rests.
type Fleet struct {
	config   Config
	devices  []*worker
	acked    chan struct{} // receives for each change that was acknowledged
	resolved atomic.Int64  // results that devices took
	failed   atomic.Int64  // requests that were not answered as they should be
	lastErr  atomic.Value  // error: of the last of them
	silent   atomic.Bool   // the users rest
	cancel   context.CancelFunc
	done     sync.WaitGroup
}

var (
	lists   = []string{"a", "b"}
	queries = []string{`{}`, `{"list":"a"}`, `{"list":"b"}`}
)

// Start lets the devices begin. Stop ends them.
func Start(c Config) *Fleet {
	ctx, cancel := context.WithCancel(context.Background())
	f := &Fleet{config: c, acked: make(chan struct{}, 1000), cancel: cancel}
	to := device.HTTP{Client: &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: c.Devices}}, URL: c.URL}
	for i := range c.Devices {
		w := &worker{
			fleet: f, to: to, rand: rand.New(rand.NewPCG(c.Seed, uint64(i))), query: queries[i/len(c.Datasets)%len(queries)], restart: 0.01,
			acked: map[Change]bool{}, results: map[Change]string{}, orders: make(chan func()),
		}
		w.Device = device.New(device.Config{
			CUID: fmt.Sprintf("d%d", i), Dataset: c.Datasets[i%len(c.Datasets)], QueryParams: json.RawMessage(w.query),
			CrashedCountWait: 1, ResendInFlight: 2 * time.Second, Clock: time.Now,
			Observer: device.Observer{Resolved: w.resolved},
		})
		f.devices = append(f.devices, w)
	}
	for _, w := range f.devices {
		f.done.Go(func() { w.run(ctx) })
	}
	return f
}

// Stop ends the work and waits for that. Stopping twice does nothing.
func (f *Fleet) Stop() {
	f.cancel()
	f.done.Wait()
}

// Resolved is how many results the devices have taken so far.
func (f *Fleet) Resolved() int64 { return f.resolved.Load() }

// Failed is how many requests of devices were not answered as they should be so far,
// and why the last of them was not.
func (f *Fleet) Failed() (n int64, last error) {
	last, _ = f.lastErr.Load().(error)
	return f.failed.Load(), last
}

// Await lets the load run until the server has acknowledged n changes, for half a
// minute at most.
func (f *Fleet) Await(t testing.TB, n int) {
	t.Helper()
	for len(f.acked) > 0 {
		<-f.acked // of the time before
	}
	deadline := time.After(30 * time.Second)
	for i := range n {
		select {
		case <-f.acked:
		case <-deadline:
			t.Fatalf("the server acknowledged %d changes in 30 s", i)
		}
	}
}
