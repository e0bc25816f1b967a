package simulation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/test/device"
)

// views are the query parameters of devices. They overlap, and records wander
// between them.
var views = []string{`{}`, `{"list":"a"}`, `{"list":"b"}`, `{"shared":true}`}

// phone is a device with its user.
type phone struct {
	*device.Device
	s      *sim
	query  string
	online bool
	task   *task            // its sync that is under way
	edits  int              // how many its user made
	known  int              // versions that were stored when the request arrived whose answer it reads
	asked  []byte           // that request
	seen   map[string]int64 // change to the newest timestamp of a result that arrived
}

func newPhone(s *sim, i int) *phone {
	p := &phone{s: s, query: s.config.views[i], online: true, seen: map[string]int64{}}
	p.Device = device.New(device.Config{
		CUID: fmt.Sprintf("d%d", i), Dataset: dataset, QueryParams: json.RawMessage(p.query),
		CrashedCountWait: s.config.crashedWait, ResendInFlight: resendAfter, Clock: s.now,
		Observer: device.Observer{Resolved: p.resolved, Received: p.received},
	})
	return p
}

// sync begins a turn of the device's loop.
func (p *phone) sync() {
	s := p.s
	s.advance(time.Millisecond) // no device sends twice at the same time
	p.task = s.spawn(nil, "phone", p.CUID(), func(t *task) {
		if err := p.SyncStep(t.ctx, p); err != nil && !errors.Is(err, errLost) && !errors.Is(err, device.ErrRestarted) && !t.dead {
			s.event("   %s: sync failed: %v", p.CUID(), err)
		}
	})
	s.run(p.task, 1)
}

func (p *phone) busy() bool { return p.task != nil && !p.task.ended }

// restart ends the app and starts it again.
func (p *phone) restart() {
	p.s.event("%s: the app restarts", p.CUID())
	p.Restart()
	for _, x := range slices.Clone(p.s.waiting) {
		if x.from == p {
			p.s.lose(x)
		}
	}
}

// Do implements device.Transport.
func (p *phone) Do(ctx context.Context, _ string, body []byte) ([]byte, error) {
	if p.s.calm {
		return p.s.askDirectly(p, body)
	}
	return p.s.ask(taskOf(ctx), p, body)
}

// edit lets the user do something.
func (p *phone) edit() {
	s := p.s
	records := p.Records()
	uids := slices.Sorted(maps.Keys(records))
	p.edits++
	s.tokens++
	c := content{By: p.CUID(), N: p.edits, Tok: fmt.Sprintf("t%d", s.tokens), List: s.pick("a", "b"), Shared: s.chance(0.5)}
	if s.chance(s.config.moody) {
		c.Mood = s.pick("refuse", "broken")
	}
	if len(uids) == 0 || len(records) < s.config.records && s.chance(0.3) {
		if s.chance(0.05) {
			c.Locked = "locked"
		}
		made, err := p.Create(c.raw())
		s.must(err)
		s.event("%s: creates %s %s", p.CUID(), brief(made.Hash), c.raw())
		return
	}
	uid := uids[s.rand.IntN(len(uids))]
	if s.chance(0.2) {
		gone, err := p.Delete(uid)
		s.must(err)
		s.ledger.deletes[pair(p.CUID(), gone.Hash)] = p.edits
		s.event("%s: deletes %s (%s)", p.CUID(), brief(uid), brief(gone.Hash))
		return
	}
	c.Locked = parse(records[uid].Data).Locked
	made, err := p.Update(uid, c.raw())
	s.must(err)
	s.event("%s: updates %s (%s) to %s", p.CUID(), brief(uid), brief(made.Hash), c.raw())
}

// resolved checks what the device takes for the result of a change.
func (p *phone) resolved(c device.Pending, u device.Update) {
	p.s.event("   %s: result of %s: %s %s", p.CUID(), brief(c.Hash), u.Type, brief(u.UID))
	p.s.counts[u.Type]++
	sent := record.Change{CUID: p.CUID(), Hash: c.Hash, Action: record.Action(c.Action), UID: c.UID, Pre: c.Pre, Post: c.Post}
	v := p.s.ledger.find(sent)
	if v == nil || v.order >= p.known && !p.s.brings(p.asked, c.Hash) {
		// The server did not have the newest content when it answered, and the result
		// of an older one came: the client drops the newer edit. The server can't know
		// of it; should that content arrive later, it is applied all the same.
		return
	}
	if len(v.outcomes) == 0 || string(v.outcomes[0].Type) != u.Type {
		p.s.violate("%s takes %s for the result of %s, whose outcome is %+v", p.CUID(), u.Type, v, v.outcomes)
	}
}

// received checks that the device does not see its own change taken back: its
// change is in the backend, and what the server sends is older.
func (p *phone) received(uid string, before, after *device.Record) {
	p.s.event("   %s: record %s becomes %s", p.CUID(), brief(uid), shown(after))
	mine, got := -1, -1 // newest effect of this device that it shows; newest with what is sent
	left := false       // the record was out of the view since
	for i, e := range p.s.world.log {
		if e.uid != uid {
			continue
		}
		if e.by != nil && e.by.CUID == p.CUID() && e.to == held(before) {
			mine, left = i, false
		}
		if after != nil && e.to == after.Hash {
			got = i
		}
		left = left || e.after == nil || !matches(p.query, e.after)
	}
	if mine >= 0 && (after != nil && got < mine || after == nil && !left) {
		p.s.violate("%s sees its change taken back: record %s was %s, becomes %s", p.CUID(), uid, shown(before), shown(after))
	}
}

func held(r *device.Record) string {
	if r == nil {
		return ""
	}
	return r.Hash
}

func shown(r *device.Record) string {
	if r == nil {
		return "nothing"
	}
	return string(r.Data)
}

// see notes the results that arrive.
func (p *phone) see(resp []byte) {
	var answer struct {
		Updates struct {
			Hashes map[string]device.Update `json:"hashes"`
		} `json:"updates"`
	}
	p.s.must(json.Unmarshal(resp, &answer))
	for hash, u := range answer.Updates.Hashes {
		p.seen[hash] = max(p.seen[hash], u.Timestamp)
	}
}
