package simulation

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// version is one content that a device sent under one hash: what the server
// promised to apply, or to report as failed or collided.
type version struct {
	record.Change
	digest    string
	edit      int // the device's count of its edits at the one that made this content
	order     int // how many versions were stored before it
	claimedAt int // length of the backend's log when it was claimed last

	outcomes []store.Outcome
	effects  []int // indexes in the backend's log
	kept     bool  // a collision was handed to the adapter
}

func (v *version) String() string {
	if v == nil {
		return "somebody else"
	}
	return fmt.Sprintf("%s %s %s edit %d", v.CUID, v.Action, brief(v.Hash), v.edit)
}

// ledger is the book of all changes that were stored.
type ledger struct {
	s        *sim
	versions map[string]*version
	byHash   map[string][]*version // by cuid and hash, in order of arrival
	deletes  map[string]int        // cuid and hash of a delete to its edit count
	last     map[string]int        // cuid and uid to the edit of the last effect
	creates  map[string]string     // cuid and hash to the record
	madeUp   map[string]string     // cuid and uid to the uid that the device had made up
}

func newLedger(s *sim) *ledger {
	return &ledger{
		s: s, versions: map[string]*version{}, byHash: map[string][]*version{},
		deletes: map[string]int{}, last: map[string]int{}, creates: map[string]string{}, madeUp: map[string]string{},
	}
}

func pair(a, b string) string { return a + " " + b }

// digest tells versions apart. A device that has learned the uid of a record which it
// made sends the same change again under that: it is no other version.
func (l *ledger) digest(c record.Change) string {
	if made, ok := l.madeUp[pair(c.CUID, c.UID)]; ok {
		c.UID = made
	}
	return c.Digest()
}

// find returns the version of a change that was stored, nil when it was not.
func (l *ledger) find(c record.Change) *version {
	return l.versions[pair(pair(c.CUID, c.Hash), l.digest(c))]
}

// durable notes a change that the store has.
func (l *ledger) durable(c record.Change) {
	if l.find(c) != nil {
		return
	}
	v := &version{Change: c, digest: l.digest(c), edit: l.editOf(c), order: len(l.versions)}
	id := pair(c.CUID, c.Hash)
	l.versions[pair(id, v.digest)] = v
	l.byHash[id] = append(l.byHash[id], v)
}

// editOf tells which of its device's edits made the content of a change.
func (l *ledger) editOf(c record.Change) int {
	if c.Action == record.ActionDelete {
		return l.deletes[pair(c.CUID, c.Hash)]
	}
	return parse(c.Post).N
}

// checkEffect checks an effect when it happens.
func (l *ledger) checkEffect(e effect) {
	v := e.by
	if v == nil {
		l.s.violate("the backend was changed by work that has no change in hand: %+v", e)
		return
	}
	if len(v.effects) > 0 {
		l.s.violate("%s took effect twice", v)
	}
	v.effects = append(v.effects, len(l.s.world.log)-1)
	if v.Action == record.ActionCreate {
		id := pair(v.CUID, v.Hash)
		if uid, made := l.creates[id]; made && uid != e.uid {
			l.s.violate("%s made a second record, %s after %s", v, e.uid, uid)
		}
		if e.before == nil && l.creates[id] != "" {
			l.s.violate("%s made its record %s a second time", v, e.uid)
		}
		l.creates[id] = e.uid
		l.madeUp[pair(v.CUID, e.uid)] = v.Hash
	}
	if mine := pair(v.CUID, e.uid); v.edit < l.last[mine] {
		l.s.violate("%s took effect on %s after edit %d of its device", v, e.uid, l.last[mine])
	} else {
		l.last[mine] = v.edit
	}
	if e.before != nil && e.from != hashOf(v.Pre) && !l.ownBase(v, e.uid, len(l.s.world.log)-1) {
		l.s.violate("%s overwrote %s of %s, which its device had not seen (its pre: %s)", v, show(e.before), e.uid, show(v.Pre))
	}
}

