package config

import (
	"strings"
	"time"
	"unicode"
)

const (
	msec = time.Millisecond
	sec  = time.Second
)

// setting is a row of the table: a key, what it means, and the field it sets.
type setting struct {
	Key    string
	Doc    string
	value  value
	env    []string // other environment variables that are understood, the strongest first
	unused bool     // accepted, so that a reference server's settings can be taken over
}

// section is the settings of one role.
type section struct {
	Title    string
	Settings []setting
}

// table lists every setting, bound to the fields of c. The key `datasets` is not
// among them: what is under it is listedSettings (load_datasets.go).
func table(c *Config) []section {
	g := &c.Gateway
	return []section{
		{"Process", []setting{
			{Key: "data", Doc: "Folder of the embedded store; made when it is absent.", value: textValue{p: &c.Store.Data, valid: notEmpty, wanted: "a folder"}},
			{Key: "logLevel", Doc: "The least level that is logged: debug, info, warn, error.", value: levelValue{&c.Log.Level}},
			{Key: "logFormat", Doc: "text for people, json for machines.", value: textValue{p: &c.Log.Format, choices: []string{"text", "json"}}},
			{Key: "accessLog", Doc: "Log a line for each HTTP request.", value: boolValue{&c.Log.Access}},
			{Key: "shutdownTimeout", Doc: "How long the work in hand may take to finish after SIGTERM.", value: durationValue{&g.ShutdownTimeout, msec, 0}},
			{Key: "healthListen", Doc: "HOST:PORT of GET /healthz and /readyz, in every role; empty: not served.", value: textValue{p: &c.Process.HealthListen, valid: noAddress, wanted: "HOST:PORT or nothing"}},
		}},
		{"Store", storeSettings(&c.Store)},
		{"Gateway", gatewaySettings(g)},
		{"Pending worker", append(
			loopSettings("pendingWorker", "pending", &c.PendingWorker.Loop),
			setting{Key: "pendingWorkerRetryLimit", Doc: "How often a change is tried before its failure or collision is reported.", value: intValue{p: &c.PendingWorker.RetryLimit, min: 1}},
			setting{Key: "pendingWorkerRetryIntervalInSeconds", Doc: "Time from one try to the next, also after a worker died in the middle.", value: durationValue{&c.PendingWorker.RetryInterval, sec, msec}},
		)},
		{"Ack worker", loopSettings("ackWorker", "ack", &c.AckWorker.Loop)},
		{"Sync worker", loopSettings("syncWorker", "sync", &c.SyncWorker.Loop)},
		{"Scheduler and cleaner", []setting{
			{Key: "schedulerInterval", Doc: "Time between two looks for sync runs that are due.", value: durationValue{&c.Scheduler.Interval, msec, msec}},
			{Key: "schedulerLockMaxTime", Doc: "Time after which another process takes over from a scheduler that died.", value: durationValue{&c.Scheduler.LockMaxTime, msec, msec}},
			{Key: "schedulerLockName", Doc: "Name of the lock that one scheduler in the cluster holds.", value: textValue{p: &c.Scheduler.LockName, valid: notEmpty, wanted: "a name"}},
			{Key: "datasetClientCleanerRetentionPeriod", Doc: "How long a dataset client is kept after it became inactive.", value: durationValue{&c.Cleaner.RetentionPeriod, msec, 0}},
			{Key: "datasetClientCleanerCheckFrequency", Doc: "Time between two removals of old dataset clients.", value: durationValue{&c.Cleaner.CheckFrequency, msec, msec}},
		}},
		{"Queues", []setting{
			{Key: "queueMessagesTTL", Doc: "How long a finished message is kept as an audit log; a resend is recognised for as long.", value: durationValue{&c.Store.QueueMessagesTTL, sec, sec}},
		}},
		{"Wake (NATS)", natsSettings(&c.Nats)},
		{"Adapters", adapterSettings(&c.Adapters)},
		{"Adapter process", adapterServerSettings(&c.AdapterServer)},
		{datasetsTitle, append(fileSettings(&c.Datasets), datasetSettings(&c.Datasets.Default)...)},
		{"Interceptor", interceptorSettings(&c.Datasets.Interceptor)},
		{"Stats", statsSettings(&c.Stats)},
	}
}

