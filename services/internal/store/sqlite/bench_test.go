package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// BenchmarkChange takes one change all the way: enqueue, claim, finish, each with
// its own commit where nobody else writes.
func BenchmarkChange(b *testing.B) {
	for _, writers := range []int{1, 32} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s := open(b, Options{Path: filepath.Join(b.TempDir(), "tandem.db")})
			var next atomic.Int64
			run(b, writers, func(ctx context.Context) error {
				hash := fmt.Sprint("h", next.Add(1))
				if _, err := s.EnqueueChanges(ctx, []record.Change{change(hash, `{"name":"a task","done":false}`)}); err != nil {
					return err
				}
				claimed, err := s.ClaimChanges(ctx, 1, time.Minute)
				if err != nil {
					return err
				}
				for _, c := range claimed {
					if err := s.FinishChange(ctx, c.Claim, store.Outcome{Type: record.Applied, UID: c.RecordUID}); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
}

// BenchmarkEnqueue shows what group commit gives: many writers share an fsync.
func BenchmarkEnqueue(b *testing.B) {
	for _, writers := range []int{1, 32} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s := open(b, Options{Path: filepath.Join(b.TempDir(), "tandem.db")})
			var next atomic.Int64
			run(b, writers, func(ctx context.Context) error {
				_, err := s.EnqueueChanges(ctx, []record.Change{change(fmt.Sprint("h", next.Add(1)), `{"name":"a task"}`)})
				return err
			})
		})
	}
}

// run does b.N operations on that many goroutines.
func run(b *testing.B, writers int, do func(context.Context) error) {
	b.Helper()
	errs := make(chan error, writers)
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ResetTimer()
	for range writers {
		go func() {
			for left.Add(-1) >= 0 {
				if err := do(b.Context()); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range writers {
		if err := <-errs; err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}

// BenchmarkSyncState is what a sync request with nothing new costs.
func BenchmarkSyncState(b *testing.B) {
	s := open(b, Options{Path: filepath.Join(b.TempDir(), "tandem.db")})
	touch(b, s, "tasks_1")
	for b.Loop() {
		if _, _, err := s.SyncState(b.Context(), "tasks_1", "tasks", "phone", 0); err != nil {
			b.Fatal(err)
		}
	}
}

func touch(b *testing.B, s *Store, id string) {
	b.Helper()
	err := s.TouchDatasetClients(b.Context(), []store.Touch{{ID: id, Dataset: "tasks", Config: record.DefaultSyncConfig()}})
	if err != nil {
		b.Fatal(err)
	}
}

// BenchmarkView reads and writes views of 100,000 records.
func BenchmarkView(b *testing.B) {
	const n = 100_000
	s := open(b, Options{Path: filepath.Join(b.TempDir(), "tandem.db")})
	touch(b, s, "tasks_1")
	all := make([]record.Record, n)
	uids := make([]string, n)
	for i := range all {
		uids[i] = fmt.Sprintf("%024x", i)
		all[i] = record.Record{UID: uids[i], Hash: fmt.Sprintf("%040x", i), Data: []byte(fmt.Sprintf(`{"n":%d,"text":"%0500d"}`, i, i))}
	}
	write := func(round int) {
		run, err := s.BeginRun(b.Context(), "tasks_1", "job")
		if err != nil {
			b.Fatal(err)
		}
		for from := 0; from < n; from += 1000 {
			batch := all[from : from+1000]
			for i := range batch {
				batch[i].Hash = fmt.Sprintf("%040x", round*n+from+i)
			}
			if err := s.WriteRecords(b.Context(), run, batch, nil); err != nil {
				b.Fatal(err)
			}
		}
		if err := s.EndRun(b.Context(), run, fmt.Sprint(round)); err != nil {
			b.Fatal(err)
		}
	}
	start := time.Now()
	write(0)
	b.Logf("first run: %v", time.Since(start))
	b.Run("hashes", func(b *testing.B) {
		for b.Loop() {
			for _, err := range s.ViewHashes(b.Context(), "tasks_1") {
				if err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	b.Run("rewrite", func(b *testing.B) {
		for round := 1; b.Loop(); round++ {
			write(round)
		}
	})
	b.Run("read1000", func(b *testing.B) {
		for b.Loop() {
			if found, err := s.ReadRecords(b.Context(), "tasks", uids[:1000]); err != nil || len(found) != 1000 {
				b.Fatal(len(found), err)
			}
		}
	})
	b.Run("removeIdle", func(b *testing.B) {
		err := s.write(b.Context(), "test", func(tx session) error {
			_, err := tx.exec("UPDATE fhsync_datasetClients SET active = 0, lastAccessed = 1")
			return err
		})
		lease, _, err2 := s.AcquireLease(b.Context(), "job", "me", time.Hour)
		n, err3 := s.RemoveIdle(b.Context(), lease, 0, 10)
		if err != nil || err2 != nil || err3 != nil {
			b.Fatal(n, err, err2, err3)
		}
	})
}
