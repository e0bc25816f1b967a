package device

import (
	"encoding/json"
	"maps"
	"slices"
)

// syncResponse is the answer to fn "sync".
type syncResponse struct {
	Hash    string   `json:"hash"`
	Updates *updates `json:"updates"`
}

type updates struct {
	Hashes     map[string]json.RawMessage `json:"hashes"`
	Applied    map[string]json.RawMessage `json:"applied"`
	Failed     map[string]json.RawMessage `json:"failed"`
	Collisions map[string]json.RawMessage `json:"collisions"`
}

// Update is the result of a change, as the server reports it.
type Update struct {
	Type      string `json:"type"`
	CUID      string `json:"cuid"`
	Action    string `json:"action"`
	Hash      string `json:"hash"`
	UID       string `json:"uid"`
	OldUID    string `json:"oldUid"`
	Msg       string `json:"msg"`
	Timestamp int64  `json:"timestamp"`
}

// take learns from an answer, in the client's order.
func (d *Device) take(resp syncResponse) {
	hashes := map[string]json.RawMessage{}
	if resp.Updates != nil && resp.Updates.Hashes != nil {
		hashes = resp.Updates.Hashes
	}
	d.countCrashed(hashes)
	d.releaseDelayed(hashes)
	if resp.Updates == nil {
		return
	}
	if resp.Updates.Hashes != nil {
		d.forgetMeta(hashes)
	}
	d.learnUIDs(resp.Updates.Applied)
	d.state.Acks = nil
	for _, results := range []map[string]json.RawMessage{resp.Updates.Applied, resp.Updates.Failed, resp.Updates.Collisions} {
		d.resolve(results)
	}
}

// countCrashed gives crashed changes up after enough answers without news, so
// that they are sent again.
func (d *Device) countCrashed(hashes map[string]json.RawMessage) {
	for _, p := range d.state.Pending {
		if !p.InFlight || !p.Crashed {
			continue
		}
		if _, news := hashes[p.Hash]; !news {
			p.CrashedCount++
		}
		if p.CrashedCount > d.cfg.CrashedCountWait {
			p.Crashed, p.InFlight = false, false
		}
	}
}

// releaseDelayed lets changes go whose predecessor has its result.
func (d *Device) releaseDelayed(hashes map[string]json.RawMessage) {
	for _, p := range d.state.Pending {
		if _, done := hashes[p.Waiting]; done && p.Delayed {
			p.Delayed, p.Waiting = false, ""
		}
	}
}

// forgetMeta forgets that a record is the user's where its change has a result.
func (d *Device) forgetMeta(hashes map[string]json.RawMessage) {
	for uid, m := range d.state.Meta {
		if _, done := hashes[m.PendingUID]; done || m.PendingUID == "" {
			delete(d.state.Meta, uid)
		}
	}
}

// learnUIDs gives records that were created here the server's uid.
func (d *Device) learnUIDs(applied map[string]json.RawMessage) {
	s := &d.state
	fresh := map[string]string{}
	for _, hash := range slices.Sorted(maps.Keys(applied)) {
		u := decodeUpdate(applied[hash])
		if u.Action != create {
			continue
		}
		d.uidMap[u.Hash], fresh[u.Hash] = u.UID, u.UID
		if rec, ok := s.Data[u.Hash]; ok {
			delete(s.Data, u.Hash)
			s.Data[u.UID] = rec
		}
		if m, ok := s.Meta[u.Hash]; ok {
			delete(s.Meta, u.Hash)
			s.Meta[u.UID] = m
		}
	}
	for _, p := range s.Pending {
		if uid := fresh[p.UID]; uid != "" {
			p.UID = uid
		}
	}
}

// resolve ends changes whose result has come, and notes the acknowledgements.
func (d *Device) resolve(results map[string]json.RawMessage) {
	for _, hash := range slices.Sorted(maps.Keys(results)) {
		d.state.Acks = append(d.state.Acks, results[hash])
		p := d.state.find(hash)
		if p == nil || !p.InFlight {
			continue
		}
		d.state.drop(hash)
		if d.cfg.Observer.Resolved != nil {
			d.cfg.Observer.Resolved(*p, decodeUpdate(results[hash]))
		}
	}
}

func decodeUpdate(raw json.RawMessage) Update {
	var u Update
	_ = json.Unmarshal(raw, &u) // what is malformed stays empty, as in the client
	return u
}
