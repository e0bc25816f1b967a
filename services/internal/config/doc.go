// Package config holds every setting of Tandem: one struct per role, and one
// table (table.go) from which the YAML keys, the environment variables, the
// flags, `tandem config` and docs/configuration.md all derive.
//
// A setting has the name under which the reference server documents it. It is
// taken from, in order of precedence: a flag (--pending-worker-concurrency), the
// environment (TANDEM_PENDING_WORKER_CONCURRENCY), the YAML file
// (pendingWorkerConcurrency), the default. Load collects everything that is
// wrong and says where it was written.
//
// The package knows no role and no engine; it reads one file and is otherwise
// free of I/O.
package config
