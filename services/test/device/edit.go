package device

import (
	"encoding/json"
	"fmt"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// Create makes a record. The change's UID is the record's made-up uid.
func (d *Device) Create(data json.RawMessage) (Pending, error) {
	if !record.IsObject(data) || !json.Valid(data) {
		return Pending{}, fmt.Errorf("create: %s is no JSON object", data)
	}
	return d.add(newPending(create, "", nil, data, d.now())), nil
}

// Update replaces the data of a record, by its real or its made-up uid. The change
// that it returns has the hash of an earlier one where it was merged into that.
func (d *Device) Update(uid string, data json.RawMessage) (Pending, error) {
	if !record.IsObject(data) || !json.Valid(data) {
		return Pending{}, fmt.Errorf("update: %s is no JSON object", data)
	}
	return d.change(update, uid, data)
}

// Delete removes a record.
func (d *Device) Delete(uid string) (Pending, error) {
	return d.change(remove, uid, json.RawMessage("null"))
}

func (d *Device) change(action, uid string, post json.RawMessage) (Pending, error) {
	uid = d.realUID(uid)
	rec, ok := d.state.Data[uid]
	if !ok {
		return Pending{}, fmt.Errorf("%s %s: %w", action, uid, ErrUnknownUID)
	}
	return d.add(newPending(action, uid, rec, post, d.now())), nil
}

func (d *Device) now() int64 { return d.cfg.Clock().UnixMilli() }

// add stores a change, shows it in the local records and saves.
func (d *Device) add(p *Pending) Pending {
	d.state.put(p)
	d.showLocally(p)
	d.save()
	return *p
}

// showLocally makes the local records what the user did, and settles how the
// change goes together with an earlier one to the same record.
func (d *Device) showLocally(p *Pending) {
	s := &d.state
	m := s.Meta[p.UID]
	if m == nil {
		m = &meta{}
		s.Meta[p.UID] = m
	}
	before := s.Data[p.UID]
	var earlier *Pending
	if before != nil && m.FromPending {
		earlier = s.find(m.PendingUID)
	}
	shown := p.Hash // the change that the record's content belongs to
	switch p.Action {
	case create:
		if earlier != nil && earlier != p {
			s.drop(earlier.Hash)
		}
		s.Data[p.UID] = &Record{}
	case update:
		shown = d.followUp(p, earlier)
	case remove:
		d.removeLocally(p, earlier)
	}
	if rec := s.Data[p.UID]; rec != nil {
		rec.Data, rec.Hash = p.Post, p.PostHash
		m.FromPending, m.PendingUID = true, shown
	}
}

// followUp settles an update after an earlier change to the record: what has not
// been sent takes the newer content, what has been sent is waited for. It returns
// the hash of the change that holds the content.
func (d *Device) followUp(p, earlier *Pending) string {
	switch {
	case earlier == nil:
	case earlier.InFlight:
		p.Delayed, p.Waiting = true, earlier.Hash
	default:
		earlier.Post, earlier.PostHash = p.Post, p.PostHash
		d.state.drop(p.Hash)
		p.Hash = earlier.Hash
	}
	return p.Hash
}

// removeLocally settles a delete after an earlier change to the record.
func (d *Device) removeLocally(p, earlier *Pending) {
	s := &d.state
	switch {
	case earlier == nil:
	case earlier.InFlight:
		p.Delayed, p.Waiting = true, earlier.Hash
	case earlier.Action == create:
		// Nobody has heard of the record (or so the client thinks).
		s.drop(p.Hash)
		s.drop(earlier.Hash)
	case earlier.Action == update:
		p.Pre, p.PreHash = earlier.Pre, earlier.PreHash
		s.drop(earlier.Hash)
	}
	delete(s.Data, p.UID)
}
