// Package sqlite is the embedded store engine: one directory, one process, no
// server to install. It implements store.Store on modernc.org/sqlite (pure Go).
//
// What it promises beyond the port:
//   - group commit: writes that arrive together share one transaction and one
//     fsync. Each has its own savepoint, so that one that fails rolls back alone;
//     a caller hears of success after the commit, never before (WAL,
//     synchronous=FULL);
//   - reads never wait for writes: they use their own connections and see the last
//     commit. In memory, where SQLite offers no WAL, reads queue with the writes;
//   - a context that ends while a write still waits means that nothing was written;
//     a write that has begun is seen through, and its true result is returned;
//   - the database belongs to one process at a time. A second Open of the same
//     file fails with an error that names it; after kill -9 nothing is left to clean;
//   - idle polling is cheap: a claim that finds nothing does not touch the writer.
//
// Tables and columns carry the names of protocol section 6 where there is one, so
// that whoever opens the file with the sqlite3 tool finds the way. Times are
// milliseconds since 1970.
//
// Where things are: writer.go (group commit), session.go (statements), schema.go
// (tables, migrations), queue.go (what the three queues share), changes*.go (the
// pending queue and the order of changes to one record), updates.go, acks.go,
// jobs.go, clients.go, schedule.go, runs.go, records.go, leases.go.
//
// It must not know HTTP, adapters or roles, nor take a decision that belongs to
// apply or delta: it stores, orders and fences.
package sqlite
