package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tandem-sync/tandem/services/test/device"
)

// content is the data of a record: the edits that made it, oldest first.
type content struct {
	Log  []string `json:"log"`
	List string   `json:"list"`
}

func parse(data json.RawMessage) content {
	var c content
	_ = json.Unmarshal(data, &c)
	return c
}

// token is the newest edit in data, "" when there is none.
func token(data json.RawMessage) string {
	log := parse(data).Log
	if len(log) == 0 {
		return ""
	}
	return log[len(log)-1]
}

// change names one content that a device sent: what the server promised to apply,
// or to report as failed or collided.
type change struct{ cuid, hash, action, token string }

// fleet is the devices, each with a user who never rests.
type fleet struct {
	devices []*worker
	acked   chan struct{} // receives for each change that was acknowledged
	silent  atomic.Bool   // the users rest
	cancel  context.CancelFunc
	done    sync.WaitGroup
}

// worker is one device at work.
type worker struct {
	*device.Device
	fleet   *fleet
	to      device.HTTP
	rand    *rand.Rand
	edits   int
	query   string
	restart float64

	mu      sync.Mutex
	acked   map[change]bool   // in requests that were answered
	results map[change]string // as the device took them
	state   snapshot
	orders  chan func() // to be done between two steps
}

// snapshot is what the others may see of a device.
type snapshot struct {
	steps         int
	pending, acks int
	hash          string
	records       map[string]device.Record
}

var (
	datasets = []string{"tasks", "notes"}
	queries  = []string{`{}`, `{"list":"a"}`, `{"list":"b"}`}
)

func newFleet(n int, seed uint64, url func() string) *fleet {
	ctx, cancel := context.WithCancel(context.Background())
	f := &fleet{acked: make(chan struct{}, 1000), cancel: cancel}
	to := device.HTTP{Client: &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: n}}, URL: url}
	for i := range n {
		w := &worker{
			fleet: f, to: to, rand: rand.New(rand.NewPCG(seed, uint64(i))), query: queries[i/2%len(queries)], restart: 0.01,
			acked: map[change]bool{}, results: map[change]string{}, orders: make(chan func()),
		}
		w.Device = device.New(device.Config{
			CUID: fmt.Sprintf("d%d", i), Dataset: datasets[i%len(datasets)], QueryParams: json.RawMessage(w.query),
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

// stop ends the work and waits for that.
func (f *fleet) stop() {
	f.cancel()
	f.done.Wait()
}

func (w *worker) run(ctx context.Context) {
	pace := time.NewTicker(15 * time.Millisecond)
	defer pace.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case do := <-w.orders:
			do()
		case <-pace.C:
			w.step(ctx)
		}
	}
}

func (w *worker) step(ctx context.Context) {
	if !w.fleet.silent.Load() {
		for w.rand.IntN(3) == 0 {
			w.edit()
		}
		if w.rand.Float64() < w.restart {
			w.Restart()
		}
	}
	_ = w.SyncStep(ctx, w) // a lost answer is what this is about
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = snapshot{w.state.steps + 1, len(w.Pending()), w.Acks(), w.Hash(), w.Records()}
}

func (w *worker) look() snapshot {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state
}

// edit is one thing that the user does.
func (w *worker) edit() {
	records := w.Records()
	uids := slices.Sorted(maps.Keys(records))
	kind := w.rand.IntN(10)
	if len(uids) == 0 || kind < 3 && len(uids) < 60 {
		w.create()
		return
	}
	uid := uids[w.rand.IntN(len(uids))]
	// Mostly its own records: where all edit everything, most edits collide.
	for tries := 0; tries < 20 && !strings.HasPrefix(parse(records[uid].Data).Log[0], w.CUID()+":"); tries++ {
		uid = uids[w.rand.IntN(len(uids))]
	}
	if kind == 9 {
		w.must(w.Delete(uid))
		return
	}
	c := parse(records[uid].Data)
	c.Log = append(c.Log, w.nextToken())
	if w.rand.IntN(5) == 0 {
		c.List = []string{"a", "b"}[w.rand.IntN(2)]
	}
	w.must(w.Update(uid, c.raw()))
}

func (w *worker) create() device.Pending {
	return w.must(w.Create(content{Log: []string{w.nextToken()}, List: []string{"a", "b"}[w.rand.IntN(2)]}.raw()))
}

func (w *worker) nextToken() string {
	w.edits++
	return fmt.Sprintf("%s:%06d", w.CUID(), w.edits)
}

func (w *worker) must(p device.Pending, err error) device.Pending {
	if err != nil {
		panic(err)
	}
	return p
}

func (c content) raw() json.RawMessage {
	data, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	return data
}

// Do implements device.Transport: it notes what the server acknowledges.
func (w *worker) Do(ctx context.Context, dataset string, body []byte) ([]byte, error) {
	resp, err := w.to.Do(ctx, dataset, body)
	if err != nil {
		return nil, err
	}
	var req struct{ Pending []device.Pending }
	if err := json.Unmarshal(body, &req); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range req.Pending {
		w.acked[w.name(p)] = true
		select {
		case w.fleet.acked <- struct{}{}:
		default: // enough of them wait to be counted
		}
	}
	return resp, nil
}

func (w *worker) resolved(p device.Pending, u device.Update) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.results[w.name(p)] = u.Type
}

func (w *worker) name(p device.Pending) change {
	return change{w.CUID(), p.Hash, p.Action, token(p.Post)}
}
