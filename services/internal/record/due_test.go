package record_test

import (
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
)

func TestDue(t *testing.T) {
	config := record.SyncConfig{SyncFrequency: time.Hour, BackendListTimeout: 5 * time.Minute, ChangeGap: time.Second}
	quick, short := config, config
	quick.SyncFrequency = 10 * time.Second
	short.MaxScheduleWaitTime = time.Minute
	at := func(sec float64) time.Time { return time.UnixMilli(1_800_000_000_000 + int64(sec*1000)).UTC() }
	// Where a run ended, it took from second 100 to 100.2.
	for name, tc := range map[string]struct {
		client record.DatasetClient
		want   time.Time
	}{
		"never ran":           {record.DatasetClient{Config: config}, time.Time{}},
		"never ran, wanted":   {record.DatasetClient{Config: config, Wanted: at(500)}, time.Time{}},
		"ran":                 {record.DatasetClient{Config: config, SyncLoopStart: at(100), SyncLoopEnd: at(100.2)}, at(3700.2)},
		"wanted":              {record.DatasetClient{Config: config, SyncLoopStart: at(100), SyncLoopEnd: at(100.2), Wanted: at(500)}, at(500)},
		"wanted before a run": {record.DatasetClient{Config: config, SyncLoopStart: at(100), SyncLoopEnd: at(100.2), Wanted: at(90)}, at(101)},
		"wanted in the gap":   {record.DatasetClient{Config: config, SyncLoopStart: at(100), SyncLoopEnd: at(100.2), Wanted: at(100.5)}, at(101)},
		"a long run":          {record.DatasetClient{Config: config, SyncLoopStart: at(100), SyncLoopEnd: at(130), Wanted: at(131)}, at(160)},
		"rested enough":       {record.DatasetClient{Config: config, SyncLoopStart: at(100), SyncLoopEnd: at(130), Wanted: at(170)}, at(170)},
		"the schedule comes first": {record.DatasetClient{Config: quick, SyncLoopStart: at(100), SyncLoopEnd: at(130), Wanted: at(131)},
			at(140)},
		"wanted later than the schedule": {record.DatasetClient{Config: quick, SyncLoopStart: at(100), SyncLoopEnd: at(100.2), Wanted: at(500)},
			at(110.2)},
		"scheduled, never ran": {record.DatasetClient{Config: config, SyncScheduled: at(50)}, at(50 + 3600 + 300)},
		"scheduled and wanted": {record.DatasetClient{Config: short, SyncLoopStart: at(100), SyncLoopEnd: at(100.2), SyncScheduled: at(200), Wanted: at(201)},
			at(260)},
		"under way and wanted": {record.DatasetClient{Config: short, SyncLoopStart: at(200), SyncLoopEnd: at(500), SyncScheduled: at(199), Wanted: at(201)},
			at(800)},
		"marked ended, began never": {record.DatasetClient{Config: config, SyncLoopEnd: at(100), Wanted: at(101)}, at(3700)},
	} {
		if got := tc.client.Due(); !got.Equal(tc.want) {
			t.Errorf("%s: due at %v, want %v", name, got, tc.want)
		}
	}
}
