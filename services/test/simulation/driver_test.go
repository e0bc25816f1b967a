package simulation

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/wire"
)

// drive runs the whole simulation.
func (s *sim) drive() {
	for i := 0; i < s.config.steps && len(s.violations) == 0; i++ {
		if s.chance(0.5) {
			s.advance(time.Duration(s.rand.IntN(20)) * time.Millisecond)
		}
		for _, t := range s.tasks {
			t.pause--
		}
		for tries := 0; tries < 20 && !s.act(s.next()); tries++ {
		}
	}
	if len(s.violations) == 0 {
		s.settle()
	}
	if len(s.violations) == 0 {
		s.ledger.check()
	}
}

// act does one thing; false when there is nothing to do it with.
func (s *sim) act(a action) bool {
	switch a {
	case actEdit, actSync, actRestart, actOffline:
		return s.actPhone(a)
	case actDeliver, actAnswer, actLoseRequest, actLoseAnswer, actCopy, actStray:
		return s.actNetwork(a)
	case actChange, actJob, actAck, actSchedule, actFlush, actRefresh, actClean:
		return s.actRole(a)
	case actAdvance, actJump, actLeap:
		return s.actClock(a)
	case actResume, actHiccup, actPause:
		return s.actTask(a)
	case actKill:
		s.any().kill()
	case actAway:
		s.world.away = !s.world.away
		s.event("the backend is away: %v", s.world.away)
	case actStop:
		s.setStopped(!s.stopped)
	case actForeign:
		return s.actForeign()
	}
	return true
}

func (s *sim) any() *process { return s.processes[s.rand.IntN(len(s.processes))] }

func (s *sim) setStopped(stopped bool) {
	s.stopped = stopped
	_, err := s.engine.SetStopped(context.Background(), dataset, stopped)
	s.must(err)
	s.event("the dataset is stopped: %v", stopped)
}

func (s *sim) actPhone(a action) bool {
	p := s.phones[s.rand.IntN(len(s.phones))]
	switch a {
	case actEdit:
		p.edit()
	case actSync:
		if p.busy() || !p.online {
			return false
		}
		p.sync()
	case actRestart:
		p.restart()
	default:
		p.online = !p.online
		s.event("%s: online: %v", p.CUID(), p.online)
	}
	return true
}

func (s *sim) actNetwork(a action) bool {
	switch a {
	case actCopy, actStray:
		return s.actOldRequest(a)
	default:
	}
	var fit []*exchange
	for _, x := range s.waiting {
		if x.served != nil && x.served.ended && !x.done {
			x.err, x.done = errDied, true
		}
		arrived := x.served != nil
		if (a == actDeliver || a == actLoseRequest) && !arrived || a == actLoseAnswer && arrived || a == actAnswer && x.done {
			fit = append(fit, x)
		}
	}
	if len(fit) == 0 {
		return false
	}
	x := fit[s.rand.IntN(len(fit))]
	switch a {
	case actDeliver:
		s.run(s.deliver(x, x.body), s.stretch())
	case actAnswer:
		s.answer(x)
	default:
		s.lose(x)
	}
	return true
}

// actOldRequest delivers a request of the past: a copy of one that arrived, or
// one whose device does not wait for it any more.
func (s *sim) actOldRequest(a action) bool {
	from := &s.history
	if a == actStray {
		from = &s.strays
	}
	if len(*from) == 0 {
		return false
	}
	i := s.rand.IntN(len(*from))
	if old := s.outdated(*from); len(old) > 0 && s.chance(0.5) {
		i = old[s.rand.IntN(len(old))]
	} else if s.chance(0.5) {
		i = len(*from) - 1
	}
	body := (*from)[i]
	if a == actStray {
		*from = slices.Delete(*from, i, i+1)
	}
	s.run(s.deliver(nil, body), s.stretch())
	return true
}

// outdated finds the requests with a content of which the server has a newer one.
func (s *sim) outdated(bodies [][]byte) (found []int) {
	for i, body := range bodies {
		req, err := wire.DecodeRequest(body, dataset)
		s.must(err)
		for _, c := range req.Changes {
			if list := s.ledger.byHash[pair(c.CUID, c.Hash)]; len(list) > 1 && list[len(list)-1].digest != s.ledger.digest(c) {
				found = append(found, i)
				break
			}
		}
	}
	return found
}

