// Package memadapter is a complete adapter in memory: the one to read before
// writing one's own, and the one for examples and tests.
//
// It compares and writes in one step, remembers every key for as long as it
// lives, lists changes, tells watchers of them, and filters by equality of
// top-level fields. Nothing is kept when the process ends, and nothing that was
// ever changed is forgotten before: it is not for production.
package memadapter

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"sync"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/internal/canon"
)

// Adapter is the adapter. Make it with New.
type Adapter struct {
	id       string // tells its cursors from those of others
	mu       sync.Mutex
	datasets map[string]*dataset
}

// dataset is what is kept of one dataset.
type dataset struct {
	uids       []string // in the order of their creation
	records    map[string]json.RawMessage
	keys       map[string]string // method and idempotency key to uid
	log        []string          // the uid of each change
	collisions []adapter.Collision
	watchers   map[chan struct{}]bool
}

// New makes an empty adapter.
func New() *Adapter { return &Adapter{id: rand.Text(), datasets: map[string]*dataset{}} }

// dataset returns a dataset, which comes into being by being named. The caller
// holds the lock.
func (a *Adapter) dataset(name string) *dataset {
	d, ok := a.datasets[name]
	if !ok {
		d = &dataset{
			records:  map[string]json.RawMessage{},
			keys:     map[string]string{},
			watchers: map[chan struct{}]bool{},
		}
		a.datasets[name] = d
	}
	return d
}

// Describe implements adapter.Describer.
func (a *Adapter) Describe(context.Context) (adapter.Description, error) {
	return adapter.Description{Name: "memory", CompareAndWrite: true, RemembersKeys: true}, nil
}

// List implements adapter.Adapter.
func (a *Adapter) List(_ context.Context, req adapter.ListRequest, send func(adapter.Record) error) error {
	want, err := parseFilter(req.Dataset, req.QueryParams)
	if err != nil {
		return err
	}
	for _, r := range a.snapshot(req.Dataset) {
		if !want.matches(r.Data) {
			continue
		}
		if err := send(r); err != nil {
			return err
		}
	}
	return nil
}

// snapshot copies the list of records, so that a slow listener holds nobody up.
func (a *Adapter) snapshot(name string) []adapter.Record {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.dataset(name)
	list := make([]adapter.Record, 0, len(d.records))
	for _, uid := range d.uids {
		list = append(list, adapter.Record{UID: uid, Data: d.records[uid]})
	}
	return list
}

// Create implements adapter.Adapter.
func (a *Adapter) Create(_ context.Context, req adapter.CreateRequest) (string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.dataset(req.Dataset)
	if uid, seen := d.keys["create "+req.Key]; seen {
		return uid, nil
	}
	uid := rand.Text()
	d.uids = append(d.uids, uid)
	d.records[uid] = req.Data
	d.keys["create "+req.Key] = uid
	d.changed(uid)
	return uid, nil
}

// Read implements adapter.Adapter.
func (a *Adapter) Read(_ context.Context, req adapter.ReadRequest) (json.RawMessage, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	data, ok := a.dataset(req.Dataset).records[req.UID]
	if !ok {
		return nil, adapter.ErrNotFound
	}
	return data, nil
}

// Update implements adapter.Adapter.
func (a *Adapter) Update(_ context.Context, req adapter.UpdateRequest) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.dataset(req.Dataset)
	return d.write("update "+req.Key, req.UID, req.Expected, func() {
		d.records[req.UID] = req.Data
	})
}

// Delete implements adapter.Adapter.
func (a *Adapter) Delete(_ context.Context, req adapter.DeleteRequest) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.dataset(req.Dataset)
	return d.write("delete "+req.Key, req.UID, req.Expected, func() {
		delete(d.records, req.UID)
		d.forget(req.UID)
	})
}

// write changes a record by apply if the key is new and the record holds what is
// expected.
func (d *dataset) write(key, uid string, expected json.RawMessage, apply func()) error {
	if _, seen := d.keys[key]; seen {
		return nil
	}
	data, ok := d.records[uid]
	if !ok {
		return adapter.ErrNotFound
	}
	if expected != nil && !canon.Equal(data, expected) {
		return adapter.ErrConflict
	}
	apply()
	d.keys[key] = uid
	d.changed(uid)
	return nil
}

func (d *dataset) forget(uid string) {
	for i, u := range d.uids {
		if u == uid {
			d.uids = append(d.uids[:i], d.uids[i+1:]...)
			return
		}
	}
}
