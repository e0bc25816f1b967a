package config

import (
	"log/slog"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// Config is all settings, a struct per role.
type Config struct {
	Log           Log
	Store         Store
	Gateway       Gateway
	PendingWorker PendingWorker
	AckWorker     AckWorker
	SyncWorker    SyncWorker
	Scheduler     Scheduler
	Cleaner       Cleaner
	Adapters      Adapters
	Datasets      Datasets
	Stats         Stats
}

// Default is what is in force when nothing is set.
func Default() Config {
	return Config{
		Log:   Log{Level: slog.LevelInfo, Format: "text", Access: true},
		Store: Store{Data: "./data", QueueMessagesTTL: 24 * time.Hour},
		Gateway: Gateway{
			Listen:                  "127.0.0.1:8080",
			BodyLimit:               32 << 20,
			CORSOrigins:             []string{"*"},
			ReadHeaderTimeout:       10 * time.Second,
			ReadTimeout:             time.Minute,
			RequestTimeout:          time.Minute,
			IdleTimeout:             2 * time.Minute,
			ShutdownTimeout:         25 * time.Second,
			SyncReqWaitForAck:       true,
			SyncReqAckLimit:         -1,
			ClientUpdateConcurrency: 10,
		},
		PendingWorker: PendingWorker{
			Loop:          Loop{Interval: time.Millisecond, Concurrency: 1, Backoff: Backoff{BackoffExp, time.Minute}},
			RetryLimit:    1,
			RetryInterval: 10 * time.Second,
		},
		AckWorker:  AckWorker{Loop{Interval: time.Millisecond, Concurrency: 1, Backoff: Backoff{BackoffExp, time.Minute}}},
		SyncWorker: SyncWorker{Loop{Interval: time.Millisecond, Concurrency: 1, Backoff: Backoff{BackoffExp, time.Second}}},
		Scheduler: Scheduler{
			Interval:    500 * time.Millisecond,
			LockMaxTime: 20 * time.Second,
			LockName:    "locks:sync:SyncScheduler",
		},
		Cleaner:  Cleaner{RetentionPeriod: 24 * time.Hour, CheckFrequency: time.Hour},
		Adapters: Adapters{Timeout: 30 * time.Second, Concurrency: 32},
		Datasets: Datasets{AllowUnknown: true, Default: Dataset{SyncConfig: record.DefaultSyncConfig()}},
		Stats: Stats{
			Collect:           true,
			RecordsToKeep:     1000,
			Interval:          5 * time.Second,
			ReportConcurrency: 10,
		},
	}
}
