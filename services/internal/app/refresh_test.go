package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/internal/config"
	"github.com/tandem-sync/tandem/services/internal/testkit"
	"github.com/tandem-sync/tandem/services/test/device"
)

// Sync runs are an hour apart in these tests: what devices see earlier they owe to
// syncOnChange.

// listed counts the lists of each dataset and how long they took.
type listed struct {
	adapter.Adapter
	takes time.Duration // each list

	mu    sync.Mutex
	count map[string]int
	took  map[string]time.Duration
}

func (l *listed) List(ctx context.Context, req adapter.ListRequest, send func(adapter.Record) error) error {
	begun := time.Now()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.count[req.Dataset]++
		l.took[req.Dataset] += time.Since(begun)
	}()
	select {
	case <-time.After(l.takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	return l.Adapter.List(ctx, req, send)
}

func (l *listed) lists(dataset string) (n int, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.count[dataset], l.took[dataset]
}

// field is devices at a Tandem whose lists are counted.
type field struct {
	*testing.T
	*listed
	device.HTTP
}

func newField(t *testing.T, listTakes time.Duration, configure func(*config.Datasets)) *field {
	t.Helper()
	f := &field{T: t, listed: &listed{takes: listTakes, count: map[string]int{}, took: map[string]time.Duration{}}}
	cluster := testkit.Start(t, testkit.Options{
		Adapter: func(a adapter.Adapter) adapter.Adapter { f.Adapter = a; return f.listed },
		Configure: func(c *config.Config) {
			c.Datasets.Default.SyncFrequency = time.Hour
			c.PendingWorker.Concurrency = 8
			configure(&c.Datasets)
		},
	})
	f.HTTP = device.HTTP{Client: http.DefaultClient, URL: func() string { return cluster.URL }}
	return f
}

// device is one that has the records of its view.
func (f *field) device(dataset, cuid, query string) *device.Device {
	f.Helper()
	d := device.New(device.Config{CUID: cuid, Dataset: dataset, QueryParams: json.RawMessage(query), CrashedCountWait: 10, Clock: time.Now})
	f.sync(cuid+" knows its view", func() bool { return d.Hash() != "" }, d)
	return d
}

// sync has devices sync, turn by turn, until done.
func (f *field) sync(what string, done func() bool, devices ...*device.Device) {
	f.Helper()
	ctx, cancel := context.WithTimeout(f.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		for _, d := range devices {
			if err := d.SyncStep(ctx, f.HTTP); err != nil {
				f.Fatalf("%s: %v", what, err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			f.Fatalf("not within %v: %s", patience, what)
		}
	}
}

func (f *field) create(d *device.Device, data string) {
	f.Helper()
	if _, err := d.Create(json.RawMessage(data)); err != nil {
		f.Fatal(err)
	}
}

func TestChangeIsSeenWithoutTheSchedule(t *testing.T) {
	f := newField(t, 0, func(d *config.Datasets) {
		quiet := d.Default
		quiet.SyncOnChange = false
		d.ByID = map[string]config.Dataset{"quiet": quiet}
	})
	type trio struct{ a, b, c *device.Device }
	at := func(dataset string) trio {
		return trio{f.device(dataset, "a", `{}`), f.device(dataset, "b", `{}`), f.device(dataset, "c", `{"list":"x"}`)}
	}
	quiet, tasks := at("quiet"), at("tasks")
	lists, _ := f.lists("quiet")

	f.create(quiet.a, `{"list":"x"}`)
	f.sync("the change to quiet is applied", func() bool { return len(quiet.a.Pending()) == 0 }, quiet.a)

	// What would have come of it would have come before this.
	f.create(tasks.a, `{"list":"x"}`)
	f.sync("the view of the change, and another, have it", func() bool {
		return len(tasks.a.Pending()) == 0 && len(tasks.b.Records()) == 1 && len(tasks.c.Records()) == 1
	}, tasks.a, tasks.b, tasks.c)

	f.sync("a look at quiet", func() func() bool { n := 0; return func() bool { n++; return n > 1 } }(), quiet.b, quiet.c)
	if now, _ := f.lists("quiet"); now != lists || len(quiet.b.Records())+len(quiet.c.Records()) != 0 {
		t.Errorf("syncOnChange is false, and yet: %d lists, were %d; records %v, %v", now, lists, quiet.b.Records(), quiet.c.Records())
	}
}

// storm sends changes for two seconds and returns when the devices have seen all of
// them, with the time since before the first list.
func (f *field) storm(changes int) time.Duration {
	f.Helper()
	begun := time.Now()
	a, b := f.device("tasks", "a", `{}`), f.device("tasks", "b", `{}`)
	const turns = 50
	tick := time.NewTicker(2 * time.Second / turns)
	defer tick.Stop()
	for i := range changes {
		f.create(a, fmt.Sprintf(`{"n":%d}`, i))
		if i%(changes/turns) == 0 {
			if err := a.SyncStep(f.Context(), f.HTTP); err != nil {
				f.Fatal(err)
			}
			<-tick.C
		}
	}
	f.sync("all changes are seen", func() bool { return len(a.Pending()) == 0 && len(b.Records()) == changes }, a, b)
	return time.Since(begun)
}

// However many changes come, sync runs of a view begin the gap apart.
func TestManyChangesAndTheGap(t *testing.T) {
	f := newField(t, 0, func(*config.Datasets) {})
	elapsed := f.storm(500)
	if n, _ := f.lists("tasks"); n > int(elapsed/time.Second)+1 || n < 3 {
		t.Errorf("%d lists in %v, want one per second at most, and some", n, elapsed)
	}
}

// A backend that takes long to list is listed half of the time at most.
func TestManyChangesAndASlowBackend(t *testing.T) {
	f := newField(t, 300*time.Millisecond, func(d *config.Datasets) { d.Default.ChangeGap = time.Millisecond })
	elapsed := f.storm(500)
	if n, took := f.lists("tasks"); took > elapsed/2+took/time.Duration(n) || n < 3 {
		t.Errorf("%d lists took %v of %v, want half of it at most, and some", n, took, elapsed)
	}
}
