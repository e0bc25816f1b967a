package simulation

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/tandem-sync/tandem/services/ackworker"
	"github.com/tandem-sync/tandem/services/gateway"
	"github.com/tandem-sync/tandem/services/internal/backend"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/wake"
	"github.com/tandem-sync/tandem/services/internal/wire"
	"github.com/tandem-sync/tandem/services/pendingworker"
	"github.com/tandem-sync/tandem/services/scheduler"
	"github.com/tandem-sync/tandem/services/syncworker"
)

// process is one process with every role. Its memory dies with it.
type process struct {
	s     *sim
	name  string
	lives int

	router    *backend.Router
	gateway   *gateway.Gateway
	pending   *pendingworker.Worker
	refresh   *pendingworker.Refresh
	acks      ackworker.Queue
	syncs     *syncworker.Worker
	scheduler *scheduler.Scheduler
}

func newProcess(s *sim, i int) *process {
	p := &process{s: s, name: fmt.Sprintf("p%d", i)}
	p.start()
	return p
}

// datasets knows every dataset.
type datasets struct{}

func (datasets) Dataset(string) (record.SyncConfig, bool) { return syncConfig, true }

// start builds all roles anew.
func (p *process) start() {
	s := p.s
	p.lives++
	p.router = backend.New(backend.Options{Default: s.conn, Logger: s.log, Now: s.now})
	bus := wake.NewLocal()
	var err error
	p.gateway, err = gateway.New(gateway.Options{
		Config: gateway.Config{BodyLimit: 1 << 20, RequestTimeout: requestTimeout, SyncReqWaitForAck: true, SyncReqAckLimit: s.config.ackLimit},
		Store:  s.store, Datasets: datasets{}, Bus: bus, Clock: s.now, Log: s.log,
		Backend: func(d string) (gateway.Backend, error) { return p.backend(d) },
	})
	s.must(err)
	p.refresh = pendingworker.NewRefresh(pendingworker.RefreshOptions{
		Store: s.store, Bus: bus, Clock: s.now, Log: s.log,
		SyncOnChange: func(string) (time.Duration, bool) { return syncConfig.ChangeGap, s.config.syncOnChange },
	})
	p.pending = &pendingworker.Worker{
		Config: pendingworker.Config{RetryLimit: s.config.retryLimit, RetryInterval: retryInterval},
		Store:  s.store, Log: s.log, Applied: p.refresh.Applied,
		Backend: func(d string) (pendingworker.Backend, error) { return p.backend(d) },
	}
	p.acks = ackworker.Queue{Store: s.store}
	p.syncs = &syncworker.Worker{
		Store: s.store, Log: s.log,
		Backend: func(d string) (syncworker.Backend, error) { return p.backend(d) },
	}
	p.scheduler = scheduler.New(scheduler.Config{
		LockName: "scheduler", LockMaxTime: lockTTL, Retention: retention, CleanEvery: lockTTL,
		Holder: fmt.Sprintf("%s-%d", p.name, p.lives), Clock: s.now,
	}, s.store, bus, s.log)
}

func (p *process) backend(d string) (parking, error) {
	b, err := p.router.For(d)
	return parking{b}, err
}

// kill ends the process with all that it has in hand, and starts it again.
func (p *process) kill() {
	s := p.s
	s.event("%s is killed", p.name)
	for _, t := range append([]*task(nil), s.tasks...) {
		if t.proc == p {
			s.event("   %s dies %s", t.name, t.at)
			if strings.HasPrefix(t.at, inside) {
				s.counts["killed inside"]++
			}
			s.die(t)
		}
	}
	s.must(p.router.Close())
	p.start()
}

// The work of each role. Each is one task, or runs directly.

// change claims a change and works on it. It tells whether there was one.
func (p *process) change(t *task) bool {
	list, err := p.pending.Claim(t.ctx, 1, retryInterval)
	for _, c := range list {
		t.change, t.record = p.s.ledger.find(c.Change), c.RecordUID
		t.extend = func(ctx context.Context) error { return p.pending.Extend(ctx, c, retryInterval) }
		t.name += " " + t.change.String()
		err = p.pending.Work(t.ctx, c)
		t.change, t.record = nil, ""
	}
	p.ended(t, err)
	return len(list) > 0
}