// stretch is how far a task goes at once.
func (s *sim) stretch() int {
	if s.chance(0.3) {
		return 1000
	}
	most := 4
	if s.on.stepwise {
		most = 16 // an operation takes several
	}
	return 1 + s.rand.IntN(most)
}

// actRole starts a piece of work in some process.
func (s *sim) actRole(a action) bool {
	p := s.any()
	work := map[action]struct {
		kind string
		do   func(*task) bool
		most int
	}{
		actChange: {"change", p.change, 2}, actJob: {"job", p.job, 2}, actAck: {"ack", p.ack, 1},
		actSchedule: {"schedule", p.schedule, 1}, actClean: {"schedule", p.clean, 1}, actFlush: {"flush", p.flush, 1},
		actRefresh: {"refresh", p.wish, 1},
	}[a]
	for _, t := range s.tasks {
		if t.proc == p && t.kind == work.kind {
			work.most--
		}
	}
	if work.most <= 0 {
		return false
	}
	t := s.spawn(p, work.kind, p.name+" "+work.kind, func(t *task) { work.do(t) })
	s.run(t, 2) // the claim
	s.run(t, s.stretch()-1)
	return true
}

// actClock moves the clock on: a little; beyond claims, leases and runs; or beyond
// the life of views. Workers keep their claims meanwhile, unless they pause.
func (s *sim) actClock(a action) bool {
	d := time.Duration(50+s.rand.IntN(1500)) * time.Millisecond
	switch a {
	case actJump:
		d = retryInterval + time.Duration(s.rand.IntN(40_000))*time.Millisecond
	case actLeap:
		d = syncConfig.ClientSyncTimeout + retention + time.Minute
	default:
	}
	s.advance(d)
	s.event("%v pass", d)
	for _, t := range slices.Clone(s.tasks) {
		if t.body != nil && s.now().After(t.expires) {
			t.cancel(context.DeadlineExceeded) // as the gateway does, by the real clock
		}
		if t.extend != nil && !t.ended && t.pause <= 0 && s.chance(0.9) {
			s.keep(t)
		}
	}
	return true
}

// keep extends a task's claim, as the loop around it does; a claim that was lost
// ends its work.
func (s *sim) keep(t *task) {
	if err := t.extend(context.Background()); errors.Is(err, store.ErrStale) {
		s.event("   %s hears that its claim has passed to another", t.name)
		t.cancel(err)
	}
}

func (s *sim) actTask(a action) bool {
	var ready []*task
	for _, t := range s.tasks {
		if t.ready() && t.proc != nil && t.pause <= 0 {
			ready = append(ready, t)
		}
	}
	if len(ready) == 0 {
		return false
	}
	t := ready[s.rand.IntN(len(ready))]
	if a == actPause {
		s.event("%s pauses", t)
		t.pause = 20 + s.rand.IntN(200)
		return true
	}
	if a == actHiccup {
		if t.at == "start" {
			return false
		}
		s.event("%s: the call fails %s", t.name, t.at)
		if strings.HasPrefix(t.at, inside) {
			s.counts["broken inside"]++
		}
		s.resume(t, errHiccup)
		return true
	}
	if s.meddle(t); t.pause <= 0 {
		s.run(t, s.stretch())
	}
	s.event("%s", t)
	return true
}

// meddle lets others come in between at the worst moments: somebody writes to the
// backend before a worker does, a sync run stops for long with an old list in hand.
func (s *sim) meddle(t *task) {
	switch t.at {
	case "before backend Update", "before backend Delete":
		if s.config.weights[actForeign] > 0 && s.chance(s.config.meddling) {
			s.actForeign()
		}
	case "after backend Create", "after backend Update", "after backend Delete":
		// It has written and says nothing; somebody else writes, another worker comes.
		if s.config.weights[actForeign] > 0 && s.config.weights[actPause] > 0 && s.chance(s.config.meddling/2) {
			s.actForeign()
			s.event("%s pauses", t)
			t.pause = 200
		}
	case "after backend List":
		if s.config.weights[actPause] > 0 && s.chance(s.config.meddling) {
			s.event("%s pauses", t)
			t.pause = 300
		}
	}
}
