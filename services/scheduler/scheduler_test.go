package scheduler_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandem-sync/tandem/services/internal/clock"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/store/sqlite"
	"github.com/tandem-sync/tandem/services/internal/store/wrap"
	"github.com/tandem-sync/tandem/services/internal/wake"
	"github.com/tandem-sync/tandem/services/scheduler"
)

// bench is a store in memory, in the virtual time of a bubble, with any number
// of candidates on it.
type bench struct {
	*testing.T
	store *sqlite.Store
	bus   *wake.Local
	ends  []func()
}

// bubble runs a test in virtual time.
func bubble(t *testing.T, test func(b *bench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, err := sqlite.Open(t.Context(), sqlite.Options{Clock: clock.System})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		b := &bench{T: t, store: s, bus: wake.NewLocal()}
		defer func() {
			for _, end := range b.ends {
				end()
			}
		}()
		test(b)
	})
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// candidate is one scheduler with its own way to the store.
type candidate struct {
	*scheduler.Scheduler
	b    *bench
	log  lockedBuffer
	stop func()

	mu   sync.Mutex
	ops  map[string]int
	hook wrap.Hook
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) has(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

const (
	lockMaxTime = 20 * time.Second
	retention   = 24 * time.Hour
	cleanEvery  = 5 * time.Minute
)

func (b *bench) candidate(name string) *candidate { return b.candidateAt(name, clock.System) }

// candidateAt makes a candidate whose process has a clock of its own.
func (b *bench) candidateAt(name string, now clock.Clock) *candidate {
	c := &candidate{b: b, ops: map[string]int{}}
	counted := wrap.Observe(b.store, func(op string, _ time.Duration, _ error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ops[op]++
	})
	faulty := wrap.Faulty(counted, func(ctx context.Context, op string, before bool) error {
		c.mu.Lock()
		hook := c.hook
		c.mu.Unlock()
		if hook == nil {
			return nil
		}
		return hook(ctx, op, before)
	})
	c.Scheduler = scheduler.New(scheduler.Config{
		Interval: 500 * time.Millisecond, LockName: "lock", LockMaxTime: lockMaxTime, Retention: retention,
		CleanEvery: cleanEvery, Holder: name, Clock: now,
	}, faulty, b.bus, slog.New(slog.NewTextHandler(&c.log, nil)))
	return c
}

// start runs the candidate until stop, or the end of the test.
func (c *candidate) start() {
	ctx, cancel := context.WithCancel(c.b.Context())
	done := make(chan struct{})
	go func() { c.Run(ctx); close(done) }()
	c.stop = func() { cancel(); <-done }
	c.b.ends = append(c.b.ends, c.stop)
}

func (c *candidate) inject(h wrap.Hook) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hook = h
}

// counted returns how often an operation reached the store since the last call.
func (c *candidate) counted(op string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.ops[op]
	c.ops[op] = 0
	return n
}

// touch accesses dataset clients as devices do.
func (b *bench) touch(names ...string) {
	b.Helper()
	for _, name := range names {
		b.must(b.store.TouchDatasetClients(b.Context(), []store.Touch{{
			ID: name, Dataset: "tasks", QueryParams: []byte("{}"), MetaData: []byte("{}"), Config: record.DefaultSyncConfig(), At: time.Now(),
		}}))
	}
}

func (b *bench) jobs() int64 {
	b.Helper()
	sizes, err := b.store.Queues(b.Context())
	b.must(err)
	return sizes[store.QueueSync]
}

// work does all sync runs that are queued.
func (b *bench) work() (n int) {
	b.Helper()
	jobs, err := b.store.ClaimJobs(b.Context(), 10_000, time.Minute)
	b.must(err)
	for _, j := range jobs {
		run, err := b.store.BeginRun(b.Context(), j.ClientID, j.ID)
		b.must(err)
		b.must(b.store.EndRun(b.Context(), run, "content"))
		b.must(b.store.FinishJob(b.Context(), j.Claim))
	}
	return len(jobs)
}

func (b *bench) client(id string) record.DatasetClient {
	b.Helper()
	dc, err := b.store.DatasetClient(b.Context(), id)
	b.must(err)
	return dc
}

