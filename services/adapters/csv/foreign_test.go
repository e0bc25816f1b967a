package csv

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/tandem-sync/tandem/api/adapter"
)

// before calls f the first time that a step is reached.
func (b bench) before(step string, f func()) {
	done := false
	b.step = func(what string) error {
		if what == step && !done {
			done = true
			f()
		}
		return nil
	}
}

// replaceBy puts another file into the place of the bench's, as careful editors do.
func (b bench) replaceBy(text string) {
	b.Helper()
	if err := errors.Join(os.WriteFile(b.path+".swp", []byte(text), 0o600), os.Rename(b.path+".swp", b.path)); err != nil {
		b.Fatal(err)
	}
}

// Somebody writes while a change is being written: all is decided anew, and nothing of
// theirs is lost.
func TestOthersWriteMeanwhile(t *testing.T) {
	for _, step := range []string{"create", "write", "sync", "rename"} {
		for how, write := range map[string]func(bench, string){"in place": bench.write, "replaced": bench.replaceBy} {
			what := step + ", " + how
			b := newBench(t, Options{}, "id,n\na,1\nb,2\n")
			b.before(step, func() { write(b, "id,n,new\na,1,\nb,5,x\nc,7,\n") })
			if err := b.update("a", `{"n":"9"}`, `{"n":"1"}`); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			b.wantFile("id,n,new\na,9,\nb,5,x\nc,7,\n")
			b.before(step, func() { write(b, "id,n\na,10\n") })
			wantCode(t, what, b.update("a", `{"n":"11"}`, `{"n":"9"}`), codes.Unknown, adapter.ErrConflict.Error())
			b.wantFile("id,n\na,10\n")
			if step != "sync" && step != "rename" { // a change that can't be made gets no further
				b.before(step, func() { write(b, "id,n\na,12\n") })
				if err := b.update("a", `{"n":"13"}`, `{"n":"12"}`); err != nil {
					t.Errorf("%s: decided on what is no longer there: %v", what, err)
				}
			}
			b.before(step, func() { write(b, "id,n\n") })
			if err := b.remove("a"); !errors.Is(err, adapter.ErrNotFound) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
}

func TestOthersKeepWriting(t *testing.T) {
	b := newBench(t, Options{}, "id,n\na,1\n")
	n := 1
	b.step = func(what string) error {
		if what == "write" {
			n++
			b.replaceBy(fmt.Sprintf("id,n\na,%d\n", n))
		}
		return nil
	}
	wantCode(t, "update", b.update("a", `{"n":"x"}`, ""), codes.Unavailable, "keeps changing")
	b.wantFile(fmt.Sprintf("id,n\na,%d\n", n))
}

// A list that somebody writes into is an error; one of a file that was replaced is the
// whole old one.
func TestOthersWriteIntoAList(t *testing.T) {
	rows := func(n int) string {
		var text strings.Builder
		text.WriteString("id,n\n")
		for i := range n {
			fmt.Fprintf(&text, "u%d,%d\n", i, i)
		}
		return text.String()
	}
	for how, write := range map[string]func(bench, string){"in place": bench.write, "replaced": bench.replaceBy} {
		b := newBench(t, Options{}, rows(10_000))
		n := 0
		err := b.List(t.Context(), adapter.ListRequest{Dataset: "d", QueryParams: json.RawMessage(`{}`)}, func(adapter.Record) error {
			if n++; n == 1 {
				write(b, strings.Replace(rows(10_000), "u0,0", "u0,9", 1)) // every row can be read
			}
			return nil
		})
		if how == "in place" && err == nil || how == "replaced" && (err != nil || n != 10_000) {
			t.Errorf("%s: %d records, %v", how, n, err)
		}
	}
}

// A file that is half written, at the end of a row, is not taken for a shorter one: it
// must have been still for a while.
func TestHalfWritten(t *testing.T) {
	b := newBench(t, Options{Settle: time.Second}, "id,n\na,1\n")
	synctest.Test(t, func(t *testing.T) {
		b.T = t // with the context of the bubble
		type result struct {
			list string
			err  error
		}
		got := make(chan result)
		go func() { list, err := b.list(); got <- result{list, err} }()
		synctest.Wait() // it waits for the file to be still
		b.write("id,n\na,1\nb,2\n")
		<-time.After(1500 * time.Millisecond) // of the bubble: it has looked once more
		synctest.Wait()
		b.write("id,n\na,1\nb,2\nc,3\n")
		if r := <-got; r.err != nil || strings.Count(r.list, "\n") != 2 {
			t.Errorf("%s, %v", r.list, r.err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		b.write("id,n\n")
		if _, err := b.Read(ctx, adapter.ReadRequest{Dataset: "d", UID: "a"}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}

// 100 000 rows go through without being in memory, to a list and to a write.
func TestLargeFile(t *testing.T) {
	const rows = 100_000
	var text strings.Builder
	text.WriteString("id,n,filler\n")
	filler := strings.Repeat("x", 300)
	for i := range rows {
		fmt.Fprintf(&text, "u%d,%d,%s\n", i, i, filler)
	}
	b := newBench(t, Options{Default: Table{Columns: map[string]Column{"n": {Type: "integer"}}}}, text.String())
	text.Reset()
	var before, peak runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n := 0
	err := b.List(t.Context(), adapter.ListRequest{Dataset: "d", QueryParams: json.RawMessage(`{}`)}, func(adapter.Record) error {
		if n++; n == rows-1 {
			runtime.GC()
			runtime.ReadMemStats(&peak)
		}
		return nil
	})
	if err != nil || n != rows {
		t.Errorf("%d rows, %v", n, err)
	}
	if grown := int64(peak.HeapAlloc) - int64(before.HeapAlloc); grown > 10<<20 {
		t.Errorf("the list holds %d MB", grown>>20)
	}
	if err := b.update("u99999", `{"n":1,"filler":""}`, ""); err != nil {
		t.Error(err)
	}
	if got := b.read("u99999"); got != `{"n":1,"filler":""}` {
		t.Error(got)
	}
}

// Changes by others are told of, be it by the system or by looking.
func TestWatch(t *testing.T) {
	for how, poll := range map[string]time.Duration{"told": time.Hour, "looking": time.Millisecond} {
		b := newBench(t, Options{PollInterval: poll}, "id,n\n")
		if how == "looking" {
			if err := b.events.close(); err != nil {
				t.Fatal(err)
			}
			b.events.watcher = nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		hints, ended := make(chan struct{}, 1000), make(chan error)
		go func() {
			ended <- b.Watch(ctx, adapter.WatchRequest{Dataset: "d"}, func(adapter.Hint) error { hints <- struct{}{}; return nil })
		}()
		again := time.NewTicker(20 * time.Millisecond)
		for i, seen := 0, 0; seen < 2; i++ {
			b.replaceBy(fmt.Sprintf("id,n\na,%d\n", i)) // once more, in case it had not begun to watch
			select {
			case <-hints:
				seen++
			case <-again.C:
			case <-ctx.Done():
				t.Fatalf("%s: no hint", how)
			}
		}
		again.Stop()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}
