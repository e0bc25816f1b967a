package nats_test

import (
	"net"
	"strings"
	"testing"
	"time"

	client "github.com/nats-io/nats.go"

	"github.com/tandem-sync/tandem/services/internal/wake"
	"github.com/tandem-sync/tandem/services/internal/wake/nats"
)

func TestStartsBeforeNATS(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	sub, subLog := connect(t, nats.Options{URLs: []string{urlOf(port)}})
	pub, _ := connect(t, nats.Options{URLs: []string{urlOf(port)}})
	ch, end := sub.Subscribe(wake.Pending)
	defer end()
	sub.Publish(wake.Pending)
	isWoken(t, ch, "its own process, without NATS")

	if line := subLog.wait(t, "NATS is away"); !strings.Contains(line, "polling") || !strings.Contains(line, urlOf(port)) {
		t.Errorf("got %s", line)
	}
	waitFor(t, "three more attempts", func() bool { return len(subLog.lines("NATS is away", true)) >= 3 })
	serve(t, port, nil)
	if line := subLog.wait(t, "NATS is back"); !strings.Contains(line, "name=test-server") {
		t.Errorf("got %s", line)
	}
	isWoken(t, ch, "something may have been missed")
	reach(t, pub, sub)
	pub.Publish(wake.Pending)
	isWoken(t, ch, "by the other process")
	subLog.once(t, "NATS is away")
	subLog.once(t, "NATS is back")
}

func TestServerGoesAndComes(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	stop := serve(t, port, nil)
	sub, log := connect(t, nats.Options{URLs: []string{urlOf(port)}})
	pub, _ := connect(t, nats.Options{URLs: []string{urlOf(port)}})
	subscribed := map[wake.Topic]<-chan struct{}{}
	for _, topic := range []wake.Topic{wake.Pending, wake.Ack, wake.Sync, wake.Schedule} {
		ch, end := sub.Subscribe(topic)
		defer end()
		subscribed[topic] = ch
	}
	reach(t, pub, sub)
	for topic, ch := range subscribed {
		select {
		case <-ch:
			t.Errorf("%s: woken by the first connection", topic)
		default:
		}
	}
	log.wait(t, "connected to NATS")
	stop()
	waitFor(t, "three attempts after the loss", func() bool { return len(log.lines("NATS is away", true)) >= 3 })
	stop = serve(t, port, nil)
	for topic, ch := range subscribed {
		isWoken(t, ch, string(topic)+" after the time without NATS")
	}
	reach(t, pub, sub)
	for topic, ch := range subscribed {
		select {
		case <-ch:
			t.Errorf("%s: woken twice", topic)
		default:
		}
	}
	log.once(t, "NATS is away")
	log.once(t, "NATS is back")

	stop() // the next time is told again
	waitFor(t, "the second loss", func() bool { return len(log.lines("NATS is away", false)) == 2 })
}

// What a process publishes while NATS is away costs one wake per topic, which the
// others get when NATS is back, even if they never lost it.
func TestWakesWaitMerged(t *testing.T) {
	t.Parallel()
	here, away := freePort(t), freePort(t)
	serve(t, here, nil)
	pub, log := connect(t, nats.Options{URLs: []string{urlOf(away)}})
	sub, _ := connect(t, nats.Options{URLs: []string{urlOf(here)}})
	observer, err := client.Connect(urlOf(here))
	if err != nil {
		t.Fatal(err)
	}
	defer observer.Close()
	seen, err := observer.SubscribeSync(nats.DefaultPrefix + ".*")
	if err != nil || observer.Flush() != nil {
		t.Fatal(err)
	}
	ch, end := sub.Subscribe(wake.Sync)
	defer end()
	log.wait(t, "NATS is away")
	for range 100_000 {
		pub.Publish(wake.Pending)
		pub.Publish(wake.Sync)
	}
	forward(t, away, here)
	log.wait(t, "NATS is back")
	isWoken(t, ch, "by what waited")
	for _, want := range []string{"tandem.wake.pending", "tandem.wake.sync"} {
		msg, err := seen.NextMsg(deadline)
		if err != nil || msg.Subject != want {
			t.Fatalf("got %v, %v, want one of %s", msg, err, want)
		}
	}
	pub.Publish("last")
	if msg, err := seen.NextMsg(deadline); err != nil || msg.Subject != "tandem.wake.last" {
		t.Errorf("got %v, %v: more than one wake of a topic waited", msg, err)
	}
}

func TestOneOfSeveralServersIsEnough(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	serve(t, port, nil)
	urls := []string{urlOf(freePort(t)), urlOf(freePort(t)), urlOf(port)}
	a, log := connect(t, nats.Options{URLs: urls})
	b, _ := connect(t, nats.Options{URLs: urls})
	reach(t, a, b)
	reach(t, b, a)
	log.wait(t, "connected to NATS")
	if lines := log.lines("NATS is away", false); len(lines) != 0 {
		t.Errorf("got %v", lines)
	}
	log.once(t, "connected to NATS")
}

func TestServerFails(t *testing.T) {
	t.Parallel()
	first, second := freePort(t), freePort(t)
	stop := serve(t, first, nil)
	bus, log := connect(t, nats.Options{URLs: []string{urlOf(first), urlOf(second)}})
	log.wait(t, "connected to NATS")
	serve(t, second, nil)
	stop()
	if line := log.wait(t, "NATS is back"); !strings.Contains(line, urlOf(second)) {
		t.Errorf("got %s", line)
	}
	other, _ := connect(t, nats.Options{URLs: []string{urlOf(second)}})
	reach(t, bus, other)
}

// A server that takes the connection and says nothing is the worst that can happen
// to a caller.
func TestNothingWaitsForNATS(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	taken := make(chan net.Conn, 100)
	go func() {
		for {
			conn, err := silent.Accept()
			if err != nil {
				close(taken)
				return
			}
			taken <- conn
		}
	}()
	for name, url := range map[string]string{"silent": "nats://" + silent.Addr().String(), "refused": urlOf(freePort(t))} {
		bus, log := connect(t, nats.Options{URLs: []string{url}})
		if name == "silent" {
			<-taken
		} else {
			log.wait(t, "NATS is away")
		}
		began := time.Now()
		for range 10_000 {
			bus.Publish(wake.Sync)
		}
		_, end := bus.Subscribe(wake.Sync)
		end()
		if took := time.Since(began); took > time.Second {
			t.Errorf("%s: publishing took %s", name, took)
		}
		began = time.Now()
		bus.Close()
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: Close took %s", name, took)
		}
	}
}
