package device

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// recordsRequest is the body of fn "syncRecords".
type recordsRequest struct {
	Fn          string            `json:"fn"`
	DatasetID   string            `json:"dataset_id"`
	QueryParams json.RawMessage   `json:"query_params"`
	ClientRecs  map[string]string `json:"clientRecs"`
	FH          fh                `json:"__fh"`
}

// recordsResponse is the answer to it.
type recordsResponse struct {
	Hash   string                     `json:"hash"`
	Create map[string]Record          `json:"create"`
	Update map[string]Record          `json:"update"`
	Delete map[string]json.RawMessage `json:"delete"`
}

// syncRecords brings the local records to the server's state.
func (d *Device) syncRecords(ctx context.Context, t Transport, generation int) error {
	req := recordsRequest{
		Fn: "syncRecords", DatasetID: d.cfg.Dataset, QueryParams: d.cfg.QueryParams,
		ClientRecs: map[string]string{}, FH: fh{d.cfg.CUID},
	}
	for uid, r := range d.state.Data {
		req.ClientRecs[uid] = r.Hash
	}
	var resp recordsResponse
	err := d.do(ctx, t, req, &resp)
	if generation != d.generation {
		return ErrRestarted
	}
	if err != nil {
		return err
	}
	// Records with a change that has no result stay as the user left them.
	for _, p := range d.state.Pending {
		delete(resp.Create, p.UID)
		delete(resp.Update, p.UID)
		delete(resp.Delete, p.UID)
	}
	return d.merge(resp)
}

func (d *Device) merge(resp recordsResponse) error {
	data := d.state.Data
	for _, uid := range slices.Sorted(maps.Keys(resp.Create)) {
		d.receive(uid, data[uid], resp.Create[uid])
	}
	for _, uid := range slices.Sorted(maps.Keys(resp.Update)) {
		if data[uid] == nil {
			// The client would throw here, and never sync again.
			return fmt.Errorf("the server updates record %s, which the device does not have", uid)
		}
		d.receive(uid, data[uid], resp.Update[uid])
	}
	for _, uid := range slices.Sorted(maps.Keys(resp.Delete)) {
		if d.cfg.Observer.Received != nil && data[uid] != nil {
			d.cfg.Observer.Received(uid, data[uid], nil)
		}
		delete(data, uid)
	}
	if resp.Hash != "" {
		d.state.Hash = resp.Hash
	}
	return nil
}

func (d *Device) receive(uid string, before *Record, after Record) {
	if d.cfg.Observer.Received != nil {
		d.cfg.Observer.Received(uid, before, &after)
	}
	d.state.Data[uid] = &after
}
