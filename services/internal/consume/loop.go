package consume

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/tandem-sync/tandem/services/internal/store"
)

// Queue is what a loop takes messages from. M is the kind of message.
type Queue[M any] interface {
	// Claim takes up to n messages for window.
	Claim(ctx context.Context, n int, window time.Duration) ([]M, error)
	// Extend keeps m for another window from now; store.ErrStale when it has passed to another.
	Extend(ctx context.Context, m M, window time.Duration) error
	// Work does what m asks for and marks it done. Its context ends when the claim
	// is lost or the stop took too long. An error leaves the message to be claimed
	// again after its window.
	Work(ctx context.Context, m M) error
}

// Loop takes messages from one queue.
type Loop[M any] struct {
	Name        string // for the log
	Queue       Queue[M]
	Concurrency int           // messages in work at a time; 0 switches the loop off
	Batch       int           // messages claimed at a time by each worker; at least 1
	Window      time.Duration // how long a claim keeps others away unless extended
	Backoff     Backoff
	Wake        <-chan struct{} // says "look now"; may be nil
	Grace       time.Duration   // how long messages in hand may take after the stop
	Log         *slog.Logger
	// OnError is told of each failed poll or message, for counting. May be nil.
	OnError func(error)
	// OnDone is told how long each message took. May be nil.
	OnDone func(took time.Duration, err error)
}

// Run works until ctx ends, then finishes what is in hand (for Grace at most)
// and returns.
func (l *Loop[M]) Run(ctx context.Context) {
	if l.Concurrency <= 0 {
		l.Log.Info("worker is switched off", "worker", l.Name)
		return
	}
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	wakes := fan(ctx, l.Wake, l.Concurrency)
	var wg sync.WaitGroup
	for i := range l.Concurrency {
		wg.Go(func() { l.worker(ctx, work, wakes[i]) })
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	grace := time.NewTimer(l.Grace)
	defer grace.Stop()
	select {
	case <-done:
	case <-grace.C:
		l.Log.Warn("messages in hand took too long to finish; they will be tried again", "worker", l.Name, "grace", l.Grace)
		cancel()
		<-done
	}
}

// worker polls and works, one batch after the other, until poll ends.
func (l *Loop[M]) worker(poll, work context.Context, wake <-chan struct{}) {
	backoff := l.Backoff
	failing := false
	for poll.Err() == nil {
		n, err := l.once(poll, work)
		switch {
		case err != nil && poll.Err() == nil:
			if !failing {
				l.Log.Error("can't claim messages; will keep trying", "worker", l.Name, "err", err)
			}
			failing = true
			l.report(err)
		case failing:
			failing = false
			l.Log.Info("claims messages again", "worker", l.Name)
		}
		if n > 0 {
			backoff.Reset()
			continue
		}
		pause := time.NewTimer(backoff.Next())
		select {
		case <-poll.Done():
		case <-wake:
			backoff.Reset()
		case <-pause.C:
		}
		pause.Stop()
	}
}

// Once claims one batch and works through it in the calling goroutine. It
// returns how many messages it worked on.
func (l *Loop[M]) Once(ctx context.Context) (int, error) { return l.once(ctx, ctx) }

func (l *Loop[M]) once(poll, work context.Context) (int, error) {
	claimed := time.Now()
	batch, err := l.Queue.Claim(poll, max(l.Batch, 1), l.Window)
	if err != nil {
		return 0, err
	}
	for i, m := range batch {
		// The later messages of a batch wait while the earlier ones are in work.
		// What is about to run out is left for whoever claims it next.
		if i > 0 && time.Since(claimed) > l.Window/2 {
			if err := l.Queue.Extend(work, m, l.Window); err != nil {
				continue
			}
		}
		l.work(work, m)
	}
	return len(batch), nil
}

func (l *Loop[M]) work(ctx context.Context, m M) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	start := time.Now()
	stop := l.keepClaim(ctx, cancel, m)
	err := l.Queue.Work(ctx, m)
	stop()
	if l.OnDone != nil {
		l.OnDone(time.Since(start), err)
	}
	if err == nil {
		return
	}
	if errors.Is(err, store.ErrStale) || errors.Is(context.Cause(ctx), store.ErrStale) {
		l.Log.Warn("lost the claim on a message in work; another worker has it", "worker", l.Name)
	} else {
		l.Log.Error("message failed; it will be tried again", "worker", l.Name, "err", err)
	}
	l.report(err)
}

// keepClaim extends the claim on m until the returned function is called, and
// ends the work when the claim is lost.
func (l *Loop[M]) keepClaim(ctx context.Context, lost context.CancelCauseFunc, m M) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	ticker := time.NewTicker(max(l.Window/3, time.Millisecond))
	wg.Go(func() {
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				if err := l.Queue.Extend(ctx, m, l.Window); errors.Is(err, store.ErrStale) {
					lost(err)
					return
				}
			}
		}
	})
	return func() { close(done); wg.Wait() }
}

func (l *Loop[M]) report(err error) {
	if l.OnError != nil {
		l.OnError(err)
	}
}

// fan hands each wake to every worker.
func fan(ctx context.Context, wake <-chan struct{}, n int) []chan struct{} {
	outs := make([]chan struct{}, n)
	for i := range outs {
		outs[i] = make(chan struct{}, 1)
	}
	if wake == nil {
		return outs
	}
	go func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-wake:
				for _, out := range outs {
					select {
					case out <- struct{}{}:
					default: // one is waiting already
					}
				}
			}
		}
	}()
	return outs
}
