package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// held is a writer that is kept busy, so that writes gather behind it.
type held struct {
	*Store
	free chan struct{}
	wg   sync.WaitGroup
}

func hold(t *testing.T, s *Store) *held {
	t.Helper()
	h := &held{Store: s, free: make(chan struct{})}
	busy := make(chan struct{})
	h.wg.Go(func() {
		_ = s.write(context.Background(), "hold", func(session) error {
			close(busy)
			<-h.free
			return nil
		})
	})
	<-busy
	return h
}

// submit hands a write over and returns when it is in the queue.
func (h *held) submit(ctx context.Context, err *error, do func(session) error) {
	h.writer.mu.Lock()
	before := len(h.writer.queue)
	h.writer.mu.Unlock()
	h.wg.Go(func() { *err = h.write(ctx, "test", do) })
	for queued := before; queued == before; {
		h.writer.mu.Lock()
		queued = len(h.writer.queue)
		h.writer.mu.Unlock()
	}
}

func (h *held) release() {
	close(h.free)
	h.wg.Wait()
}

func insert(name string) func(session) error {
	return func(tx session) error {
		_, err := tx.exec("INSERT INTO fhsync_counters (name, value) VALUES (?, 1)", name)
		return err
	}
}

func has(tx session, name string) (bool, error) {
	return tx.exists("SELECT 1 FROM fhsync_counters WHERE name = ?", name)
}

func wantStored(t *testing.T, s *Store, name string, want bool) {
	t.Helper()
	err := s.read(t.Context(), "test", func(tx session) error {
		got, err := has(tx, name)
		if got != want {
			t.Errorf("%s is stored: %v, want %v", name, got, want)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestGroupCommit(t *testing.T) {
	s := open(t, Options{Path: filepath.Join(t.TempDir(), "tandem.db")})
	h := hold(t, s)
	errBad := errors.New("bad")
	var errs [4]error
	h.submit(t.Context(), &errs[0], insert("first"))
	h.submit(t.Context(), &errs[1], func(tx session) error {
		_ = insert("bad")(tx)
		return errBad
	})
	h.submit(t.Context(), &errs[2], func(tx session) error {
		// One transaction: what the first wrote is here, and nowhere else yet.
		if here, err := has(tx, "first"); err != nil || !here {
			t.Errorf("the first write is not in the transaction: %v", err)
		}
		wantStored(t, s, "first", false)
		if here, _ := has(tx, "bad"); here {
			t.Error("what failed is in the transaction")
		}
		return insert("third")(tx)
	})
	h.submit(t.Context(), &errs[3], insert("first")) // violates the key
	h.release()
	if errs[0] != nil || !errors.Is(errs[1], errBad) || errs[2] != nil || errs[3] == nil {
		t.Errorf("errors %v", errs)
	}
	wantStored(t, s, "first", true)
	wantStored(t, s, "bad", false)
	wantStored(t, s, "third", true)
}

func TestCancelledWhileWaiting(t *testing.T) {
	s := open(t, Options{})
	h := hold(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	var gaveUp error
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		gaveUp = s.write(ctx, "test", insert("gave up"))
	}()
	var stays error
	h.submit(t.Context(), &stays, insert("stays"))
	cancel()
	<-returned // while the writer is still busy
	h.release()
	if !errors.Is(gaveUp, context.Canceled) || stays != nil {
		t.Errorf("errors %v and %v", gaveUp, stays)
	}
	wantStored(t, s, "gave up", false)
	wantStored(t, s, "stays", true)
}

// A write that has begun is seen through: its caller hears what became of it.
func TestCancelledWhileWriting(t *testing.T) {
	s := open(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	err := s.write(ctx, "test", func(tx session) error {
		cancel()
		return insert("written")(tx)
	})
	if err != nil {
		t.Error(err)
	}
	wantStored(t, s, "written", true)
}

func TestCloseFinishesWhatWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tandem.db")
	s := open(t, Options{Path: path})
	h := hold(t, s)
	var errs [3]error
	for i := range errs {
		h.submit(t.Context(), &errs[i], insert(fmt.Sprint(i)))
	}
	h.wg.Go(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	<-s.closing
	h.release()
	if err := errors.Join(errs[:]...); err != nil {
		t.Error(err)
	}
	again := open(t, Options{Path: path})
	for i := range errs {
		wantStored(t, again, fmt.Sprint(i), true)
	}
}

func change(hash, post string) record.Change {
	return record.Change{Dataset: "tasks", CUID: "phone", Hash: hash, Action: record.ActionUpdate, UID: hash, Post: json.RawMessage(post)}
}

func TestDiskFull(t *testing.T) {
	s := open(t, Options{Path: filepath.Join(t.TempDir(), "tandem.db")})
	limit := func(pages string) {
		t.Helper()
		err := s.write(t.Context(), "test", func(tx session) error {
			var none int
			return tx.conn.raw.QueryRowContext(tx.ctx, "PRAGMA max_page_count="+pages).Scan(&none)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	limit("100")
	var small, large error
	h := hold(t, s)
	h.submit(t.Context(), &small, insert("small"))
	h.submit(t.Context(), &large, func(tx session) error {
		_, err := enqueueChange(tx, change("large", `{"a":"`+strings.Repeat("x", 1<<20)+`"}`), "d")
		return err
	})
	h.release()
	if !errors.Is(large, store.ErrUnavailable) {
		t.Errorf("error %v, want %v", large, store.ErrUnavailable)
	}
	wantStored(t, s, "small", small == nil)

	limit("1000000")
	if _, err := s.EnqueueChanges(t.Context(), []record.Change{change("later", "{}")}); err != nil {
		t.Errorf("after there is room again: %v", err)
	}
}

func TestTooLarge(t *testing.T) {
	s := open(t, Options{})
	if _, err := driver.Limit(s.writer.conn.raw, lib.SQLITE_LIMIT_LENGTH, 1<<20); err != nil {
		t.Fatal(err)
	}
	_, err := s.EnqueueChanges(t.Context(), []record.Change{change("small", "{}"), change("large", `{"a":"`+strings.Repeat("x", 1<<20)+`"}`)})
	if !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("error %v, want %v", err, store.ErrTooLarge)
	}
	if claimed, err := s.ClaimChanges(t.Context(), 10, time.Minute); err != nil || len(claimed) != 0 {
		t.Errorf("claimed %v, %v; want all or none", claimed, err)
	}
}

// Loops are tested in bubbles of testing/synctest: the engine must come to rest there.
func TestInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, Options{})
		if _, err := s.EnqueueChanges(t.Context(), []record.Change{change("h1", "{}")}); err != nil {
			t.Fatal(err)
		}
		if claimed, err := s.ClaimChanges(t.Context(), 1, time.Hour); err != nil || len(claimed) != 1 {
			t.Fatal(claimed, err)
		}
		synctest.Wait()
		<-time.After(time.Hour) // of the bubble
		if claimed, err := s.ClaimChanges(t.Context(), 1, time.Hour); err != nil || len(claimed) != 1 {
			t.Fatal(claimed, err)
		}
	})
}
