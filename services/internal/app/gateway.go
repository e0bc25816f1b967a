package app

import (
	"context"

	"github.com/tandem-sync/tandem/services/gateway"
	"github.com/tandem-sync/tandem/services/internal/datasets"
	"github.com/tandem-sync/tandem/services/internal/intercept"
)

func (n *Node) openGateway(context.Context) error {
	if !n.opts.has(Gateway) {
		return nil
	}
	cfg := n.cfg
	interceptors := intercept.New(intercept.Options{For: n.datasets.Interceptors, Log: n.log})
	n.closing(interceptors.Close)
	n.datasets.Subscribe(func(s *datasets.Snapshot) { interceptors.Retain(s.Interceptors()) })
	g, err := gateway.New(gateway.Options{
		Config: gateway.Config{
			BodyLimit: cfg.Gateway.BodyLimit, RequestTimeout: cfg.Gateway.RequestTimeout, CORSOrigins: cfg.Gateway.CORSOrigins,
			AccessLog: cfg.Log.Access, SyncReqWaitForAck: cfg.Gateway.SyncReqWaitForAck, SyncReqAckLimit: cfg.Gateway.SyncReqAckLimit,
			Version: n.opts.Version,
		},
		Store: n.store, Backend: func(d string) (gateway.Backend, error) { return n.backend(d) },
		Datasets: n.datasets, QueryFields: n.datasets.QueryFields, Interceptor: interceptors, Stats: n.stats, Bus: n.bus,
		Clock: n.clock, Log: n.log.With("role", "gateway"),
	})
	if err != nil {
		return err
	}
	n.work = append(n.work, g.Run)
	n.gateway = g
	return nil
}
