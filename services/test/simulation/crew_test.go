package simulation

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// What a call ends with that the driver does not let through.
var (
	errDied   = errors.New("the process has died")
	errHiccup = errors.New("the connection broke")
)

// task is a coroutine. It runs between resume and its next park or its end.
type task struct {
	name   string
	proc   *process // nil for a device
	kind   string   // of work, for limits
	ctx    context.Context
	cancel context.CancelCauseFunc
	next   chan error    // what the driver lets the task go on with
	back   chan struct{} // the task has parked or ended
	at     string        // where it is parked

	ended   bool
	dead    bool   // its calls fail from now on
	free    bool   // it does not park any more
	waits   bool   // for an answer: it can't go on by itself
	pause   int    // it does not run for so many steps of the driver
	stalled string // where it has stalled, or could have
	watch   *watch // looks at the operation of the store that it is in; nil: nobody does

	change *version                    // in work
	record string                      // that the change is about
	extend func(context.Context) error // keeps its claim; nil when it has none

	body    []byte    // of the request that it answers
	expires time.Time // when that is given up
}

type taskKey struct{}

func taskOf(ctx context.Context) *task {
	t, _ := ctx.Value(taskKey{}).(*task)
	return t
}

// newTask makes a task that nobody runs yet.
func (s *sim) newTask(p *process, kind, name string) *task {
	t := &task{name: name, proc: p, kind: kind, next: make(chan error), back: make(chan struct{}), at: "start"}
	t.ctx, t.cancel = context.WithCancelCause(context.WithValue(context.Background(), taskKey{}, t))
	return t
}

// spawn makes a task of work. It begins at its first resume.
func (s *sim) spawn(p *process, kind, name string, work func(*task)) *task {
	t := s.newTask(p, kind, name)
	s.tasks = append(s.tasks, t)
	go func() {
		died := <-t.next
		defer func() {
			if r := recover(); r != nil {
				s.violate("%s panicked: %v\n%s", t.name, r, debug.Stack())
			}
			t.ended = true
			t.cancel(nil)
			t.back <- struct{}{}
		}()
		if died == nil {
			work(t)
		}
	}()
	return t
}

// park hands control to the driver, which may make the call fail.
func (t *task) park(at string) error {
	if t.dead {
		return errDied
	}
	if t.free {
		return nil
	}
	t.at = at
	t.back <- struct{}{}
	err := <-t.next
	if t.dead {
		return errDied
	}
	return err
}

// resume runs a task until it parks or ends; err is what its parked call gets.
func (s *sim) resume(t *task, err error) {
	before := s.current
	s.current = t
	t.next <- err
	<-t.back
	s.current = before
	if t.ended {
		s.forget(t)
	}
}

// run resumes a task n times.
func (s *sim) run(t *task, n int) {
	for ; n > 0 && t.ready() && !s.stalls(t); n-- {
		s.resume(t, nil)
	}
}

func (t *task) ready() bool { return !t.ended && !t.waits }

// die ends a task: every call of it fails from now on.
func (s *sim) die(t *task) {
	t.dead = true
	t.cancel(errDied)
	if !t.ended {
		s.resume(t, errDied)
	}
}

func (s *sim) forget(t *task) {
	for i, other := range s.tasks {
		if other == t {
			s.tasks = append(s.tasks[:i], s.tasks[i+1:]...)
			return
		}
	}
}

// direct runs work on the driver's own goroutine, without parking.
func (s *sim) direct(name string, work func(*task)) {
	t := s.newTask(nil, "", name)
	t.free = true
	before := s.current
	s.current = t
	work(t)
	s.current = before
	t.cancel(nil)
}

// hook is wrap.Hook: it parks before and after each operation of the store.
func hook(ctx context.Context, op string, before bool) error {
	t := taskOf(ctx)
	if t == nil {
		return nil
	}
	return t.park(where(op, before))
}

func where(op string, before bool) string {
	if before {
		return "before " + op
	}
	return "after " + op
}

func (t *task) String() string { return fmt.Sprintf("%s (%s)", t.name, t.at) }