// job claims a sync run and does it.
func (p *process) job(t *task) bool {
	list, err := p.syncs.Claim(t.ctx, 1, claimWindow)
	for _, j := range list {
		t.extend = func(ctx context.Context) error { return p.syncs.Extend(ctx, j, claimWindow) }
		t.name += " " + brief(j.ClientID)
		err = p.syncs.Work(t.ctx, j)
	}
	p.ended(t, err)
	return len(list) > 0
}

// ack claims acknowledgements and removes what they are for.
func (p *process) ack(t *task) bool {
	list, err := p.acks.Claim(t.ctx, 1, claimWindow)
	for _, batch := range list {
		err = p.acks.Work(t.ctx, batch)
	}
	p.ended(t, err)
	return len(list) > 0
}

func (p *process) schedule(t *task) bool {
	done, _, err := p.scheduler.Pass(t.ctx)
	p.ended(t, err)
	return done.Jobs > 0
}

func (p *process) clean(t *task) bool {
	n, err := p.scheduler.Clean(t.ctx)
	if n > 0 {
		p.s.counts["views removed"] += n
		p.s.event("   %d idle dataset clients removed", n)
	}
	p.ended(t, err)
	return n > 0
}

func (p *process) flush(t *task) bool {
	p.ended(t, p.gateway.Flush(t.ctx))
	return false
}

// wish asks for sync runs of what was changed.
func (p *process) wish(t *task) bool {
	p.refresh.Pass(t.ctx)
	return false
}

// ended notes how work ended. Only the faults of the simulation may make it fail.
func (p *process) ended(t *task, err error) {
	switch {
	case err == nil, t.dead:
	case errors.Is(err, store.ErrStale):
		p.s.counts["stale"]++
		p.s.event("   %s lost its claim", t.name)
	case errors.Is(err, store.ErrUnavailable), t.ctx.Err() != nil:
		p.s.event("   %s failed: %v", t.name, err)
	default:
		p.s.violate("%s failed: %v", t.name, err)
	}
}

// serve answers one request of a device.
func (p *process) serve(ctx context.Context, body []byte) (resp []byte, err error) {
	if p.s.broken.request != nil {
		body = p.s.broken.request(body)
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/sync/"+dataset, bytes.NewReader(body))
	w := httptest.NewRecorder()
	if aborted := serveOrAbort(p.gateway, w, r); aborted {
		return nil, errLost
	}
	resp = w.Body.Bytes()
	if t := taskOf(ctx); t != nil && t.dead {
		return nil, errDied
	}
	if w.Code != http.StatusOK {
		return nil, fmt.Errorf("status %d: %s", w.Code, resp)
	}
	if p.s.broken.answer != nil {
		resp = p.s.broken.answer(body, resp)
	}
	p.s.checkAnswer(body, resp)
	return resp, nil
}

// serveOrAbort serves as net/http does: a handler may abort its connection.
func serveOrAbort(h http.Handler, w http.ResponseWriter, r *http.Request) (aborted bool) {
	defer func() {
		if e := recover(); e != nil {
			if e != http.ErrAbortHandler { //nolint:errorlint // a panic's value is compared as it is
				panic(e)
			}
			aborted = true
		}
	}()
	h.ServeHTTP(w, r)
	return false
}

// checkAnswer checks what an answer says by itself.
func (s *sim) checkAnswer(body, resp []byte) {
	req, err := wire.DecodeRequest(body, dataset)
	s.must(err)
	for _, c := range req.Changes {
		if s.ledger.find(c) == nil && !s.superseded(c) {
			s.violate("%s %s was acknowledged before it was stored", c.CUID, c.Hash)
		}
	}
	var records struct {
		Create, Update map[string]struct {
			UID, Hash string
			Data      json.RawMessage
		}
	}
	s.must(json.Unmarshal(resp, &records))
	for _, list := range []map[string]struct {
		UID, Hash string
		Data      json.RawMessage
	}{records.Create, records.Update} {
		for uid, r := range list {
			if !record.IsObject(r.Data) || hashOf(r.Data) != r.Hash || r.UID != uid {
				s.violate("record %s reaches %s as %s, %q", uid, req.CUID, r.Data, r.Hash)
			}
		}
	}
}
