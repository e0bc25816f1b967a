// Package sql is the adapter in front of a PostgreSQL, MySQL or MariaDB database that belongs to somebody
// else: it takes tables as they are.
//
// A dataset is a table (or a query) that the configuration names; a record is a row, its fields are
// columns. Other applications may read and write the tables at any time.
//
// Promises:
//
//   - A write and the note of its idempotency key are one transaction, for every kind of write: what is
//     repeated is done once.
//   - Update and Delete compare and write in one transaction, on a row that is locked: a write by somebody
//     else is a collision, and is never lost.
//   - A column that a device did not change is not written, whatever its type.
//   - A value goes in and out as its exact text (value.go, store.go); where JSON can't hold it as a number,
//     it is a text. What a column would cut or round is refused.
//   - Nothing that comes from a device is ever part of a statement: values are bound, and names are those of
//     the configuration that the database's catalog knows, quoted. query_params are decided by package
//     filter; the database only helps to select less (query.go).
//   - A list is one statement, so one state of the database, and is streamed.
//   - A database that is away or busy is "not now"; what it refuses for good is refused with its reason.
//
// The two databases differ in what a dialect says (dialect.go); everything else is the same for both.
package sql
