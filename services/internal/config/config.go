package config

import (
	"log/slog"
	"time"
)

// Config is all settings, a struct per role.
type Config struct {
	Log           Log
	Process       Process
	Store         Store
	Gateway       Gateway
	PendingWorker PendingWorker
	AckWorker     AckWorker
	SyncWorker    SyncWorker
	Scheduler     Scheduler
	Cleaner       Cleaner
	Nats          Nats
	Adapters      Adapters
	AdapterServer AdapterServer
	Datasets      Datasets
	Stats         Stats

	// Notes are for the log: what Load found that is no error and yet worth telling.
	Notes []string
}

// Default is what is in force when nothing is set.
func Default() Config {
	return Config{
		Log:   Log{Level: slog.LevelInfo, Format: "text", Access: true},
		Store: Store{Data: "./data", MongodbPoolSize: 50, QueueMessagesTTL: 24 * time.Hour},
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
		Cleaner:       Cleaner{RetentionPeriod: 24 * time.Hour, CheckFrequency: time.Hour},
		Nats:          Nats{URL: []string{}, SubjectPrefix: "tandem.wake"},
		Adapters:      Adapters{Timeout: 30 * time.Second, Concurrency: 32},
		AdapterServer: AdapterServer{Listen: "127.0.0.1:50051"},
		Datasets:      defaultDatasets(),
		Stats: Stats{
			Collect:           true,
			RecordsToKeep:     1000,
			Interval:          5 * time.Second,
			ReportConcurrency: 10,
		},
	}
}