// ownBase tells whether what record uid held before log entry `before` was written by
// an older version of v.
func (l *ledger) ownBase(v *version, uid string, before int) bool {
	for i := before - 1; i >= 0; i-- {
		if e := l.s.world.log[i]; e.uid == uid {
			return e.by != nil && e.by.CUID == v.CUID && e.by.Hash == v.Hash
		}
	}
	return false
}

// finished notes an outcome that the store has saved, and checks it.
func (l *ledger) finished(v *version, o store.Outcome) {
	v.outcomes = append(v.outcomes, o)
	if len(v.outcomes) > 1 {
		l.s.violate("%s has a second outcome: %+v", v, v.outcomes)
	}
	switch o.Type {
	case record.Applied:
		if len(v.effects) == 0 && !l.wasInEffect(v, o.UID) {
			l.s.violate("%s is reported as applied, but the backend never had it", v)
		}
	case record.Collision:
		if !v.kept {
			l.s.violate("%s collided, and the adapter was not told", v)
		}
		if from, constant := l.heldSince(v.claimedAt, o.UID); constant && l.fits(v, o.UID, from) {
			l.s.violate("%s is reported as a collision, but record %s held what it is based on", v, o.UID)
		}
	case record.Failed:
		if !l.refusable(v, o.UID) {
			l.s.violate("%s is reported as failed for no reason: %s", v, o.Msg)
		}
	}
}

// wasInEffect tells whether the backend held at some time since the claim what
// the change makes of it.
func (l *ledger) wasInEffect(v *version, uid string) bool {
	want := hashOf(v.Post)
	if v.Action == record.ActionDelete {
		want = ""
	}
	current, _ := l.heldSince(v.claimedAt, uid)
	if current == want {
		return true
	}
	for _, e := range l.s.world.log[v.claimedAt:] {
		if e.uid == uid && e.to == want {
			return true
		}
	}
	return false
}

// heldSince returns the hash of what a record held when the log had n entries,
// and whether that has not changed since.
func (l *ledger) heldSince(n int, uid string) (hash string, constant bool) {
	constant = true
	for i, e := range l.s.world.log {
		switch {
		case e.uid != uid:
		case i < n:
			hash = e.to
		default:
			constant = false
		}
	}
	return hash, constant
}

// fits tells whether a change can be applied to, or is in effect in, what a record
// holds by now.
func (l *ledger) fits(v *version, uid, held string) bool {
	switch {
	case held == hashOf(v.Pre) && v.Action != record.ActionCreate, l.ownBase(v, uid, len(l.s.world.log)) && held != "":
		return true
	case v.Action == record.ActionDelete:
		return held == ""
	}
	return held == hashOf(v.Post)
}

// refusable tells whether the adapter may have refused a change.
func (l *ledger) refusable(v *version, uid string) bool {
	if v.Action != record.ActionDelete {
		return parse(v.Post).Mood != ""
	}
	for _, e := range l.s.world.log {
		if e.uid == uid && strings.Contains(string(e.after), `"locked"`) {
			return true
		}
	}
	return false
}

// check checks at the end what can't be known before.
func (l *ledger) check() {
	for _, v := range l.versions {
		switch {
		case len(v.outcomes) == 0:
			l.s.violate("%s was stored and has no outcome", v)
		case v.outcomes[0].Type != record.Applied && len(v.effects) > 0:
			l.s.violate("%s is reported as %s, and took effect", v, v.outcomes[0].Type)
		}
	}
}

// content is the data of every record in the simulation.
type content struct {
	By     string `json:"by"`  // who wrote it last
	N      int    `json:"n"`   // which of its edits
	Tok    string `json:"tok"` // tells it from any other
	List   string `json:"list"`
	Shared bool   `json:"shared"`
	Mood   string `json:"mood,omitempty"` // of the adapter
	Locked string `json:"locked,omitempty"`
}

func parse(data json.RawMessage) content {
	var c content
	_ = json.Unmarshal(data, &c)
	return c
}

func (c content) raw() json.RawMessage {
	data, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	return data
}
