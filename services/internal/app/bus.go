package app

import (
	"context"

	"github.com/tandem-sync/tandem/services/internal/wake"
	"github.com/tandem-sync/tandem/services/internal/wake/nats"
)

// openBus opens the way of wakes: the cluster's NATS where natsUrl is set, else one
// that ends at this process.
func (n *Node) openBus(ctx context.Context) error {
	bus, err := n.newBus(ctx)
	if err != nil {
		return err
	}
	n.bus = bus
	n.closing(func() error { bus.Close(); return nil })
	return nil
}

func (n *Node) newBus(ctx context.Context) (wake.Bus, error) {
	c := n.cfg.Nats
	if len(c.URL) > 0 {
		return nats.Connect(ctx, nats.Options{
			URLs: c.URL, CredentialsFile: c.Credentials, NkeySeedFile: c.NkeySeedFile, User: c.User, Password: c.Password, Token: c.Token,
			CAFile: c.CAFile, CertFile: c.CertFile, KeyFile: c.KeyFile, SubjectPrefix: c.SubjectPrefix,
			Name: "tandem " + n.opts.name() + " " + hostname(), Log: n.log,
		})
	}
	if n.opts.all() && n.embedded() {
		return nats.Embedded(n.log)
	}
	return wake.ThisProcess(n.log), nil
}
