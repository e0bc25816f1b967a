package backend

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandem-sync/tandem/api/adapter"
)

// The breaker's life, seen from outside: calls that reach the adapter, and lines
// in the log.
func TestBreaker(t *testing.T) {
	now := time.UnixMilli(0)
	out := &logs{}
	s, b := newScripted(t, Options{BreakAfter: 3, BreakPause: time.Second, Logger: out.logger(), Now: func() time.Time { return now }})
	reached, up := 0, false
	s.read.set(func(context.Context) error {
		reached++
		if !up {
			return adapter.RetryLater(errors.New("the backend is down"))
		}
		return nil
	})
	read := func(wantReached int, wantUp bool) {
		t.Helper()
		_, _, err := b.Read(t.Context(), ReadRequest{UID: "u"})
		if reached != wantReached || IsNotNow(err) == wantUp {
			t.Errorf("reached %d times, want %d; error %v", reached, wantReached, err)
		}
	}
	read(1, false)
	read(2, false)
	up = true
	read(3, true) // only failures in a row count
	up = false
	read(4, false)
	read(5, false)
	read(6, false) // opens
	read(6, false)
	now = now.Add(time.Second - time.Millisecond)
	read(6, false)
	now = now.Add(time.Millisecond)
	read(7, false) // the probe fails
	read(7, false)
	now = now.Add(time.Second)
	up = true
	read(8, true) // the probe succeeds
	read(9, true)
	lines := out.lines()
	if len(lines) != 2 || !strings.Contains(lines[0], "the backend is down") || !strings.Contains(lines[0], "adapter=default") ||
		!strings.Contains(lines[1], "answers again") {
		t.Errorf("log:\n%s", strings.Join(lines, "\n"))
	}
}

// An adapter that answers with errors is there.
func TestBreakerStaysClosed(t *testing.T) {
	for name, err := range map[string]error{
		"refused": adapter.Refuse("no"), "failed": errors.New("x"), "conflict": adapter.ErrConflict, "not found": adapter.ErrNotFound,
	} {
		s, b := newScripted(t, Options{BreakAfter: 1})
		reached := 0
		s.read.set(func(context.Context) error { reached++; return err })
		for range 5 {
			_, _, _ = b.Read(t.Context(), ReadRequest{UID: "u"})
		}
		if reached != 5 {
			t.Errorf("%s: %d of 5 calls reached the adapter", name, reached)
		}
	}
}

// One who gives up says nothing about the adapter.
func TestCallerWhoGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newScripted(t, Options{BreakAfter: 1})
		s.read.set(hang)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, _, err := b.Read(ctx, ReadRequest{UID: "u"})
		if !IsNotNow(err) || !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		s.read.unset()
		if _, _, err := b.Read(t.Context(), ReadRequest{UID: "u"}); err != nil {
			t.Error("the breaker opened:", err)
		}
	})
}

// While a probe is out nobody else calls; a probe whose caller gave up leaves
// its place to the next.
func TestOneProbeAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newScripted(t, Options{BreakAfter: 1, BreakPause: time.Second, Now: time.Now})
		s.read.set(func(context.Context) error { return adapter.RetryLater(nil) })
		_, _, _ = b.Read(t.Context(), ReadRequest{UID: "u"})
		<-time.After(time.Second) // the bubble's time

		s.read.set(hang)
		ctx, cancel := context.WithCancel(t.Context())
		probe := make(chan error)
		go func() {
			_, _, err := b.Read(ctx, ReadRequest{UID: "u"})
			probe <- err
		}()
		synctest.Wait()
		if err := b.Delete(t.Context(), DeleteRequest{UID: "u", Key: "k"}); !IsNotNow(err) {
			t.Error("a second call went through beside the probe:", err)
		}
		cancel()
		if err := <-probe; !IsNotNow(err) {
			t.Error("the probe:", err)
		}
		if err := b.Delete(t.Context(), DeleteRequest{UID: "u", Key: "k"}); !IsNotFound(err) {
			t.Error("the next probe:", err)
		}
	})
}

// A list that is a probe is one until its first answer, not until its end.
func TestListAsProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newScripted(t, Options{BreakAfter: 1, BreakPause: time.Second, Now: time.Now})
		create(t, b, one, "k")
		s.read.set(func(context.Context) error { return adapter.RetryLater(nil) })
		_, _, _ = b.Read(t.Context(), ReadRequest{UID: "u"})
		<-time.After(time.Second)
		s.read.unset()
		for _, err := range b.List(t.Context(), ListRequest{}) {
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := b.Read(t.Context(), ReadRequest{UID: "u"}); err != nil {
				t.Error("during the list:", err)
			}
		}
	})
}
