package admin

import (
	"context"
	"errors"
	"slices"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	adminv1 "github.com/tandem-sync/tandem/proto/admin/v1"
	"github.com/tandem-sync/tandem/services/internal/store"
)

const (
	fewChanges  = 20   // unless asked for more
	maxChanges  = 100  // whatever was asked for
	maxHolders  = 20   // views of a record that are told in full
	recordLimit = 1000 // changes to one record that are looked through
)

// FindChanges tells what became of changes, and where their records stand now.
func (s *Server) FindChanges(ctx context.Context, req *adminv1.FindChangesRequest) (*adminv1.FindChangesResponse, error) {
	q := store.ChangeQuery{Dataset: req.GetDataset(), Hash: req.GetHash(), CUID: req.GetCuid(), UID: req.GetUid(), Limit: fewChanges}
	if q.Hash == "" && q.CUID == "" && q.UID == "" {
		return nil, status.Error(codes.InvalidArgument, "which change? a hash, a cuid or a uid is needed")
	}
	if n := int(req.GetLimit()); n > 0 {
		q.Limit = min(n, maxChanges)
	}
	stories, err := s.Store.FindChanges(ctx, q)
	if err != nil {
		return nil, toStatus(err)
	}
	queues, err := s.Store.Queues(ctx)
	if err != nil {
		return nil, toStatus(err)
	}
	resp := &adminv1.FindChangesResponse{Now: millis(s.now()), Queued: queues[store.QueuePending]}
	look := look{
		store: s.Store, now: s.now(),
		views: map[string]*adminv1.DatasetClient{}, records: map[recordID][]store.ChangeStory{}, places: map[recordID]place{},
	}
	for _, story := range stories {
		told, err := look.tell(ctx, story)
		if err != nil {
			return nil, toStatus(err)
		}
		resp.Changes = append(resp.Changes, told)
	}
	return resp, nil
}

// look collects the facts around changes, each once.
type look struct {
	store   Store
	now     time.Time
	views   map[string]*adminv1.DatasetClient // nil: there is none
	records map[recordID][]store.ChangeStory  // the changes to a record, newest first
	places  map[recordID]place
}

type recordID struct{ dataset, uid string }

// place is where a record stands.
type place struct {
	hash    string
	holders []string
}

func (l look) tell(ctx context.Context, s store.ChangeStory) (*adminv1.ChangeStory, error) {
	c := s.Change
	told := &adminv1.ChangeStory{
		Dataset: c.Dataset, DatasetClient: c.ClientID, Cuid: c.CUID, Hash: c.Hash, Action: string(c.Action), Uid: c.UID,
		RecordUid: s.RecordUID, DeviceTime: c.Timestamp, Enqueued: millis(s.Enqueued),
		Tries: int32(s.Tries), Claimed: s.Claimed, Behind: s.Behind,
		Done: millis(s.Done), Reported: millis(s.Reported), Waiting: s.Waiting != nil, Acknowledged: millis(s.Acknowledged),
	}
	if o := s.Outcome; o != nil {
		told.Outcome = &adminv1.ChangeOutcome{Type: string(o.Type), Uid: o.UID, Msg: o.Msg, Wrote: o.Wrote}
	} else {
		told.Visible = millis(s.Visible)
		if err := l.wait(ctx, s, told); err != nil {
			return nil, err
		}
	}
	var err error
	if c.ClientID != "" {
		if told.View, err = l.view(ctx, c.ClientID); err != nil {
			return nil, err
		}
	}
	return told, l.where(ctx, recordID{c.Dataset, s.RecordUID}, told)
}

// wait tells what a change waits for that is not done.
func (l look) wait(ctx context.Context, s store.ChangeStory, told *adminv1.ChangeStory) error {
	var line []store.ChangeStory // a change without uid has none
	id := recordID{s.Change.Dataset, s.RecordUID}
	if id.uid != "" {
		var known bool
		if line, known = l.records[id]; !known {
			var err error
			line, err = l.store.FindChanges(ctx, store.ChangeQuery{Dataset: id.dataset, UID: id.uid, Limit: recordLimit})
			if err != nil {
				return err
			}
			l.records[id] = line
		}
	}
	ready := s.Enqueued
	self := false
	for _, other := range line {
		switch {
		case other.RecordUID != id.uid:
		case other.Change.CUID == s.Change.CUID && other.Change.Hash == s.Change.Hash && other.Done.IsZero() && other.Enqueued.Equal(s.Enqueued):
			self = true
		case !other.Done.IsZero():
			ready = later(ready, other.Done) // until then it stood behind
		case self: // older than it
			told.Ahead++
		}
	}
	if s.Behind == "" && !s.Claimed {
		told.Ready = millis(later(ready, s.Visible))
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// view reads a dataset client; nil when there is none any more.
func (l look) view(ctx context.Context, id string) (*adminv1.DatasetClient, error) {
	if view, known := l.views[id]; known {
		return view, nil
	}
	dc, err := l.store.DatasetClient(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound):
		l.views[id] = nil
	case err != nil:
		return nil, err
	default:
		l.views[id] = datasetClient(dc, l.now)
	}
	return l.views[id], nil
}

// where tells where the record stands.
func (l look) where(ctx context.Context, id recordID, told *adminv1.ChangeStory) error {
	if id.uid == "" {
		return nil
	}
	at, known := l.places[id]
	if !known {
		var err error
		if at.hash, at.holders, err = l.store.RecordViews(ctx, id.dataset, id.uid); err != nil {
			return err
		}
		l.places[id] = at
	}
	told.RecordHash, told.RecordViewCount = at.hash, int32(len(at.holders))
	holders := at.holders[:min(len(at.holders), maxHolders)]
	if own := told.GetDatasetClient(); !slices.Contains(holders, own) && slices.Contains(at.holders, own) {
		holders = append(slices.Clone(holders), own)
	}
	for _, holder := range holders {
		view, err := l.view(ctx, holder)
		if err != nil {
			return err
		}
		if view != nil { // else removed since
			told.RecordViews = append(told.RecordViews, view)
		}
	}
	return nil
}
