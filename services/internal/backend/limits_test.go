package backend

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tandem-sync/tandem/api/adapter"
)

func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestCallTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newScripted(t, Options{})
		s.read.set(hang)
		start := time.Now()
		_, _, err := b.Read(t.Context(), ReadRequest{UID: "u"})
		if took := time.Since(start); !IsNotNow(err) || took != 30*time.Second {
			t.Errorf("after %s: %v", took, err)
		}
	})
}

func TestListTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newScripted(t, Options{})
		s.list.set(func(ctx context.Context, _ func(adapter.Record) error) error { return hang(ctx) })
		for given, want := range map[time.Duration]time.Duration{0: 5 * time.Minute, time.Hour: time.Hour} {
			ctx, cancel := t.Context(), context.CancelFunc(func() {})
			if given > 0 {
				ctx, cancel = context.WithTimeout(ctx, given)
			}
			start := time.Now()
			for _, err := range b.List(ctx, ListRequest{}) {
				if took := time.Since(start); !IsNotNow(err) || took != want {
					t.Errorf("after %s, want %s: %v", took, want, err)
				}
			}
			cancel()
		}
	})
}

func TestMaxConcurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, b := newScripted(t, Options{MaxConcurrent: 2})
		release, inside := make(chan struct{}), make(chan struct{}, 10)
		s.read.set(func(context.Context) error {
			inside <- struct{}{}
			<-release
			return nil
		})
		done := make(chan error, 5)
		for range 5 {
			go func() {
				_, _, err := b.Read(t.Context(), ReadRequest{UID: "u"})
				done <- err
			}()
		}
		synctest.Wait()
		if n := len(inside); n != 2 {
			t.Errorf("%d calls at once, allowed are 2", n)
		}
		if err := b.Delete(quick(t), DeleteRequest{UID: "u", Key: "k"}); !IsNotNow(err) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a call that found no slot in time: %v", err)
		}
		close(release)
		for range 5 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
}

func quick(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestDescribeIsKeptAMinute(t *testing.T) {
	now, asked := time.UnixMilli(0), 0
	s, b := newScripted(t, Options{Now: func() time.Time { return now }})
	s.describe.set(func() error { asked++; return nil })
	describe := func(wantAsked int) {
		t.Helper()
		about, err := b.Describe(t.Context())
		if want := (Description{Name: "memory", CompareAndWrite: true, RemembersKeys: true, ListChanges: true, Watch: true}); err != nil || about != want {
			t.Error(about, err)
		}
		if asked != wantAsked {
			t.Errorf("the adapter was asked %d times, want %d", asked, wantAsked)
		}
	}
	now = now.Add(time.Hour)
	describe(1)
	now = now.Add(aboutTTL - time.Second)
	describe(1)
	now = now.Add(2 * time.Second)
	describe(2)
	now = now.Add(aboutTTL)
	s.describe.set(func() error { return adapter.RetryLater(errors.New("down")) })
	if _, err := b.Describe(t.Context()); !IsNotNow(err) {
		t.Error(err)
	}
}

func TestMetaDataAndDatasetArrive(t *testing.T) {
	_, b := newScripted(t, Options{})
	uid := create(t, b, one, "k")
	if _, found, err := b.Read(t.Context(), ReadRequest{Dataset: "d", UID: uid, MetaData: json.RawMessage(`{"a":1}`)}); !found || err != nil {
		t.Error(found, err)
	}
}
