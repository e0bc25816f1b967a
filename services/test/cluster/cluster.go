package cluster

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/tandem-sync/tandem/services/test/mongotest"
)

// Options are what the cluster is made of. The zero value is two of everything.
type Options struct {
	// Replicas of each role. Default 2; negative: none.
	Replicas map[string]int
	// Config is the configuration file (YAML) of all processes.
	Config string
	// Datasets is the datasets file; "" for none.
	Datasets string
	// Adapter is the address of the default adapter. "": `tandem adapter mongo`
	// processes behind a balancer.
	Adapter string
	// MongoURI and Database; "": a fresh database of the test server.
	MongoURI, Database string
	// WithoutNATS lets all roles poll.
	WithoutNATS bool
	// Proxied puts a Forwarder between the processes and MongoDB.
	Proxied bool
	// Env gives a process, by its name, environment variables (NAME=value). nil: none.
	Env func(process string) []string
}

// Roles are the roles of the cluster, in the order in which they are started.
var Roles = []string{"adapter mongo", "gateway", "pending-worker", "ack-worker", "sync-worker", "scheduler"}

// Cluster is a running cluster.
type Cluster struct {
	URL      string // devices call this
	Binary   string
	MongoURI string // past the proxy, for looking
	Database string
	Mongo    *Forwarder // nil unless Proxied
	NATS     *NATS      // nil with WithoutNATS
	Admin    string     // address of a gateway's administration API
	Datasets string     // path of the datasets file

	t        testing.TB
	env      func(process string) []string
	byRole   map[string][]*Process
	common   []string // flags that all have
	gateways *pool
	adapters *pool
}

// Start starts a cluster that ends with the test.
func Start(t testing.TB, o Options) *Cluster {
	t.Helper()
	c := &Cluster{t: t, Binary: Binary(t), MongoURI: o.MongoURI, Database: o.Database, env: o.Env, byRole: map[string][]*Process{},
		gateways: newPool(), adapters: newPool()}
	if c.MongoURI == "" {
		c.MongoURI, c.Database = mongotest.Database(t)
	}
	uri := c.MongoURI
	if o.Proxied {
		c.Mongo, uri = proxied(t, c.MongoURI)
	}
	dir := t.TempDir()
	c.common = []string{"--mongodb-url", uri, "--mongodb-database", c.Database, "--log-level=info", "--access-log=false"}
	if o.Config != "" {
		c.common = append(c.common, "--config", c.write(dir, "tandem.yaml", o.Config))
	}
	if o.Datasets != "" {
		c.Datasets = c.write(dir, "datasets.yaml", o.Datasets)
		c.common = append(c.common, "--datasets-file", c.Datasets)
	}
	if !o.WithoutNATS {
		c.NATS = startNATS(t)
		c.common = append(c.common, "--nats-url", c.NATS.URL)
	}
	c.URL = "http://" + balanceHTTP(t, c.gateways)
	adapter := o.Adapter
	if adapter == "" {
		adapter = balanceTCP(t, c.adapters)
	}
	for _, role := range Roles {
		n, set := o.Replicas[role]
		if !set {
			n = 2
		}
		if role == "adapter mongo" && o.Adapter != "" {
			n = 0
		}
		for range n {
			c.Add(role, "--default-adapter", adapter)
		}
	}
	// All at once: they wait for what they need.
	var starting []func()
	for _, p := range c.all() {
		ready := p.Launch()
		starting = append(starting, func() { p.Await(ready) })
	}
	for _, await := range starting {
		await()
	}
	return c
}

func (c *Cluster) write(dir, name, content string) string {
	c.t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// Add adds a process to a role, without starting it.
func (c *Cluster) Add(role string, flags ...string) *Process {
	c.t.Helper()
	p := &Process{t: c.t, bin: c.Binary, log: &Log{}, Name: fmt.Sprintf("%s %d", role, len(c.byRole[role])+1)}
	if c.env != nil {
		p.env = c.env(p.Name)
	}
	switch role {
	case "adapter mongo":
		p.args = append([]string{"adapter", "mongo", "--adapter-listen=127.0.0.1:0", "--adapter-mongodb-database", c.Database}, c.common...)
		p.onLine = func(address string) { c.adapters.set(p.Name, address) }
	case "gateway":
		p.args = append([]string{role, "--listen=127.0.0.1:0"}, c.common...)
		if c.Admin == "" {
			c.Admin = freeAddress(c.t)
			p.args = append(p.args, "--admin-listen", c.Admin)
		}
		p.args = append(p.args, flags...)
		p.onLine = func(address string) { c.gateways.set(p.Name, address) }
	default:
		p.args = append(append([]string{role}, c.common...), flags...)
	}
	c.byRole[role] = append(c.byRole[role], p)
	c.t.Cleanup(func() {
		p.leave()
		if c.t.Failed() {
			c.t.Logf("last words of %s:\n%s", p.Name, p.log)
		}
	})
	return p
}

// Drain lets the balancers give a process nothing new, until it is started again.
func (c *Cluster) Drain(p *Process) {
	c.gateways.remove(p.Name)
	c.adapters.remove(p.Name)
}

// Role returns the processes of a role.
func (c *Cluster) Role(role string) []*Process { return c.byRole[role] }

func (c *Cluster) all() (all []*Process) {
	for _, role := range Roles {
		all = append(all, c.byRole[role]...)
	}
	return all
}

// All returns every process.
func (c *Cluster) All() []*Process { return c.all() }

// Said counts the lines with text in them that any process has logged so far.
func (c *Cluster) Said(text string) int {
	n := 0
	for _, p := range c.all() {
		n += p.log.count(text)
	}
	return n
}

// Stop stops every process in order, those that devices talk to first.
func (c *Cluster) Stop() {
	c.t.Helper()
	for _, role := range []string{"gateway", "pending-worker", "ack-worker", "sync-worker", "scheduler", "adapter mongo"} {
		for _, p := range c.byRole[role] {
			if p.Running() {
				p.Stop()
			}
		}
	}
}

// freeAddress is an address that nobody listens on at the moment.
func freeAddress(t testing.TB) string {
	t.Helper()
	l := listen(t)
	defer l.Close()
	return l.Addr().String()
}

// NATS is a real NATS server inside the test process, which can go away and come back.
type NATS struct {
	URL  string
	t    testing.TB
	port int
	srv  *server.Server
}

func startNATS(t testing.TB) *NATS {
	t.Helper()
	n := &NATS{t: t, port: -1}
	n.Start()
	t.Cleanup(n.Stop)
	return n
}

// Start starts the server, at the port where it was before.
func (n *NATS) Start() {
	n.t.Helper()
	srv, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: n.port, NoSigs: true, NoLog: true})
	if err != nil {
		n.t.Fatal(err)
	}
	srv.Start()
	if !srv.ReadyForConnections(patience) {
		n.t.Fatal("NATS server: not ready")
	}
	n.srv, n.URL = srv, srv.ClientURL()
	if addr, ok := srv.Addr().(*net.TCPAddr); ok {
		n.port = addr.Port
	}
}

// Stop ends the server. Stopping twice does nothing.
func (n *NATS) Stop() {
	n.srv.Shutdown()
	n.srv.WaitForShutdown()
}
