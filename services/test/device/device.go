package device

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Transport carries one request to the server and its answer back. An error means
// that no usable answer came: whether the server got the request is not known.
type Transport interface {
	Do(ctx context.Context, dataset string, body []byte) (response []byte, err error)
}

// Errors of a device.
var (
	// ErrUnknownUID: there is no such record on this device.
	ErrUnknownUID = errors.New("unknown_uid")
	// ErrRestarted: the app was restarted while a request was under way.
	ErrRestarted = errors.New("the app was restarted")
)

// Config is what identifies a device and how patient it is.
type Config struct {
	CUID        string
	Dataset     string
	QueryParams json.RawMessage // a JSON object; nil: {}
	MetaData    json.RawMessage // a JSON object; nil: {}
	// CrashedCountWait is for how many requests without news a crashed change is not
	// sent again (crashed_count_wait; the client's default is 10).
	CrashedCountWait int
	// ResendInFlight is after how long a change that is in flight, and not known as
	// crashed, is sent again (resend_inflight_pendings_minutes; default 24 h; 0: never).
	ResendInFlight time.Duration
	Clock          func() time.Time
	Observer       Observer
}

// Observer is told what a device learns. Every function may be nil.
type Observer struct {
	// Resolved: the result of a change came, and the change is not pending any more.
	Resolved func(p Pending, u Update)
	// Received: the server's state of a record replaces the local one; nil is none.
	Received func(uid string, before, after *Record)
}

// Record is a record as the device holds it.
type Record struct {
	Hash string          `json:"hash"`
	Data json.RawMessage `json:"data"`
}

// meta says of a record whether its content is the user's and which change has it.
type meta struct {
	FromPending bool   `json:"fromPending,omitempty"`
	PendingUID  string `json:"pendingUid,omitempty"`
}

// state is what survives a restart of the app.
type state struct {
	Data    map[string]*Record `json:"data"`
	Pending []*Pending         `json:"pending"` // in the order in which they were made
	Meta    map[string]*meta   `json:"meta"`
	Acks    []json.RawMessage  `json:"acknowledgements"`
	Hash    string             `json:"hash"` // the global hash that Data belongs to
}

// Device is one device with one dataset.
type Device struct {
	cfg        Config
	state      state
	saved      []byte            // state, as the device's storage has it
	uidMap     map[string]string // made-up uid to the server's; not stored
	generation int               // grows with each restart
}

// New makes a device that has never synced.
func New(cfg Config) *Device {
	if len(cfg.QueryParams) == 0 {
		cfg.QueryParams = json.RawMessage("{}")
	}
	if len(cfg.MetaData) == 0 {
		cfg.MetaData = json.RawMessage("{}")
	}
	d := &Device{cfg: cfg, uidMap: map[string]string{}, state: state{Data: map[string]*Record{}, Meta: map[string]*meta{}}}
	d.save()
	return d
}

// CUID is the device's name.
func (d *Device) CUID() string { return d.cfg.CUID }

// Dataset is the dataset's id.
func (d *Device) Dataset() string { return d.cfg.Dataset }

// QueryParams selects the device's view of the dataset.
func (d *Device) QueryParams() json.RawMessage { return d.cfg.QueryParams }

// Hash is the global hash that the local records belong to, "" before the first.
func (d *Device) Hash() string { return d.state.Hash }

// Acks is how many results the device is going to acknowledge.
func (d *Device) Acks() int { return len(d.state.Acks) }

// Records returns the local records by uid.
func (d *Device) Records() map[string]Record {
	out := make(map[string]Record, len(d.state.Data))
	for uid, r := range d.state.Data {
		out[uid] = *r
	}
	return out
}

// Pending returns the changes without a result, oldest first.
func (d *Device) Pending() []Pending {
	out := make([]Pending, len(d.state.Pending))
	for i, p := range d.state.Pending {
		out[i] = *p
	}
	return out
}

// Restart is the end of the app and its next start: what was not saved is lost,
// and a request that was under way finds nobody.
func (d *Device) Restart() {
	d.generation++
	d.uidMap = map[string]string{}
	var s state
	if err := json.Unmarshal(d.saved, &s); err != nil {
		panic(err) // it was marshalled here
	}
	d.state = s
}

// save stores the state, where the client does.
func (d *Device) save() {
	saved, err := json.Marshal(d.state)
	if err != nil {
		panic(err) // all that is raw JSON in it was checked on its way in
	}
	d.saved = saved
}

// realUID is the server's uid of a record, as far as this run of the app knows.
func (d *Device) realUID(uid string) string {
	if known, ok := d.uidMap[uid]; ok {
		return known
	}
	return uid
}