// pass lets d go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func holders(all []*candidate) (held []int) {
	for i, c := range all {
		if c.counted("ScheduleDue") > 0 {
			held = append(held, i)
		}
	}
	return held
}

func three(b *bench) []*candidate {
	var all []*candidate
	for i := range 3 {
		c := b.candidate(fmt.Sprint("candidate", i))
		c.start()
		all = append(all, c)
	}
	return all
}

func TestOneOfThreeSchedules(t *testing.T) {
	bubble(t, func(b *bench) {
		all := three(b)
		b.touch("tasks_1", "tasks_2")
		pass(time.Second)
		first := holders(all)
		if len(first) != 1 || b.jobs() != 2 {
			b.Fatalf("candidates %v schedule; %d jobs, want 2", first, b.jobs())
		}
		for range 10 {
			if n := b.work(); n != 2 {
				b.Errorf("%d sync runs in 10 s, want 2", n)
			}
			pass(10*time.Second + 600*time.Millisecond)
			if held := holders(all); len(held) != 1 || held[0] != first[0] {
				b.Fatalf("candidates %v schedule, want %v", held, first)
			}
		}
		// A release lets another take over at its next pass.
		all[first[0]].stop()
		pass(500 * time.Millisecond)
		if held := holders(all); len(held) != 1 || held[0] == first[0] {
			b.Errorf("candidates %v schedule after %v was stopped", held, first)
		}
	})
}

// A holder that is paused in the middle of a pass is replaced after the lock's max
// time, and what it does then is refused.
func TestPausedHolderIsReplaced(t *testing.T) {
	bubble(t, func(b *bench) {
		all := three(b)
		pass(time.Second)
		old := holders(all)[0]
		resume := make(chan struct{})
		all[old].inject(func(_ context.Context, op string, before bool) error {
			if op == "ScheduleDue" && before {
				<-resume
			}
			return nil
		})
		pass(time.Second)
		holders(all)
		b.touch("tasks_1")
		pass(lockMaxTime - 3*time.Second)
		if held := holders(all); len(held) != 0 || b.jobs() != 0 {
			b.Errorf("candidates %v schedule while the lock is held", held)
		}
		pass(3 * time.Second)
		held := holders(all)
		if len(held) != 1 || held[0] == old || b.jobs() != 1 {
			b.Fatalf("candidates %v schedule %d jobs after the lock ran out", held, b.jobs())
		}
		b.work()
		b.touch("tasks_2")
		all[old].inject(nil)
		close(resume)
		pass(10 * time.Millisecond)
		if n := all[old].log.has("passed to another holder"); n != 1 {
			b.Errorf("the former holder was told %d times that it is none", n)
		}
		all[old].counted("ScheduleDue")
		pass(time.Minute)
		if now := holders(all); len(now) != 1 || now[0] != held[0] {
			b.Errorf("candidates %v schedule, want %v", now, held)
		}
	})
}

// A lease that ran out can't schedule, even though nobody else took it.
func TestStaleLeaseSchedulesNothing(t *testing.T) {
	bubble(t, func(b *bench) {
		c := b.candidate("a")
		if _, held, err := c.Pass(b.Context()); !held || err != nil {
			b.Fatal(held, err)
		}
		b.touch("tasks_1")
		c.inject(func(_ context.Context, op string, before bool) error {
			if op == "ScheduleDue" && before {
				pass(lockMaxTime) // a long pause between taking the lease and using it
			}
			return nil
		})
		if _, _, err := c.Pass(b.Context()); !errors.Is(err, store.ErrStale) || b.jobs() != 0 {
			b.Errorf("pass: %v, %d jobs", err, b.jobs())
		}
		c.inject(nil)
		if done, held, err := c.Pass(b.Context()); err != nil || !held || done.Jobs != 1 {
			b.Errorf("the next pass: %+v, %t, %v", done, held, err)
		}
	})
}

