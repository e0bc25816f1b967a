package admin

import (
	"time"

	adminv1 "github.com/tandem-sync/tandem/proto/admin/v1"
	"github.com/tandem-sync/tandem/services/internal/record"
)

// datasetClient is a view as the API tells it.
func datasetClient(dc record.DatasetClient, now time.Time) *adminv1.DatasetClient {
	return &adminv1.DatasetClient{
		Id: dc.ID, Dataset: dc.Dataset, QueryParams: string(dc.QueryParams), GlobalHash: dc.GlobalHash(),
		CollisionCount: dc.CollisionCount, Active: dc.Active, Stopped: dc.Stopped,
		LastAccessed: millis(dc.LastAccessed), SyncScheduled: millis(dc.SyncScheduled),
		SyncLoopStart: millis(dc.SyncLoopStart), SyncLoopEnd: millis(dc.SyncLoopEnd), SyncCompleted: dc.SyncCompleted,
		NextDue: nextDue(dc, now), Wanted: millis(dc.Wanted), CompletedRunStart: millis(dc.CompletedRunStart),
	}
}

// nextDue is when the scheduler will queue a run, 0 when it will not.
func nextDue(dc record.DatasetClient, now time.Time) int64 {
	if !dc.Active || dc.Stopped {
		return 0
	}
	if due := dc.Due(); !due.IsZero() {
		return millis(due)
	}
	return millis(now) // it never ran
}

// millis is a time of the API: 0 is the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
