package app

import (
	"context"

	"github.com/tandem-sync/tandem/services/gateway"
)

func (n *Node) openGateway(context.Context) error {
	if !n.opts.has(Gateway) {
		return nil
	}
	cfg := n.cfg
	g, err := gateway.New(gateway.Options{
		Config: gateway.Config{
			BodyLimit: cfg.Gateway.BodyLimit, RequestTimeout: cfg.Gateway.RequestTimeout, CORSOrigins: cfg.Gateway.CORSOrigins,
			AccessLog: cfg.Log.Access, SyncReqWaitForAck: cfg.Gateway.SyncReqWaitForAck, SyncReqAckLimit: cfg.Gateway.SyncReqAckLimit,
			Version: n.opts.Version,
		},
		Store: n.store, Backend: func(d string) (gateway.Backend, error) { return n.backend(d) },
		Datasets: n.datasets, QueryFields: n.datasets.QueryFields, Stats: n.stats, Bus: n.bus,
		Clock: n.clock, Log: n.log.With("role", "gateway"),
	})
	if err != nil {
		return err
	}
	n.work = append(n.work, g.Run)
	n.gateway = g
	return nil
}
