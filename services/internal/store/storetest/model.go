package storetest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// randomWork lets three devices make, change and resend records while workers
// claim, finish, give up and die, and holds the store to a small model:
// every version of a change is done exactly once; of one record one change is in
// work at a time; one device's changes to one record are done in its order; and
// every change ends with a result for its device.
func randomWork(k *kit) {
	seed := uint64(time.Now().UnixNano())
	k.Logf("seed %d", seed)
	m := &model{kit: k, rand: rand.New(rand.NewPCG(seed, 0)), inWork: map[string]*sent{}, byDigest: map[string]*sent{}, real: map[string]string{}}
	for range 400 {
		m.step()
	}
	for range 10_000 {
		if k.queued(store.QueuePending) == 0 {
			break
		}
		m.work()
	}
	m.end()
}

// model is what the test knows of the work.
type model struct {
	*kit
	rand     *rand.Rand
	all      []*sent
	byDigest map[string]*sent // by cuid, hash and digest
	inWork   map[string]*sent // by record
	real     map[string]string
}

// sent is one version of a change.
type sent struct {
	change record.Change
	record string // what it is about, the same under the made-up and the real uid
	done   bool
	claim  *store.ClaimedChange
}

func key(c record.Change) string { return c.CUID + " " + c.Hash + " " + c.Digest() }

func (m *model) step() {
	m.clock.Advance(time.Duration(m.rand.IntN(3)) * time.Millisecond)
	switch m.rand.IntN(4) {
	case 0, 1:
		m.send()
	case 2:
		m.work()
	case 3:
		if len(m.all) > 0 { // a lost answer: sent again, whatever became of it
			m.enqueue(m.all[m.rand.IntN(len(m.all))].change)
		}
	}
}

func (m *model) send() {
	device := m.rand.IntN(3)
	cuid := fmt.Sprint("device", device)
	n := len(m.all)
	c := edit(cuid, fmt.Sprint("h", n), "")
	c.Post = []byte(fmt.Sprintf(`{"n":%d}`, n))
	var of string
	switch pick := m.rand.IntN(3); {
	case pick == 0 || n == 0: // a new record
		c = create(cuid, c.Hash, string(c.Post))
		of = cuid + " " + c.Hash
	default:
		old := m.all[m.rand.IntN(n)]
		of, c.UID = old.record, old.change.UID
		if real := m.real[of]; real != "" && (old.change.CUID != cuid || m.rand.IntN(2) == 0) {
			c.UID = real
		} else if old.change.CUID != cuid {
			return // another device can't know the made-up uid
		} else if pick == 1 && old.change.UID == c.UID { // a newer version of that change
			c.Hash, c.Action = old.change.Hash, old.change.Action
		}
	}
	s := &sent{change: c, record: of}
	m.all = append(m.all, s)
	m.byDigest[key(c)] = s
	equal(m.kit, "sent", m.enqueue(c), isNew)
}

func (m *model) work() {
	if m.rand.IntN(8) == 0 {
		m.clock.Advance(window) // whoever is in work dies
		for of, s := range m.inWork {
			s.claim = nil
			delete(m.inWork, of)
		}
	}
	for _, c := range m.claim(1 + m.rand.IntN(3)) {
		s := m.byDigest[key(c.Change)]
		if s == nil || s.done || m.inWork[s.record] != nil {
			m.Fatalf("claimed %+v, which is done, unknown, or whose record is in work", c.Change)
		}
		for _, other := range m.all {
			if other == s {
				break
			}
			if other.record == s.record && other.change.CUID == s.change.CUID && !other.done {
				m.Fatalf("%s is claimed before %s", s.change.Hash, other.change.Hash)
			}
		}
		if real := m.real[s.record]; real != "" && c.RecordUID != real {
			m.Fatalf("record uid %s, want %s", c.RecordUID, real)
		}
		s.claim = &c
		m.inWork[s.record] = s
	}
	for _, of := range slices.Sorted(maps.Keys(m.inWork)) { // the seed decides, not the map
		s := m.inWork[of]
		switch m.rand.IntN(4) {
		case 0:
			m.must(m.RetryChange(m.ctx, s.claim.Claim, time.Duration(m.rand.IntN(5))*time.Millisecond, m.rand.IntN(2) == 0))
			delete(m.inWork, of)
		case 1, 2:
			m.settle(s)
			delete(m.inWork, of)
		}
	}
}

func (m *model) settle(s *sent) {
	o := applied(s.claim.RecordUID, "w")
	switch {
	case m.rand.IntN(5) == 0:
		o = store.Outcome{Type: record.Failed, UID: s.claim.RecordUID}
	case s.change.Action == record.ActionCreate && m.real[s.record] == "":
		o.UID = "real " + s.record
		m.real[s.record] = o.UID
	}
	m.finish(*s.claim, o)
	s.done = true
}

func (m *model) end() {
	m.claimNothing()
	want := map[string]bool{}
	for _, s := range m.all {
		if !s.done {
			m.Fatalf("%s was not done", s.change.Hash)
		}
		want[s.change.CUID+" "+s.change.Hash] = true
	}
	for device := range 3 {
		for _, u := range m.updates(fmt.Sprint("device", device)) {
			delete(want, u.CUID+" "+u.Hash)
		}
	}
	if len(want) > 0 {
		m.Fatalf("no result for %v", want)
	}
}
