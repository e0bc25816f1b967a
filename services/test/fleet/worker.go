package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tandem-sync/tandem/services/test/device"
)

// worker is one device at work.
type worker struct {
	*device.Device
	fleet   *Fleet
	to      device.HTTP
	rand    *rand.Rand
	edits   int
	query   string
	restart float64

	mu      sync.Mutex
	acked   map[Change]bool   // in requests that were answered
	results map[Change]string // as the device took them
	torn    []string          // results that contradict an earlier one
	state   snapshot
	orders  chan func() // to be done between two steps
}

// snapshot is what the others may see of a device.
type snapshot struct {
	pending, acks int
	records       map[string]device.Record
}

func (w *worker) run(ctx context.Context) {
	pace := time.NewTicker(w.fleet.config.Pace)
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
		for w.rand.IntN(w.fleet.config.Idleness) == 0 {
			w.edit()
		}
		if w.rand.Float64() < w.restart {
			w.Restart()
		}
	}
	if err := w.SyncStep(ctx, w); err != nil && ctx.Err() == nil { // a lost answer is what this is about
		w.fleet.failed.Add(1)
		w.fleet.lastErr.Store(fmt.Errorf("device %s: %w", w.CUID(), err))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.state = snapshot{len(w.Pending()), w.Acks(), w.Records()}
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
		w.must(w.Create(content{Log: []string{w.nextToken()}, List: lists[w.rand.IntN(2)]}.raw()))
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
		c.List = lists[w.rand.IntN(2)]
	}
	w.must(w.Update(uid, c.raw()))
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
	c := w.name(p)
	if before, known := w.results[c]; known && before != u.Type {
		w.torn = append(w.torn, fmt.Sprintf("%+v: %s, then %s", c, before, u.Type))
	}
	w.results[c] = u.Type
	w.fleet.resolved.Add(1)
}

func (w *worker) name(p device.Pending) Change {
	return Change{w.CUID(), p.Hash, p.Action, Token(p.Post)}
}
