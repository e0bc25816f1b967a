package cluster

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

// pool is the addresses among which a balancer chooses.
type pool struct {
	mu    sync.Mutex
	all   map[string]string // by process
	order []string
	next  atomic.Int64
}

func newPool() *pool { return &pool{all: map[string]string{}} }

func (p *pool) set(process, address string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Contains(p.order, process) {
		p.order = append(p.order, process)
	}
	p.all[process] = address
}

// remove takes a process out of the turn.
func (p *pool) remove(process string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.order = slices.DeleteFunc(p.order, func(name string) bool { return name == process })
}

// pick takes the addresses in turn.
func (p *pool) pick() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.order) == 0 {
		return ""
	}
	return p.all[p.order[int(p.next.Add(1))%len(p.order)]]
}

// balanceHTTP gives each request to the next gateway. One that is away is a bad
// gateway to the device, which tries again; nothing is hidden from it.
func balanceHTTP(t testing.TB, p *pool) (address string) {
	t.Helper()
	l := listen(t)
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: p.pick()})
			r.Out.Host = r.In.Host
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, `"no gateway: `+http.StatusText(http.StatusBadGateway)+`"`, http.StatusBadGateway)
		},
		ErrorLog:  slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
		Transport: &http.Transport{MaxIdleConnsPerHost: 64},
	}
	srv := &http.Server{Handler: proxy, ErrorLog: proxy.ErrorLog} //nolint:gosec // tests talk to it
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { _ = srv.Close() })
	return l.Addr().String()
}

// balanceTCP gives each connection to the next process.
func balanceTCP(t testing.TB, p *pool) (address string) {
	t.Helper()
	return Forward(t, p.pick).Address
}

// Forwarder passes TCP connections on, and can do harm to them.
type Forwarder struct {
	Address string
	to      func() string

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	harm  func(fromServer bool, chunk []byte) ([]byte, error)
}

// Forward listens on a port and passes each connection on to where to says.
func Forward(t testing.TB, to func() string) *Forwarder {
	t.Helper()
	l := listen(t)
	f := &Forwarder{Address: l.Addr().String(), to: to, conns: map[net.Conn]struct{}{}}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { f.serve(ctx, conn) })
		}
	})
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		f.Cut()
		serving.Wait()
	})
	return f
}

// Harm is called with every chunk that passes; what it returns passes in its place,
// and its error cuts the connection behind that. nil: no harm.
func (f *Forwarder) Harm(harm func(fromServer bool, chunk []byte) ([]byte, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.harm = harm
}

// Cut resets every connection.
func (f *Forwarder) Cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for conn := range f.conns {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset, no orderly end
		}
		_ = conn.Close()
	}
}

func (f *Forwarder) serve(ctx context.Context, from net.Conn) {
	defer from.Close()
	address := f.to()
	if address == "" {
		return
	}
	to, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	defer to.Close()
	f.keep(from, to)
	defer f.forget(from, to)
	var both sync.WaitGroup
	both.Go(func() { f.pass(to, from, false) })
	both.Go(func() { f.pass(from, to, true) })
	both.Wait()
}

func (f *Forwarder) keep(conns ...net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range conns {
		f.conns[c] = struct{}{}
	}
}

func (f *Forwarder) forget(conns ...net.Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range conns {
		delete(f.conns, c)
	}
}

func (f *Forwarder) pass(to, from net.Conn, fromServer bool) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			f.mu.Lock()
			harm := f.harm
			f.mu.Unlock()
			chunk := buf[:n]
			var harmed error
			if harm != nil {
				chunk, harmed = harm(fromServer, chunk)
			}
			if _, werr := to.Write(chunk); werr != nil || harmed != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}
