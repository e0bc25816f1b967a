package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// settleRounds bounds how long rest may take: each round is at least a second of
// virtual time. The longest wait is resendAfter.
const settleRounds = 150

// actForeign writes to the backend past Tandem.
func (s *sim) actForeign() bool {
	all := s.world.snapshot(context.Background())
	s.world.foreign = true
	away := s.world.away
	s.world.away = false
	defer func() { s.world.foreign, s.world.away = false, away }()
	s.tokens++
	key := fmt.Sprintf("foreign %d", s.tokens)
	c := content{By: "backend", N: s.tokens, Tok: fmt.Sprintf("t%d", s.tokens), List: s.pick("a", "b"), Shared: s.chance(0.5)}
	var uids []string
	for uid := range all {
		uids = append(uids, uid)
	}
	slices.Sort(uids)
	ctx := context.Background()
	if len(uids) == 0 || len(uids) < s.config.records && s.chance(0.3) {
		_, err := s.world.Create(ctx, adapter.CreateRequest{Dataset: dataset, Data: c.raw(), Key: key})
		s.must(err)
		return true
	}
	uid := s.prey(uids)
	if s.chance(0.2) {
		s.must(s.world.Delete(ctx, adapter.DeleteRequest{Dataset: dataset, UID: uid, Key: key}))
		return true
	}
	s.must(s.world.Update(ctx, adapter.UpdateRequest{Dataset: dataset, UID: uid, Data: c.raw(), Key: key}))
	return true
}

// prey is a record to write to, one that a worker has in hand if there is one.
func (s *sim) prey(uids []string) string {
	for _, t := range s.tasks {
		if slices.Contains(uids, t.record) && s.chance(0.7) {
			return t.record
		}
	}
	return uids[s.rand.IntN(len(uids))]
}

// settle ends all faults and waits, for a bounded time, until nothing moves.
func (s *sim) settle() {
	s.event("---- all faults end")
	s.world.away = false
	s.setStopped(false)
	if s.chance(0.3) {
		for _, p := range s.processes {
			p.kill()
		}
	}
	s.calm = true
	for len(s.tasks) > 0 && len(s.violations) == 0 {
		s.endTasks()
	}
	s.finishChanges()
	var left string
	for round := range settleRounds {
		if left = s.round(round); left == "" || len(s.violations) > 0 {
			s.counts["rounds"] += round
			return
		}
	}
	s.violate("no rest after %d rounds: %s", settleRounds, left)
}

// finishChanges lets workers finish what is queued, while all devices are silent: what
// was stored needs no resend.
func (s *sim) finishChanges() {
	for round := 0; round < settleRounds && len(s.violations) == 0; round++ {
		s.drain()
		queues, err := s.engine.Queues(context.Background())
		s.must(err)
		if queues[store.QueuePending] == 0 {
			s.ledger.check()
			return
		}
		s.advance(retryInterval)
	}
	if len(s.violations) == 0 {
		s.violate("changes are queued, and no worker finishes them")
	}
}

// endTasks lets all that is under way finish; what is on its way to a gateway is lost.
func (s *sim) endTasks() {
	for _, t := range slices.Clone(s.tasks) {
		t.free = true
		if t.ready() {
			s.resume(t, nil)
		}
	}
	for _, x := range slices.Clone(s.waiting) {
		x.task.free = true
		if x.done {
			s.answer(x)
		} else {
			s.lose(x)
		}
	}
}

// round lets every role and device do what there is to do. It tells what keeps
// the world from being at rest, "" for nothing.
func (s *sim) round(n int) string {
	s.advance(time.Second)
	if n%20 == 19 {
		s.advance(claimWindow + lockTTL)
	}
	for _, p := range s.processes {
		s.direct("flush", func(t *task) { p.flush(t) })
		s.direct("refresh", func(t *task) { p.wish(t) })
		s.direct("schedule", func(t *task) { p.schedule(t) })
	}
	s.drain()
	for _, p := range s.phones {
		if err := p.SyncStep(context.Background(), p); err != nil {
			s.event("   %s: %v", p.CUID(), err)
		}
	}
	s.drain()
	return s.unrest()
}

// drain works until the queues give nothing more.
func (s *sim) drain() {
	p := s.any()
	for _, work := range []func(*task) bool{p.change, p.job, p.ack} {
		for more := true; more && len(s.violations) == 0; {
			s.direct(p.name, func(t *task) { more = work(t) })
		}
	}
}

// unrest looks for what is not at rest.
func (s *sim) unrest() string {
	ctx := context.Background()
	for _, p := range s.phones {
		if n := len(p.Pending()); n > 0 || p.Acks() > 0 {
			return fmt.Sprintf("%s has %d pending changes and %d acknowledgements: %+v", p.CUID(), n, p.Acks(), p.Pending())
		}
	}
	queues, err := s.engine.Queues(ctx)
	s.must(err)
	for q, n := range queues {
		if n > 0 {
			return fmt.Sprintf("%d messages in %s", n, q)
		}
	}
	backend := s.world.snapshot(ctx)
	for _, p := range s.phones {
		if left := s.differs(ctx, p, backend); left != "" {
			return left
		}
	}
	return ""
}

// differs compares a device, its view in the store and the backend.
func (s *sim) differs(ctx context.Context, p *phone, backend map[string]json.RawMessage) string {
	updates, err := s.engine.ListUpdates(ctx, dataset, p.CUID(), 0)
	s.must(err)
	if len(updates) > 0 {
		return fmt.Sprintf("updates wait for %s: %+v", p.CUID(), updates)
	}
	want := map[string]string{}
	for uid, data := range backend {
		if matches(p.query, data) {
			want[uid] = hashOf(data)
		}
	}
	has := map[string]string{}
	for uid, r := range p.Records() {
		has[uid] = r.Hash
		if hashOf(r.Data) != r.Hash {
			return fmt.Sprintf("record %s of %s does not have its hash: %s", uid, p.CUID(), r.Data)
		}
	}
	id, err := record.DatasetClientID(dataset, json.RawMessage(p.query))
	s.must(err)
	stored := map[string]string{}
	for h, err := range s.engine.ViewHashes(ctx, id) {
		s.must(err)
		stored[h.UID] = h.Hash
	}
	if d := diff(want, stored); d != "" {
		return fmt.Sprintf("the stored view %s differs from the backend: %s", p.query, d)
	}
	if d := diff(want, has); d != "" {
		return fmt.Sprintf("%s (view %s) differs from the backend: %s", p.CUID(), p.query, d)
	}
	dc, err := s.engine.DatasetClient(ctx, id)
	if err != nil || dc.GlobalHash() != p.Hash() {
		return fmt.Sprintf("%s has global hash %s, the server %s (%v)", p.CUID(), p.Hash(), dc.GlobalHash(), err)
	}
	if !dc.Wanted.IsZero() {
		return fmt.Sprintf("a change asked for a sync run of view %s, and none came", p.query)
	}
	return ""
}

func diff(want, has map[string]string) string {
	var lines []string
	for uid, h := range want {
		if has[uid] != h {
			lines = append(lines, fmt.Sprintf("%s is %q, should be %q", uid, has[uid], h))
		}
	}
	for uid, h := range has {
		if _, ok := want[uid]; !ok {
			lines = append(lines, fmt.Sprintf("%s (%s) should not be there", uid, h))
		}
	}
	slices.Sort(lines)
	if len(lines) == 0 {
		return ""
	}
	return fmt.Sprint(lines)
}