// Whoever hears that its lease is stale takes it anew at once, if it is free.
func TestTakesItsLeaseAnew(t *testing.T) {
	bubble(t, func(b *bench) {
		c := b.candidate("a")
		_, _, err := c.Pass(b.Context())
		b.must(err)
		lease, ok, err := b.store.AcquireLease(b.Context(), "lock", "a", lockMaxTime) // its own, with another token
		if !ok || err != nil {
			b.Fatal(ok, err)
		}
		b.touch("tasks_1")
		if _, _, err := c.Pass(b.Context()); !errors.Is(err, store.ErrStale) {
			b.Errorf("with the old token: %v", err)
		}
		b.must(b.store.ReleaseLease(b.Context(), lease))
		if done, held, err := c.Pass(b.Context()); err != nil || !held || done.Jobs != 1 {
			b.Errorf("the next pass: %+v, %t, %v", done, held, err)
		}
	})
}

// A pass is one store operation, and now and then one more for the lease.
func TestPassCosts(t *testing.T) {
	bubble(t, func(b *bench) {
		c := b.candidate("a")
		c.start()
		pass(time.Minute + 100*time.Millisecond)
		if n := c.counted("ScheduleDue"); n != 121 {
			b.Errorf("%d passes in a minute, want 121", n)
		}
		if got, renewed := c.counted("AcquireLease"), c.counted("RenewLease"); got != 2 || renewed > 9 {
			b.Errorf("leases taken %d times (scheduler, cleaner), renewed %d times", got, renewed)
		}
		other := b.candidate("b")
		other.start()
		pass(time.Minute)
		if n := other.counted("ScheduleDue"); n != 0 {
			b.Errorf("who holds no lease made %d passes", n)
		}
	})
}

func TestAllThatIsDueInOnePass(t *testing.T) {
	bubble(t, func(b *bench) {
		for i := range 2500 {
			b.touch(fmt.Sprint("tasks_", i))
		}
		woken, end := b.bus.Subscribe(wake.Sync)
		defer end()
		c := b.candidate("a")
		done, held, err := c.Pass(b.Context())
		if err != nil || !held || done.Jobs != 2500 || b.jobs() != 2500 {
			b.Errorf("pass %+v, %t, %v; %d jobs", done, held, err, b.jobs())
		}
		select {
		case <-woken:
		default:
			b.Error("the sync workers were not woken")
		}
		if done, _, err = c.Pass(b.Context()); err != nil || done.Jobs != 0 {
			b.Errorf("the next pass %+v, %v: what is scheduled is not scheduled again", done, err)
		}
		if woken := len(woken); woken != 0 {
			b.Error("woken for nothing")
		}
	})
}

// A device that comes anew need not wait for the next pass.
func TestWakeSchedulesAtOnce(t *testing.T) {
	bubble(t, func(b *bench) {
		c := b.candidate("a")
		c.start()
		pass(100 * time.Millisecond)
		b.touch("tasks_1")
		b.bus.Publish(wake.Schedule)
		synctest.Wait()
		if n := b.jobs(); n != 1 {
			b.Errorf("%d jobs right after the wake", n)
		}
	})
}

func TestScheduleFollowsTheProtocol(t *testing.T) {
	bubble(t, func(b *bench) {
		c := b.candidate("a")
		c.start()
		b.touch("tasks_1")
		pass(time.Second)
		if b.work() != 1 {
			b.Fatal("a new dataset client was not synced")
		}
		pass(9 * time.Second)
		if n := b.jobs(); n != 0 {
			b.Errorf("%d jobs before syncFrequency has passed", n)
		}
		pass(2 * time.Second)
		if n := b.jobs(); n != 1 {
			b.Errorf("%d jobs after syncFrequency", n)
		}
		// Its worker died: another is scheduled after syncFrequency + backendListTimeout.
		jobs, err := b.store.ClaimJobs(b.Context(), 1, time.Minute)
		b.must(err)
		b.must(b.store.FinishJob(b.Context(), jobs[0].Claim))
		pass(5 * time.Minute)
		if n := b.jobs(); n != 0 {
			b.Errorf("%d jobs while one is taken to be under way", n)
		}
		pass(15 * time.Second)
		if n := b.jobs(); n != 1 {
			b.Errorf("%d jobs after maxScheduleWaitTime", n)
		}
		// A stopped dataset is left alone.
		_, err = b.store.SetStopped(b.Context(), "tasks", true)
		b.must(err)
		b.work()
		pass(30 * time.Second)
		if n := b.jobs(); n != 0 {
			b.Errorf("%d jobs of a stopped dataset", n)
		}
	})
}

