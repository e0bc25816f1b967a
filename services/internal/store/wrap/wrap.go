// Package wrap adds one thing to a store and leaves the rest as it is: counting,
// a time limit, or faults. Decorators stack, and work with every engine.
//
// They know the port alone. What an operation means is none of their business.
// Results pass through untouched; where a decorator makes an operation fail, its
// caller gets the error and nothing else. Close is left alone.
package wrap

import (
	"context"
	"time"

	"github.com/tandem-sync/tandem/services/internal/store"
)

// Observe tells each operation's name, duration and error once it is done.
func Observe(s store.Store, observe func(op string, took time.Duration, err error)) store.Store {
	return around{s, func(ctx context.Context, op string, call func(context.Context) error) error {
		start := time.Now()
		err := call(ctx)
		observe(op, time.Since(start), err)
		return err
	}}
}

// Hook is called before and after each operation. An error before it: the
// operation does not happen. An error after it: the operation has happened, but
// its caller is told of the error. A hook may also simply take its time.
type Hook func(ctx context.Context, op string, before bool) error

// Faulty puts hook around each operation.
func Faulty(s store.Store, hook Hook) store.Store {
	return around{s, func(ctx context.Context, op string, call func(context.Context) error) error {
		if err := hook(ctx, op, true); err != nil {
			return err
		}
		err := call(ctx)
		if fault := hook(ctx, op, false); fault != nil {
			return fault
		}
		return err
	}}
}
