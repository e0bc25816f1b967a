package faults

import (
	"errors"
	"math/rand/v2"
	"sync"
	"time"
)

// stopNATS takes the messages away that say "look now".
func stopNATS(lasts time.Duration) fault {
	return fault{name: "NATS is away", lasts: lasts, begin: func(w *world) func() {
		if !w.take("NATS") {
			return nil
		}
		w.c.NATS.Stop()
		return func() {
			w.c.NATS.Start()
			delete(w.busy, "NATS")
		}
	}}
}

// take gives hold of something that is there once.
func (w *world) take(what string) bool {
	if w.busy[what] {
		return false
	}
	w.busy[what] = true
	return true
}

// harm is what happens to MongoDB's connections: to each chunk that passes, and from
// time to time to all of them.
type harm struct {
	chunk func(r *rand.Rand, fromServer bool, chunk []byte) ([]byte, error)
	cut   time.Duration // all are reset so often; 0: at the end
}

var errBroken = errors.New("the connection breaks")

var (
	delays = harm{chunk: func(r *rand.Rand, _ bool, chunk []byte) ([]byte, error) {
		<-time.After(time.Duration(r.IntN(150)) * time.Millisecond)
		return chunk, nil
	}}
	resets = harm{cut: 300 * time.Millisecond}
	// breaksOff ends one chunk in twenty somewhere: half a request that the server
	// must not take for one, or a request that is done and whose answer is lost.
	breaksOff = harm{chunk: func(r *rand.Rand, fromServer bool, chunk []byte) ([]byte, error) {
		if r.IntN(20) > 0 {
			return chunk, nil
		}
		return chunk[:r.IntN(len(chunk))], errBroken
	}}
	// swallows is a network that is gone without a word. At its end all is reset.
	swallows = harm{chunk: func(_ *rand.Rand, fromServer bool, chunk []byte) ([]byte, error) { return nil, nil }}
)

// mongo does harm to every connection with MongoDB, the adapter's as well.
func mongo(name string, lasts time.Duration, h harm) fault {
	return fault{name: name, lasts: lasts, begin: func(w *world) func() {
		if !w.take("MongoDB") {
			return nil
		}
		var mu sync.Mutex
		chance := rand.New(rand.NewPCG(w.rand.Uint64(), 0))
		if h.chunk != nil {
			w.c.Mongo.Harm(func(fromServer bool, chunk []byte) ([]byte, error) {
				mu.Lock()
				own := rand.New(rand.NewPCG(chance.Uint64(), 0))
				mu.Unlock()
				return h.chunk(own, fromServer, chunk)
			})
		}
		stop, stopped := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for h.cut > 0 {
				select {
				case <-stop:
					return
				case <-time.After(h.cut):
					w.c.Mongo.Cut()
				}
			}
		}()
		return func() {
			close(stop)
			<-stopped
			w.c.Mongo.Harm(nil)
			w.c.Mongo.Cut()
			delete(w.busy, "MongoDB")
		}
	}}
}
