package wake_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/tandem-sync/tandem/services/internal/wake"
	"github.com/tandem-sync/tandem/services/internal/wake/nats"
)

// buses are the implementations of the port; each passes the whole suite. It
// publishes on the first bus and subscribes on the second: two processes, or one.
var buses = map[string]func(t *testing.T) (pub, sub wake.Bus){
	"local": func(*testing.T) (wake.Bus, wake.Bus) {
		bus := wake.NewLocal()
		return bus, bus
	},
	"this process": func(*testing.T) (wake.Bus, wake.Bus) {
		bus := wake.ThisProcess(slog.New(slog.DiscardHandler))
		return bus, bus
	},
	"embedded NATS": func(t *testing.T) (wake.Bus, wake.Bus) {
		bus, err := nats.Embedded(slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		return bus, bus
	},
	"NATS, one process": func(t *testing.T) (wake.Bus, wake.Bus) {
		bus := connect(t, serve(t))
		return bus, bus
	},
	"NATS, two processes": func(t *testing.T) (wake.Bus, wake.Bus) {
		url := serve(t)
		pub, sub := connect(t, url), connect(t, url)
		settle(t, pub, sub)
		return pub, sub
	},
}

// serve runs a NATS server and returns its URL.
func serve(t *testing.T) string {
	srv, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	srv.Start()
	t.Cleanup(func() {
		srv.Shutdown()
		srv.WaitForShutdown()
	})
	if !srv.ReadyForConnections(30 * time.Second) {
		t.Fatal("the NATS server is not ready")
	}
	return srv.ClientURL()
}

func connect(t *testing.T, url string) wake.Bus {
	bus, err := nats.Connect(t.Context(), nats.Options{URLs: []string{url}})
	if err != nil {
		t.Fatal(err)
	}
	return bus
}

var topics = []wake.Topic{wake.Pending, wake.Ack, wake.Sync, wake.Schedule}

func each(t *testing.T, test func(t *testing.T, pub, sub wake.Bus)) {
	for name, open := range buses {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pub, sub := open(t)
			defer pub.Close()
			defer sub.Close()
			test(t, pub, sub)
		})
	}
}

// wants waits for a wake.
func wants(t *testing.T, ch <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-ch:
	case <-time.After(30 * time.Second):
		t.Fatalf("no wake: %s", what)
	}
}

// settle returns when subscriptions made before are in force, and what was
// published before has been delivered, as far as that can be known: each subscriber
// is served on its own.
func settle(t *testing.T, pub, sub wake.Bus) {
	t.Helper()
	ch, end := sub.Subscribe("settle")
	defer end()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	deadline := time.After(30 * time.Second)
	for {
		pub.Publish("settle")
		select {
		case <-ch:
			return
		case <-again.C: // the subscription had not reached the server yet
		case <-deadline:
			t.Fatal("no wake of the test itself")
		}
	}
}

func isQuiet(t *testing.T, pub, sub wake.Bus, ch <-chan struct{}, what string) {
	t.Helper()
	settle(t, pub, sub)
	select {
	case <-ch:
		t.Errorf("woken: %s", what)
	default:
	}
}

func TestEachSubscriberOfTheTopicIsWoken(t *testing.T) {
	each(t, func(t *testing.T, pub, sub wake.Bus) {
		subs := map[wake.Topic][]<-chan struct{}{}
		for _, topic := range topics {
			for range 3 {
				ch, end := sub.Subscribe(topic)
				defer end()
				subs[topic] = append(subs[topic], ch)
			}
		}
		settle(t, pub, sub)
		for _, topic := range topics {
			pub.Publish(topic)
			for _, ch := range subs[topic] {
				wants(t, ch, string(topic))
			}
			for _, other := range topics {
				for _, ch := range subs[other] {
					isQuiet(t, pub, sub, ch, string(other)+" by "+string(topic))
				}
			}
		}
	})
}

func TestWakesAreMerged(t *testing.T) {
	each(t, func(t *testing.T, pub, sub wake.Bus) {
		ch, end := sub.Subscribe(wake.Sync)
		defer end()
		settle(t, pub, sub)
		for range 1000 {
			pub.Publish(wake.Sync) // nobody receives: it must not block
		}
		if cap(ch) != 1 {
			t.Errorf("%d wakes may wait, want one that stands for all", cap(ch))
		}
		wants(t, ch, "one of a thousand")
		settle(t, pub, sub)
		pub.Publish(wake.Sync)
		wants(t, ch, "after the merged ones")
	})
}

func TestUnsubscribe(t *testing.T) {
	each(t, func(t *testing.T, pub, sub wake.Bus) {
		gone, end := sub.Subscribe(wake.Ack)
		stays, endOther := sub.Subscribe(wake.Ack)
		defer endOther()
		end()
		end() // twice does no harm
		settle(t, pub, sub)
		for range 100 {
			pub.Publish(wake.Ack)
			wants(t, stays, "who stays")
		}
		isQuiet(t, pub, sub, gone, "who is gone")
	})
}

func TestWithoutSubscribers(t *testing.T) {
	each(t, func(t *testing.T, pub, sub wake.Bus) {
		pub.Publish(wake.Pending)
		settle(t, pub, sub)
		ch, end := sub.Subscribe(wake.Pending)
		defer end()
		isQuiet(t, pub, sub, ch, "by what came before")
	})
}

// Publishing never fails the work that it follows, not even at the end.
func TestAfterClose(t *testing.T) {
	each(t, func(_ *testing.T, pub, sub wake.Bus) {
		_, end := sub.Subscribe(wake.Pending)
		sub.Close()
		pub.Close()
		pub.Publish(wake.Pending)
		end()
		_, end = sub.Subscribe(wake.Pending)
		end()
	})
}

func TestConcurrentUse(t *testing.T) {
	each(t, func(t *testing.T, pub, sub wake.Bus) {
		last, endLast := sub.Subscribe(wake.Pending)
		defer endLast()
		settle(t, pub, sub)
		var users sync.WaitGroup
		for i := range 16 {
			users.Go(func() {
				for range 50 {
					_, end := sub.Subscribe(topics[i%len(topics)])
					pub.Publish(topics[i%len(topics)])
					end()
				}
			})
		}
		users.Wait()
		wants(t, last, "of many")
	})
}

func TestThisProcessSaysWhatItMeans(t *testing.T) {
	var log strings.Builder
	wake.ThisProcess(slog.New(slog.NewTextHandler(&log, nil)))
	if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "natsUrl") || !strings.Contains(text, "polling") {
		t.Errorf("got %q", text)
	}
}
