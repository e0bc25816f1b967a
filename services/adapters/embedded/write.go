package embedded

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"google.golang.org/grpc/status"

	"github.com/tandem-sync/tandem/api/adapter"
)

// write runs fn in a transaction and tells watchers when it has succeeded. ctx
// bounds the wait for the turn; a transaction that has begun is not broken off.
func (a *Adapter) write(ctx context.Context, dataset string, fn func(*sql.Tx) error) error {
	conn, err := a.writer.Conn(ctx)
	if err != nil {
		return failure(dataset, err)
	}
	defer conn.Close()
	tx, err := conn.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return failure(dataset, err)
	}
	defer tx.Rollback() //nolint:errcheck // after Commit it does nothing
	if err := fn(tx); err != nil {
		return failure(dataset, err)
	}
	if err := tx.Commit(); err != nil {
		return failure(dataset, err)
	}
	a.hints.tell(dataset)
	return nil
}

// failure sorts out errors: those with a meaning pass, and what the database
// could not do now (locked, full disk, closed) is worth another try.
func failure(dataset string, err error) error {
	var coded interface{ GRPCStatus() *status.Status }
	switch {
	case err == nil,
		errors.Is(err, adapter.ErrNotFound), errors.Is(err, adapter.ErrConflict),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &coded):
		return err
	}
	return adapter.RetryLater(fmt.Errorf("dataset %s: database: %w", dataset, err))
}
