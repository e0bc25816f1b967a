package simulation

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/wire"
)

// errLost is what a device gets instead of an answer.
var errLost = errors.New("no answer")

// exchange is a request that a device waits for.
type exchange struct {
	from   *phone
	task   *task // of the device
	body   []byte
	served *task // that answers it; nil: it has not arrived
	known  int   // how many versions were stored when it arrived
	resp   []byte
	err    error
	done   bool // there is an answer, or none will come
}

// ask sends a device's request and parks it until its answer comes.
func (s *sim) ask(t *task, from *phone, body []byte) ([]byte, error) {
	x := &exchange{from: from, task: t, body: body}
	s.waiting = append(s.waiting, x)
	s.event("%s: sends %s", from.CUID(), s.tell(body))
	if isSync(body) {
		s.history = append(s.history, body)
		s.noteSent(body)
	}
	t.waits = true
	if err := t.park("waits for an answer"); err != nil {
		return nil, err
	}
	return x.resp, x.err
}

// askDirectly is ask when all is calm.
func (s *sim) askDirectly(from *phone, body []byte) (resp []byte, err error) {
	s.event("%s: asks %s", from.CUID(), s.tell(body))
	s.noteSent(body)
	p := s.processes[s.rand.IntN(len(s.processes))]
	from.known, from.asked = len(s.ledger.versions), body
	resp, err = p.serve(context.Background(), body)
	if err == nil {
		from.see(resp)
	}
	return resp, err
}

// deliver brings a request to a gateway. x is nil for a copy that nobody waits for.
func (s *sim) deliver(x *exchange, body []byte) *task {
	p := s.processes[s.rand.IntN(len(s.processes))]
	t := s.spawn(p, "request", p.name+" request of "+s.tell(body), func(t *task) {
		resp, err := p.serve(t.ctx, body)
		if t.dead {
			err = errDied
		}
		if x != nil {
			x.resp, x.err, x.done = resp, err, true
		}
	})
	t.body = body
	t.expires = s.now().Add(requestTimeout)
	if x != nil {
		x.served, x.known = t, len(s.ledger.versions)
	}
	s.event("%s arrives (copy: %v)", t.name, x == nil)
	return t
}

// answer brings an answer, or the end of all hope for one, to the device.
func (s *sim) answer(x *exchange) {
	s.drop(x)
	if x.err == nil {
		x.from.see(x.resp)
		s.event("%s: gets its answer", x.from.CUID())
	} else {
		s.event("%s: gets an error: %v", x.from.CUID(), x.err)
	}
	x.from.known, x.from.asked = x.known, x.body
	x.task.waits = false
	s.run(x.task, 1)
}

// lose makes the device give up. The request may still arrive.
func (s *sim) lose(x *exchange) {
	s.drop(x)
	s.event("%s: gives up waiting", x.from.CUID())
	if x.served == nil && isSync(x.body) && s.chance(0.5) {
		s.strays = append(s.strays, x.body)
	}
	x.resp, x.err = nil, errLost
	x.task.waits = false
	s.run(x.task, 1)
}

func (s *sim) drop(x *exchange) {
	for i, other := range s.waiting {
		if other == x {
			s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
		}
	}
}

// tell says what is in a request.
func (s *sim) tell(body []byte) string {
	req, err := wire.DecodeRequest(body, dataset)
	s.must(err)
	text := req.CUID + " " + string(req.Fn)
	for _, c := range req.Changes {
		text += " " + string(c.Action) + ":" + brief(c.Hash)
	}
	for _, a := range req.Acks {
		text += " ack:" + brief(a.Hash)
	}
	return text
}

func isSync(body []byte) bool {
	var req struct{ Fn string }
	_ = json.Unmarshal(body, &req)
	return req.Fn == "sync"
}

// sendingsOrdered says that the server knows in which order a device sent several
// contents under one hash, whatever the order in which they arrive.
//
// It does not: the timestamp of a merged change is that of its first content. A
// content that was sent earlier and arrives later, for the first time, would be taken for the
// newer one. Until the server goes by inFlightDate, such a thing does not happen
// here: when a device sends a newer content, requests with an older one that have
// not been stored are withdrawn.
const sendingsOrdered = false

// noteSent remembers the contents that a device sent under each hash, in order.
func (s *sim) noteSent(body []byte) {
	req, err := wire.DecodeRequest(body, dataset)
	s.must(err)
	for _, c := range req.Changes {
		id := pair(c.CUID, c.Hash)
		if d := s.ledger.digest(c); !slices.Contains(s.sent[id], d) {
			s.sent[id] = append(s.sent[id], d)
		}
	}
	if !sendingsOrdered {
		s.withdraw()
	}
}

// withdraw takes requests out of the world that would bring an older content late.
func (s *sim) withdraw() {
	s.strays = slices.DeleteFunc(s.strays, s.late)
	s.history = slices.DeleteFunc(s.history, s.late)
	for _, t := range slices.Clone(s.tasks) {
		if t.body != nil && s.late(t.body) {
			s.die(t)
		}
	}
}

// late tells whether a request has a content that was never stored, and of which
// its device has sent a newer one.
func (s *sim) late(body []byte) bool {
	req, err := wire.DecodeRequest(body, dataset)
	s.must(err)
	for _, c := range req.Changes {
		sent := s.sent[pair(c.CUID, c.Hash)]
		if s.ledger.find(c) == nil && sent[len(sent)-1] != s.ledger.digest(c) {
			return true
		}
	}
	return false
}

// superseded tells whether the server has a newer content of a change than this
// one, and knows that it is newer.
func (s *sim) superseded(c record.Change) bool {
	id := pair(c.CUID, c.Hash)
	for _, v := range s.ledger.byHash[id] {
		if slices.Index(s.sent[id], v.digest) > slices.Index(s.sent[id], s.ledger.digest(c)) {
			return sendingsOrdered
		}
	}
	return false
}

// brings tells whether a request has a change with this hash.
func (s *sim) brings(body []byte, hash string) bool {
	req, err := wire.DecodeRequest(body, dataset)
	s.must(err)
	return slices.ContainsFunc(req.Changes, func(c record.Change) bool { return c.Hash == hash })
}
