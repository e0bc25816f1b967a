package nats

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
)

// Connect returns a bus over a cluster's NATS. It checks the settings, reads the
// files they name, and returns at once: the connection is made in the background
// and made anew for as long as the bus lives, so that NATS may be away at any time.
// The error names the setting that is wrong, and never a secret. ctx is for Connect
// alone; Close ends the bus.
func Connect(ctx context.Context, o Options) (*Bus, error) {
	o.SubjectPrefix = cmp.Or(o.SubjectPrefix, DefaultPrefix)
	o.Name = cmp.Or(o.Name, "tandem")
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.URLs = slices.Clone(o.URLs)
	if err := o.check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	// Processes spread over the servers.
	rand.Shuffle(len(o.URLs), func(i, j int) { o.URLs[i], o.URLs[j] = o.URLs[j], o.URLs[i] })
	return start(&dialer{servers: o.URLs, options: o.clientOptions}, newReport(o), o.SubjectPrefix), nil
}
