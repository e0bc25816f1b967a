package mongo

import (
	"context"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/tandem-sync/tandem/services/internal/clock"
)

// remeasure is how old a measurement of the server's clock may be.
const remeasure = 30 * time.Second

// serverTime tells the database server's time: the local clock and how far it is
// off. Clocks of machines differ; claims, leases and schedules only make sense when
// all processes mean the same time, and the server is what they share.
type serverTime struct {
	local  clock.Clock
	fixed  clock.Clock // for tests: no measuring
	client *mongo.Client

	mu       sync.Mutex
	offset   time.Duration
	measured time.Time // by the local monotonic clock
	running  bool
}

func newServerTime(local, fixed clock.Clock, client *mongo.Client) *serverTime {
	return &serverTime{local: local, fixed: fixed, client: client}
}

// now never waits: a measurement that is too old is renewed behind it.
func (t *serverTime) now() time.Time {
	if t.fixed != nil {
		return t.fixed()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Since(t.measured) > remeasure && !t.running {
		t.running = true
		go t.renew()
	}
	return t.local().Add(t.offset).Truncate(time.Millisecond)
}

func (t *serverTime) renew() {
	ctx, cancel := context.WithTimeout(context.Background(), selectionTimeout)
	defer cancel()
	_, _ = t.measure(ctx) // while the server is away the old offset serves
	t.mu.Lock()
	t.running = false
	t.mu.Unlock()
}

// samples is how often one measurement asks.
const samples = 5

// measure asks the server for its time, and returns all that it said. Of several
// answers the quickest is believed: it is no older than its round trip.
func (t *serverTime) measure(ctx context.Context) (hello bson.Raw, err error) {
	var best sample
	for i := range samples {
		before, began := t.local(), time.Now()
		// isMaster, not hello: compatible services know it as well.
		hello, err = t.client.Database("admin").RunCommand(ctx, bson.D{{Key: "isMaster", Value: 1}}).Raw()
		if err != nil {
			return nil, err
		}
		ms, ok := hello.Lookup("localTime").DateTimeOK()
		if !ok {
			break // it does not tell: the local clock serves
		}
		took := time.Since(began)
		if one := (sample{ahead: time.UnixMilli(ms).Sub(before), took: took}); i == 0 || one.took < best.took {
			best = one
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.offset, t.measured = best.offset(), time.Now()
	return hello, nil
}

// sample is one answer: how far the server's clock was ahead of ours when we asked,
// and how long that took.
type sample struct{ ahead, took time.Duration }

// precision is that of the answer: milliseconds.
const precision = time.Millisecond

// offset is the smallest that agrees with the sample: the server looked at its clock
// some time between question and answer. So clocks that agree stay as they are, and
// with them all processes whose machines keep time.
func (s sample) offset() time.Duration {
	least, most := s.ahead-s.took, s.ahead+precision
	switch {
	case least > 0:
		return least
	case most < 0:
		return most
	}
	return 0
}