func gatewaySettings(g *Gateway) []setting {
	return []setting{
		{Key: "listen", Doc: "HOST:PORT that devices call; port 0 picks a free one.", value: textValue{p: &g.Listen, valid: address, wanted: "HOST:PORT"}},
		{Key: "adminListen", Doc: "HOST:PORT of the admin gRPC API; empty: not served.", value: textValue{p: &g.AdminListen, valid: noAddress, wanted: "HOST:PORT or nothing"}},
		{Key: "bodyLimit", Doc: "The largest request body, decompressed; a larger one is answered with 413.", value: sizeValue{&g.BodyLimit}},
		{Key: "corsOrigins", Doc: "Origins from which browsers may call; `*` for all, none for none.", value: listValue{&g.CORSOrigins}},
		{Key: "readHeaderTimeout", Doc: "How long the head of a request may take to arrive.", value: durationValue{&g.ReadHeaderTimeout, msec, msec}},
		{Key: "readTimeout", Doc: "How long a whole request may take to arrive.", value: durationValue{&g.ReadTimeout, msec, msec}},
		{Key: "requestTimeout", Doc: "How long the answer to a request may take.", value: durationValue{&g.RequestTimeout, msec, msec}},
		{Key: "idleTimeout", Doc: "How long a connection may stay open between two requests.", value: durationValue{&g.IdleTimeout, msec, msec}},
		{Key: "syncReqWaitForAck", Doc: "An answer waits until the acknowledgements in its request are stored.", value: boolValue{&g.SyncReqWaitForAck}},
		{Key: "syncReqAckLimit", Doc: "How many acknowledgements and updates one request handles; -1 for no limit.", value: intValue{p: &g.SyncReqAckLimit, min: -1, special: "-1: unlimited"}},
		{Key: "useCache", Doc: "Kept records in Redis; Tandem keeps what it needs in memory.", value: boolValue{&g.UseCache}, unused: true},
		{Key: "datasetClientUpdateConcurrency", Doc: "Bounded the writes of last accesses; Tandem merges them.", value: intValue{p: &g.ClientUpdateConcurrency, min: 1}, unused: true},
	}
}

func loopSettings(prefix, name string, l *Loop) []setting {
	return []setting{
		{Key: prefix + "Interval", Doc: "The shortest wait of the " + name + " worker after it found its queue empty.", value: durationValue{&l.Interval, msec, msec}},
		{Key: prefix + "Concurrency", Doc: "How many jobs run at the same time; 0 switches the worker off.", value: intValue{p: &l.Concurrency, special: "0: off"}},
		{Key: prefix + "Backoff", Doc: "How the wait grows while the queue stays empty; a wake ends it early.", value: backoffValue{&l.Backoff}},
	}
}

func statsSettings(s *Stats) []setting {
	return []setting{
		{Key: "collectStats", Doc: "Collect what GET /mbaas/sync/stats shows.", value: boolValue{&s.Collect}},
		{Key: "statsRecordsToKeep", Doc: "How many samples of each metric and group are kept.", value: intValue{p: &s.RecordsToKeep, min: 1}},
		{Key: "collectStatsInterval", Doc: "Time between two samples of CPU, memory and queue sizes.", value: durationValue{&s.Interval, msec, msec}},
		{Key: "metricsInfluxdbHost", Doc: "Host of an InfluxDB that metrics are sent to; empty: none.", value: textValue{p: &s.InfluxdbHost}, unused: true},
		{Key: "metricsInfluxdbPort", Doc: "UDP port of that InfluxDB; 0: none.", value: intValue{p: &s.InfluxdbPort, max: 65535}, unused: true},
		{Key: "metricsReportConcurrency", Doc: "Bounded the reports to Redis and InfluxDB.", value: intValue{p: &s.ReportConcurrency, min: 1}, unused: true},
	}
}

// settings is the table without its sections.
func settings(c *Config) []setting {
	var all []setting
	for _, s := range table(c) {
		all = append(all, s.Settings...)
	}
	return all
}

const envPrefix = "TANDEM_"

// envName is the environment variable of a key: TANDEM_SYNC_REQ_ACK_LIMIT.
func envName(key string) string { return envPrefix + strings.ToUpper(words(key, '_')) }

// flagName is the flag of a key: sync-req-ack-limit.
func flagName(key string) string { return words(key, '-') }

// words sets a separator before each capital that begins a word.
func words(key string, separator rune) string {
	var b strings.Builder
	runes := []rune(key)
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) && !unicode.IsUpper(runes[i-1]) {
			b.WriteRune(separator)
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
