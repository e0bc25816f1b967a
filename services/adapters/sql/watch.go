package sql

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/tandem-sync/tandem/api/adapter"
)

// watcher is the part of an adapter that has a dataset with a channel.
type watcher struct{ a *Adapter }

// Watch implements adapter.Watcher, on a connection of its own for each call.
func (w watcher) Watch(ctx context.Context, req adapter.WatchRequest, send func(adapter.Hint) error) error {
	d, err := w.a.dataset(req.Dataset)
	if err != nil {
		return err
	}
	if d.o.Notify == "" {
		return adapter.ErrNotOffered
	}
	conn, err := pgx.ConnectConfig(ctx, w.a.pg)
	if err != nil {
		return w.a.fail(ctx, d, err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nobody listens any more
	if _, err := conn.Exec(ctx, "LISTEN "+d.d.quote(d.o.Notify)); err != nil {
		return w.a.fail(ctx, d, err)
	}
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return w.a.fail(ctx, d, err)
		}
		if err := send(adapter.Hint{}); err != nil {
			return err
		}
	}
}
