package record

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// Record is one record of a dataset as devices see it.
type Record struct {
	UID  string
	Hash string          // hash of Data
	Data json.RawMessage // a JSON object
}

// SyncConfig is how a dataset is kept in step with its backend (protocol section 7).
type SyncConfig struct {
	SyncFrequency       time.Duration // between the end of a sync run and the next; default 10 s
	ClientSyncTimeout   time.Duration // not accessed for so long: no more sync runs; default 1 h
	BackendListTimeout  time.Duration // how long the backend may take to list; default 5 min
	MaxScheduleWaitTime time.Duration // 0: SyncFrequency + BackendListTimeout
	// ChangeGap is the least time from the beginning of one sync run to the next where
	// changes ask for them (syncOnChange); default 1 s.
	ChangeGap time.Duration
}

// DefaultSyncConfig is what a dataset gets that sets nothing.
func DefaultSyncConfig() SyncConfig {
	return SyncConfig{SyncFrequency: 10 * time.Second, ClientSyncTimeout: time.Hour, BackendListTimeout: 5 * time.Minute,
		ChangeGap: time.Second}
}

// ScheduleWait is how long a scheduled sync run may take to end before another
// is scheduled in its place.
func (c SyncConfig) ScheduleWait() time.Duration {
	if c.MaxScheduleWaitTime > 0 {
		return c.MaxScheduleWaitTime
	}
	return c.SyncFrequency + c.BackendListTimeout
}

// DatasetClient is one view of a dataset: all devices that ask with the same
// query_params share it.
type DatasetClient struct {
	ID          string // DatasetClientID(Dataset, QueryParams)
	Dataset     string
	QueryParams json.RawMessage // a JSON object
	MetaData    json.RawMessage // of the last request, a JSON object
	Config      SyncConfig

	// ContentHash covers uid and hash of every record at the last sync run that
	// stored records; "" before there was one.
	ContentHash string
	// Revision grows when a sync run ends that changed the view, or before which a
	// change was applied through it, and at once when a change failed or collided.
	// It is part of the global hash, so that contents which change there and back
	// between two looks of a device are not mistaken for no change.
	Revision       int64
	CollisionCount int64

	Active        bool
	Stopped       bool
	LastAccessed  time.Time
	SyncScheduled time.Time // zero: not scheduled
	SyncLoopStart time.Time // zero: never started
	SyncLoopEnd   time.Time // while a run is under way: when it will be given up
	SyncCompleted bool      // a sync run has stored records
	Wanted        time.Time // a change asks for a sync run at this time; zero: none does

	// CompletedRunStart is when the last run that stored records began: a change
	// applied after it may be missing from the stored records.
	CompletedRunStart time.Time
}

// Due is when the next sync run of a dataset client that is active and not stopped
// is to be scheduled; the zero time stands for at once. One that never ran is due at
// once, another SyncFrequency after its last run. A wish of syncOnChange brings that
// forward, but not so far that the backend would list without pause: runs begin
// ChangeGap apart, and after each the backend rests for as long as it took. While a
// run is scheduled or under way the next waits for it, ScheduleWait at most.
func (d DatasetClient) Due() time.Time {
	var due time.Time
	if !d.SyncLoopEnd.IsZero() {
		due = d.SyncLoopEnd.Add(d.Config.SyncFrequency)
		if !d.Wanted.IsZero() {
			rested := d.SyncLoopEnd.Add(d.SyncLoopEnd.Sub(d.SyncLoopStart))
			wanted := latest(d.Wanted, d.SyncLoopStart.Add(d.Config.ChangeGap), rested)
			if wanted.Before(due) {
				due = wanted
			}
		}
	}
	if !d.SyncScheduled.IsZero() {
		due = latest(due, d.SyncScheduled.Add(d.Config.ScheduleWait()))
	}
	return due
}

func latest(times ...time.Time) time.Time {
	return slices.MaxFunc(times, time.Time.Compare)
}

// GlobalHash is the opaque text that devices compare (protocol section 1), ""
// while no sync run has stored records.
func (d DatasetClient) GlobalHash() string {
	if d.ContentHash == "" {
		return ""
	}
	return d.ContentHash + "_" + strconv.FormatInt(d.Revision, 10)
}

// DatasetClientID is the id of the view that queryParams selects of a dataset:
// `<dataset>_<hash of query_params>`. query_params that have no hash (absent, null)
// count as {}. Errors as Hash.
func DatasetClientID(dataset string, queryParams json.RawMessage) (string, error) {
	hash, err := Hash(queryParams)
	if err == nil && hash == "" {
		hash, err = Hash(json.RawMessage("{}"))
	}
	if err != nil {
		return "", err
	}
	return dataset + "_" + hash, nil
}
