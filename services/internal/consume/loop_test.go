package consume_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandem-sync/tandem/services/internal/consume"
	"github.com/tandem-sync/tandem/services/internal/store"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// fake is a queue in memory.
type fake struct {
	mu       sync.Mutex
	waiting  []int
	claims   int
	extended int
	done     []int
	work     func(ctx context.Context, m int) error
	claimErr error
	extErr   error
}

func (f *fake) Claim(_ context.Context, n int, _ time.Duration) ([]int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.claims++
	if f.claimErr != nil {
		return nil, f.claimErr
	}
	n = min(n, len(f.waiting))
	out := f.waiting[:n:n]
	f.waiting = f.waiting[n:]
	return out, nil
}

func (f *fake) Extend(context.Context, int, time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.extended++
	return f.extErr
}

func (f *fake) Work(ctx context.Context, m int) error {
	if f.work != nil {
		if err := f.work(ctx, m); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.done = append(f.done, m)
	return nil
}

func (f *fake) add(ms ...int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting = append(f.waiting, ms...)
}

func (f *fake) state() (claims int, done []int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.claims, slices.Clone(f.done)
}

func loop(f *fake) *consume.Loop[int] {
	return &consume.Loop[int]{
		Name: "test", Queue: f, Concurrency: 1, Batch: 1, Window: 9 * time.Second, Grace: 5 * time.Second, Log: quiet,
		Backoff: consume.Backoff{Strategy: consume.Exponential, Min: time.Millisecond, Max: time.Minute},
	}
}

// start runs l in a bubble; stop ends it and waits.
func start(t *testing.T, l *consume.Loop[int]) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { l.Run(ctx); close(done) }()
	return func() { cancel(); <-done }
}

func TestPollsWithBackoffAndFindsWhatNobodyAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		stop := start(t, loop(f))
		defer stop()
		pass(time.Hour)
		claims, _ := f.state()
		if claims > 100 {
			t.Errorf("%d polls of an empty queue in an hour: no back-off", claims)
		}
		f.add(1, 2, 3)
		pass(time.Minute + time.Second) // the longest pause
		if _, done := f.state(); !slices.Equal(done, []int{1, 2, 3}) {
			t.Errorf("done %v", done)
		}
	})
}

func TestWakeCutsThePauseShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{}
		wake := make(chan struct{}, 1)
		l := loop(f)
		l.Wake = wake
		stop := start(t, l)
		defer stop()
		pass(time.Hour)
		f.add(1)
		wake <- struct{}{}
		synctest.Wait()
		if _, done := f.state(); !slices.Equal(done, []int{1}) {
			t.Errorf("done %v right after the wake", done)
		}
	})
}

func TestStopLetsWorkInHandFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{work: func(ctx context.Context, _ int) error {
			select {
			case <-time.After(4 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}}
		f.add(1, 2)
		stop := start(t, loop(f))
		pass(time.Second)
		stop()
		if _, done := f.state(); !slices.Equal(done, []int{1}) {
			t.Errorf("done %v, want the message in hand and no other", done)
		}
	})
}

func TestStopCutsOffWhatTakesTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{work: func(ctx context.Context, _ int) error { <-ctx.Done(); return ctx.Err() }}
		f.add(1)
		stop := start(t, loop(f))
		pass(time.Second)
		begin := time.Now()
		stop()
		if took := time.Since(begin); took != 5*time.Second {
			t.Errorf("stopped after %v, want the grace of 5s", took)
		}
	})
}

func TestKeepsItsClaimWhileItWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{work: func(context.Context, int) error { pass(29 * time.Second); return nil }}
		f.add(1)
		stop := start(t, loop(f))
		pass(31 * time.Second)
		stop()
		if f.extended != 9 {
			t.Errorf("extended %d times in 29s with a window of 9s, want 9", f.extended)
		}
	})
}

func TestLostClaimEndsTheWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cause error
		f := &fake{extErr: store.ErrStale}
		f.work = func(ctx context.Context, _ int) error { <-ctx.Done(); cause = context.Cause(ctx); return cause }
		f.add(1)
		stop := start(t, loop(f))
		pass(4 * time.Second)
		stop()
		if !errors.Is(cause, store.ErrStale) {
			t.Errorf("work ended by %v, want %v", cause, store.ErrStale)
		}
	})
}

func TestGoesOnAfterErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fake{claimErr: errors.New("store is away")}
		var reported int
		l := loop(f)
		l.OnError = func(error) { reported++ }
		stop := start(t, l)
		pass(time.Minute)
		f.mu.Lock()
		f.claimErr = nil
		f.mu.Unlock()
		f.add(1)
		pass(2 * time.Minute)
		stop()
		if _, done := f.state(); !slices.Equal(done, []int{1}) || reported == 0 {
			t.Errorf("done %v after the store came back, %d errors reported", done, reported)
		}
	})
}

func TestConcurrencyZeroSwitchesOff(t *testing.T) {
	f := &fake{}
	l := loop(f)
	l.Concurrency = 0
	l.Run(t.Context())
	if f.claims != 0 {
		t.Error("a loop that is switched off polled")
	}
}

func TestBackoff(t *testing.T) {
	for _, tc := range []struct {
		strategy consume.Strategy
		want     []time.Duration
	}{
		{consume.Exponential, []time.Duration{1, 2, 4, 8, 10, 10}},
		{consume.Fibonacci, []time.Duration{1, 2, 3, 5, 8, 10}},
		{consume.None, []time.Duration{1, 1, 1, 1, 1, 1}},
	} {
		b := consume.Backoff{Strategy: tc.strategy, Min: time.Second, Max: 10 * time.Second}
		for range 2 {
			for i, want := range tc.want {
				if got := b.Next(); got != want*time.Second {
					t.Errorf("%s: pause %d is %v, want %v", tc.strategy, i, got, want*time.Second)
				}
			}
			b.Reset()
		}
		if err := b.Validate(); err != nil {
			t.Error(err)
		}
	}
	if err := (consume.Backoff{Strategy: "linear"}).Validate(); err == nil {
		t.Error("unknown strategy accepted")
	}
}

// pass lets d go by in the bubble's virtual time.
func pass(d time.Duration) { <-time.After(d) }
