package app

import (
	"context"
	"log/slog"
	"time"
)

const (
	firstPause = 250 * time.Millisecond // between two tries; doubles
	longPause  = 5 * time.Second        // and grows no longer
	sayAgain   = time.Minute            // between two lines of the log about one outage
)

// patiently opens what may be away for now, until it succeeds or ctx ends. Away is
// no reason to end: another start would find no more, and a process that goes on
// trying is there sooner. The log tells it once, and again each minute. judge tells
// which errors no waiting mends, and how to show them.
func patiently[T any](
	ctx context.Context, log *slog.Logger, what string,
	judge func(error) (lasting bool, shown error), open func(context.Context) (T, error),
) (T, error) {
	var said time.Time
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		opened, err := open(ctx)
		if err == nil {
			if !said.IsZero() {
				log.Info(what + " answers; the start goes on")
			}
			return opened, nil
		}
		if ctx.Err() != nil {
			return opened, ctx.Err()
		}
		lasting, shown := judge(err)
		if lasting {
			return opened, shown
		}
		if said.IsZero() || time.Since(said) >= sayAgain {
			said = time.Now()
			log.Warn(what+" does not answer; will keep trying", "err", shown)
		}
		wait := time.NewTimer(pause)
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return opened, ctx.Err()
		}
	}
}
