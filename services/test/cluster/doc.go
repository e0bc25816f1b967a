// Package cluster runs Tandem as a cluster of separate processes, on one machine, for
// tests: the compiled binary, once for each role and replica, on a real MongoDB wire
// server and a real NATS server, with load balancers in front of the gateways and
// the adapters.
//
//	c := cluster.Start(t, cluster.Options{})  // 2 gateways, 2 of each worker, 2 schedulers, 2 adapters
//	c.URL                                     // devices call the gateways in turn
//	c.Role("pending-worker")[0].Kill()        // and Restart, Stop, Pause, Resume
//
// Every process ends with the test, also when that is killed. Everything listens on
// 127.0.0.1 alone. The package knows processes, and nothing of what they do.
package cluster
