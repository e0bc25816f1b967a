package wake_test

import (
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/internal/wake"
	"github.com/tandem-sync/tandem/services/internal/wake/nats"
)

// buses are the implementations of the port; each passes the whole suite.
var buses = map[string]func(t *testing.T) wake.Bus{
	"local": func(*testing.T) wake.Bus { return wake.NewLocal() },
	"nats": func(t *testing.T) wake.Bus {
		bus, err := nats.Embedded(slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return bus
	},
}

var topics = []wake.Topic{wake.Pending, wake.Ack, wake.Sync, wake.Schedule}

func each(t *testing.T, test func(t *testing.T, bus wake.Bus)) {
	for name, open := range buses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bus := open(t)
			defer bus.Close()
			test(t, bus)
		})
	}
}

// wants waits for a wake.
func wants(t *testing.T, ch <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(10 * time.Second):
		t.Fatalf("no wake: %s", what)
	}
}

// settle returns when what was published before has been delivered, as far as
// that can be known: each subscriber is served on its own.
func settle(t *testing.T, bus wake.Bus) {
	t.Helper()
	ch, end := bus.Subscribe("settle")
	defer end()
	bus.Publish("settle")
	wants(t, ch, "of the test itself")
}

func isQuiet(t *testing.T, bus wake.Bus, ch <-chan struct{}, what string) {
	t.Helper()
	settle(t, bus)
	select {
	case <-ch:
		t.Errorf("woken: %s", what)
	default:
	}
}

func TestEachSubscriberOfTheTopicIsWoken(t *testing.T) {
	each(t, func(t *testing.T, bus wake.Bus) {
		subs := map[wake.Topic][]<-chan struct{}{}
		for _, topic := range topics {
			for range 3 {
				ch, end := bus.Subscribe(topic)
				defer end()
				subs[topic] = append(subs[topic], ch)
			}
		}
		for _, topic := range topics {
			bus.Publish(topic)
			for _, ch := range subs[topic] {
				wants(t, ch, string(topic))
			}
			for _, other := range topics {
				for _, ch := range subs[other] {
					isQuiet(t, bus, ch, string(other)+" by "+string(topic))
				}
			}
		}
	})
}

func TestWakesAreMerged(t *testing.T) {
	each(t, func(t *testing.T, bus wake.Bus) {
		ch, end := bus.Subscribe(wake.Sync)
		defer end()
		for range 1000 {
			bus.Publish(wake.Sync) // nobody receives: it must not block
		}
		if cap(ch) != 1 {
			t.Errorf("%d wakes may wait, want one that stands for all", cap(ch))
		}
		wants(t, ch, "one of a thousand")
		bus.Publish(wake.Sync)
		wants(t, ch, "after the merged ones")
	})
}

func TestUnsubscribe(t *testing.T) {
	each(t, func(t *testing.T, bus wake.Bus) {
		gone, end := bus.Subscribe(wake.Ack)
		stays, endOther := bus.Subscribe(wake.Ack)
		defer endOther()
		end()
		end() // twice does no harm
		for range 100 {
			bus.Publish(wake.Ack)
			wants(t, stays, "who stays")
		}
		isQuiet(t, bus, gone, "who is gone")
	})
}

func TestWithoutSubscribers(t *testing.T) {
	each(t, func(t *testing.T, bus wake.Bus) {
		bus.Publish(wake.Pending)
		ch, end := bus.Subscribe(wake.Pending)
		defer end()
		isQuiet(t, bus, ch, "by what came before")
	})
}

// Publishing never fails the work that it follows, not even at the end.
func TestAfterClose(t *testing.T) {
	each(t, func(_ *testing.T, bus wake.Bus) {
		_, end := bus.Subscribe(wake.Pending)
		bus.Close()
		bus.Publish(wake.Pending)
		end()
		_, end = bus.Subscribe(wake.Pending)
		end()
	})
}

func TestConcurrentUse(t *testing.T) {
	each(t, func(t *testing.T, bus wake.Bus) {
		last, endLast := bus.Subscribe(wake.Pending)
		defer endLast()
		var users sync.WaitGroup
		for i := range 16 {
			users.Go(func() {
				for range 50 {
					_, end := bus.Subscribe(topics[i%len(topics)])
					bus.Publish(topics[i%len(topics)])
					end()
				}
			})
		}
		users.Wait()
		wants(t, last, "of many")
	})
}
