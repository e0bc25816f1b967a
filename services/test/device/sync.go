package device

import (
	"context"
	"encoding/json"
	"fmt"
)

// syncRequest is the body of fn "sync".
type syncRequest struct {
	Fn               string            `json:"fn"`
	DatasetID        string            `json:"dataset_id"`
	QueryParams      json.RawMessage   `json:"query_params"`
	Config           requestConfig     `json:"config"`
	MetaData         json.RawMessage   `json:"meta_data"`
	DatasetHash      string            `json:"dataset_hash,omitempty"`
	Acknowledgements []json.RawMessage `json:"acknowledgements"`
	Pending          []Pending         `json:"pending"`
	FH               fh                `json:"__fh"`
}

type requestConfig struct {
	CrashedCountWait int `json:"crashed_count_wait"`
}

type fh struct {
	CUID string `json:"cuid"`
}

// SyncStep is one turn of the client's loop: a sync request, and a syncRecords
// request when the server's global hash is another. An error means that an answer
// was lost, or was none that a client understands.
func (d *Device) SyncStep(ctx context.Context, t Transport) error {
	generation := d.generation
	stale, err := d.sync(ctx, t, generation)
	if err == nil && stale {
		err = d.syncRecords(ctx, t, generation)
	}
	if generation == d.generation {
		d.save()
	}
	return err
}

// sync sends acknowledgements and changes. It tells whether the local records are stale.
func (d *Device) sync(ctx context.Context, t Transport, generation int) (stale bool, err error) {
	req := syncRequest{
		Fn: "sync", DatasetID: d.cfg.Dataset, QueryParams: d.cfg.QueryParams, MetaData: d.cfg.MetaData,
		Config: requestConfig{d.cfg.CrashedCountWait}, DatasetHash: d.state.Hash,
		Acknowledgements: append([]json.RawMessage{}, d.state.Acks...), Pending: d.toSend(), FH: fh{d.cfg.CUID},
	}
	var resp syncResponse
	err = d.do(ctx, t, req, &resp)
	if generation != d.generation {
		return false, ErrRestarted
	}
	if err != nil {
		// The state of what was sent is unknown.
		for _, p := range d.state.Pending {
			p.Crashed = p.Crashed || p.InFlight
		}
		return false, err
	}
	d.take(resp)
	return resp.Hash != "" && resp.Hash != d.state.Hash, nil
}

// toSend takes the changes of one request and marks them as in flight.
func (d *Device) toSend() []Pending {
	send := []Pending{}
	for _, p := range d.state.Pending {
		if !p.InFlight && !p.Crashed && !p.Delayed {
			p.InFlight, p.InFlightDate = true, d.now()
			send = append(send, *p)
		} else if d.overdue(p) {
			// The client leaves the date of the first sending, and so sends it with
			// every request from now on.
			send = append(send, *p)
		}
	}
	return send
}

// overdue finds a change whose result never came, though no answer is known to be
// lost: the app was restarted while it was in flight.
func (d *Device) overdue(p *Pending) bool {
	return d.cfg.ResendInFlight > 0 && p.InFlight && p.InFlightDate > 0 && !p.Crashed &&
		d.now()-p.InFlightDate >= d.cfg.ResendInFlight.Milliseconds()
}

func (d *Device) do(ctx context.Context, t Transport, req, resp any) error {
	body, err := json.Marshal(req)
	if err != nil {
		return err
	}
	answer, err := t.Do(ctx, d.cfg.Dataset, body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, resp); err != nil {
		return fmt.Errorf("answer %.200q: %w", answer, err)
	}
	return nil
}