func TestDeactivatesAndCleans(t *testing.T) {
	bubble(t, func(b *bench) {
		c := b.candidate("a")
		step := func(d time.Duration, deactivated, removed int) {
			b.Helper()
			pass(d)
			done, _, err := c.Pass(b.Context())
			if err != nil || done.Deactivated != deactivated {
				b.Errorf("deactivated %d, %v; want %d", done.Deactivated, err, deactivated)
			}
			if n, err := c.Clean(b.Context()); n != removed || err != nil {
				b.Errorf("removed %d, %v; want %d", n, err, removed)
			}
		}
		b.touch("tasks_1", "tasks_2")
		for range 5 { // tasks_2 stays in use for 50 min
			step(10*time.Minute, 0, 0)
			b.touch("tasks_2")
		}
		step(10*time.Minute, 1, 0) // clientSyncTimeout is 1 h
		if b.client("tasks_1").Active || !b.client("tasks_2").Active {
			b.Errorf("active: tasks_1 %t, tasks_2 %t", b.client("tasks_1").Active, b.client("tasks_2").Active)
		}
		step(50*time.Minute, 1, 0)
		step(retention-51*time.Minute, 0, 0)
		step(time.Minute, 0, 1)
		if _, err := b.store.DatasetClient(b.Context(), "tasks_1"); !errors.Is(err, store.ErrNotFound) {
			b.Errorf("tasks_1 after clientSyncTimeout and retention: %v", err)
		}
		b.touch("tasks_2") // a device came back
		step(time.Hour+retention-time.Second, 1, 0)
		step(time.Second, 0, 1)
	})
}

// The cleaner purges and frees its lease for whoever cleans next.
func TestCleanTakesTurns(t *testing.T) {
	bubble(t, func(b *bench) {
		for i := range 1500 {
			b.touch(fmt.Sprint("tasks_", i))
		}
		one, two := b.candidate("one"), b.candidate("two")
		pass(time.Hour)
		_, _, err := one.Pass(b.Context())
		b.must(err)
		pass(retention)
		if n, err := one.Clean(b.Context()); n != 1500 || err != nil {
			b.Errorf("removed %d, %v", n, err)
		}
		if n, err := two.Clean(b.Context()); n != 0 || err != nil || two.counted("Purge") != 1 {
			b.Errorf("removed %d, %v", n, err)
		}
		two.inject(func(_ context.Context, op string, before bool) error {
			if op == "RemoveIdle" && before {
				if _, err := one.Clean(b.Context()); err != nil || one.counted("RemoveIdle") != 2 {
					b.Errorf("two cleaners at a time: %v", err)
				}
			}
			return nil
		})
		_, err = two.Clean(b.Context())
		b.must(err)
	})
}

func TestErrorsAreLoggedAndTriedAgain(t *testing.T) {
	for _, op := range []string{"AcquireLease", "RenewLease", "ScheduleDue", "RemoveIdle", "Purge"} {
		t.Run(op, func(t *testing.T) {
			bubble(t, func(b *bench) {
				c := b.candidate("a")
				broken := func(_ context.Context, o string, before bool) error {
					if o == op && before {
						return store.ErrUnavailable
					}
					return nil
				}
				c.inject(broken)
				c.start()
				b.touch("tasks_1")
				pass(cleanEvery + time.Minute)
				if c.log.has("level=ERROR") == 0 || c.log.has("again") == 0 {
					b.Error("nothing in the log")
				}
				c.inject(nil)
				c.counted(op)
				pass(cleanEvery)
				if done := c.counted(op); b.jobs() != 1 || done == 0 {
					b.Errorf("after the store came back: %d jobs, %s done %d times", b.jobs(), op, done)
				}
			})
		})
	}
}

// A lease that can't be freed at the stop is no reason to hang.
func TestStopWithoutAStore(t *testing.T) {
	bubble(t, func(b *bench) {
		c := b.candidate("a")
		c.start()
		pass(time.Second)
		c.inject(func(ctx context.Context, op string, before bool) error {
			if op == "ReleaseLease" && before {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		begin := time.Now()
		c.stop()
		if took := time.Since(begin); took > 5*time.Second || c.log.has("expires by itself") != 1 {
			b.Errorf("stopped after %v", took)
		}
	})
}
