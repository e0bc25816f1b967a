package config

import (
	"log/slog"
	"time"
)

// Log is how the process reports what it does.
type Log struct {
	Level  slog.Level // logLevel; default info
	Format string     // logFormat: text or json; default text
	Access bool       // accessLog: a line for each HTTP request; default true
}

// Process is what every role has.
type Process struct {
	HealthListen string // healthListen: HOST:PORT of /healthz and /readyz; default "": not served
}

// Store is where the truth is kept.
type Store struct {
	Data string // data: the folder of the embedded store; default ./data

	MongodbURL      URL    // mongodbUrl; default "": the embedded store, which only `tandem all` has
	MongodbDatabase string // mongodbDatabase; default "": that of the URL, see Database
	MongodbPoolSize int    // mongodbPoolSize: connections of a process at a time; default 50

	// QueueMessagesTTL (queueMessagesTTL, plain number: seconds; default 24 h) is
	// how long a finished message stays as an audit log, and so how long a resend
	// of it is recognised.
	QueueMessagesTTL time.Duration
}

// Gateway serves HTTP to devices.
type Gateway struct {
	Listen      string   // listen: HOST:PORT; default 127.0.0.1:8080; port 0 picks a free one
	AdminListen string   // adminListen: HOST:PORT of the admin gRPC API; default "": not served
	BodyLimit   int64    // bodyLimit: bytes, before and after decompression; default 32 MB
	CORSOrigins []string // corsOrigins: origins that browsers may call from; "*": all (default); empty: none

	ReadHeaderTimeout time.Duration // readHeaderTimeout: until a request's head has arrived; default 10 s
	ReadTimeout       time.Duration // readTimeout: until a request's body has arrived; default 60 s
	RequestTimeout    time.Duration // requestTimeout: until a request is answered; default 60 s
	IdleTimeout       time.Duration // idleTimeout: until an unused connection is closed; default 2 min
	ShutdownTimeout   time.Duration // shutdownTimeout: for the work in hand after SIGTERM, in every role; default 25 s

	// SyncReqWaitForAck (syncReqWaitForAck, default true): an answer waits until the
	// acknowledgements of its request are stored.
	SyncReqWaitForAck bool
	// SyncReqAckLimit (syncReqAckLimit, default -1: unlimited): how many
	// acknowledgements and updates one request handles.
	SyncReqAckLimit int

	UseCache                bool // useCache; default false; accepted, not used
	ClientUpdateConcurrency int  // datasetClientUpdateConcurrency; default 10; accepted, not used
}

// Loop is how a worker looks for work. A wake cuts the wait short.
type Loop struct {
	Interval    time.Duration // <worker>Interval: the shortest wait when the queue was empty; default 1 ms
	Concurrency int           // <worker>Concurrency: jobs at the same time; default 1; 0 switches the worker off
	Backoff     Backoff       // <worker>Backoff: how the wait grows while the queue stays empty
}

// PendingWorker applies changes to backends. Backoff: default exp up to 60 s.
type PendingWorker struct {
	Loop
	RetryLimit    int           // pendingWorkerRetryLimit: tries before a failure or collision is reported; default 1
	RetryInterval time.Duration // pendingWorkerRetryIntervalInSeconds: until the next try; default 10 s
}

// AckWorker removes acknowledged updates. Backoff: default exp up to 60 s.
type AckWorker struct{ Loop }

// SyncWorker does the sync runs. Backoff: default exp up to 1 s.
type SyncWorker struct{ Loop }

// Scheduler queues the sync runs that are due.
type Scheduler struct {
	Interval    time.Duration // schedulerInterval: between two passes; default 500 ms
	LockMaxTime time.Duration // schedulerLockMaxTime: after which a dead holder is replaced; default 20 s
	LockName    string        // schedulerLockName; default locks:sync:SyncScheduler
}

// Cleaner removes dataset clients that nobody uses any more.
type Cleaner struct {
	RetentionPeriod time.Duration // datasetClientCleanerRetentionPeriod: kept after clientSyncTimeout; default 24 h
	CheckFrequency  time.Duration // datasetClientCleanerCheckFrequency: between two passes; default 1 h
}

// Nats is where wakes travel between processes. At most one way to log in is given:
// Credentials, NkeySeedFile, User with Password, Token, or a user in URL.
type Nats struct {
	URL           []string // natsUrl; default none: wakes stay within the process
	Credentials   string   // natsCredentials: a .creds file; default ""
	NkeySeedFile  string   // natsNkeySeedFile; default ""
	User          string   // natsUser; default ""
	Password      string   // natsPassword; default ""; never printed
	Token         string   // natsToken; default ""; never printed
	CAFile        string   // natsCaFile: PEM; default "": the machine's authorities
	CertFile      string   // natsCertFile: PEM, this side's; default "": none
	KeyFile       string   // natsKeyFile: PEM; default "": none
	SubjectPrefix string   // natsSubjectPrefix: begins every subject; default tandem.wake
}

// Adapters is how adapters are called.
type Adapters struct {
	Default     string        // defaultAdapter: HOST:PORT of the adapter of datasets that name none; default "": see there
	Timeout     time.Duration // adapterTimeout: of a call other than list; default 30 s
	Concurrency int           // adapterConcurrency: calls at the same time to one adapter; default 32

	CAFile   string // adapterCaFile: who signed the adapters' certificates; "system": the machine's; default "": plain text
	CertFile string // adapterCertFile: this side's certificate, for mutual TLS; default "": none
	KeyFile  string // adapterKeyFile: its key
}

// AdapterServer is `tandem adapter`: a ready-made adapter as a process.
type AdapterServer struct {
	Listen          string // adapterListen: HOST:PORT; default 127.0.0.1:50051; port 0 picks a free one
	ConfigFile      string // adapterConfigFile: settings of the webhook, csv and sql adapters, YAML; default "": none
	MongodbURL      URL    // adapterMongodbUrl; default "": mongodbUrl
	MongodbDatabase string // adapterMongodbDatabase; default "": that of the URL, else tandem

	CertFile     string // adapterListenCertFile: its certificate; default "": plain text
	KeyFile      string // adapterListenKeyFile: the key of that
	ClientCAFile string // adapterListenCaFile: callers need a certificate signed by these; default "": they need none
}

// Stats is what GET /mbaas/sync/stats tells.
type Stats struct {
	Collect       bool          // collectStats; default true
	RecordsToKeep int           // statsRecordsToKeep: samples kept per metric and group; default 1000
	Interval      time.Duration // collectStatsInterval: between samples of CPU, memory and queue sizes; default 5 s

	InfluxdbHost      string // metricsInfluxdbHost; default "": none; accepted, not used yet
	InfluxdbPort      int    // metricsInfluxdbPort (UDP); default 0: none; accepted, not used yet
	ReportConcurrency int    // metricsReportConcurrency; default 10; accepted, not used
}
