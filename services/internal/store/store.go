// Package store is the port through which roles reach what Tandem remembers.
//
// The store alone is the truth: roles never talk to one another, they meet here.
// The port is made of small capabilities that compose into Store; a role asks
// for the two or four methods that it uses. What each method promises is written
// here and pinned by storetest.Exercise, which every engine passes.
//
// Three promises run through all of it:
//   - durable: a method that returned nil has its effect after a crash;
//   - atomic: what one call writes is there in whole or not at all, unless the
//     method says otherwise. An engine without transactions gets there in steps: the
//     first decides, and whoever comes by later completes the rest;
//   - fenced: a claim, lease or sync run carries a token that every later call
//     must show. Once another holder took over, the old token gets ErrStale and
//     changes nothing, however long its holder was paused.
//
// Engines (mongo, sqlite) are imported by app and by tests alone.
package store

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// Errors that engines return, wrapped with what they are about.
var (
	// ErrNotFound: there is no such thing.
	ErrNotFound = errors.New("not found")
	// ErrStale: the claim, lease or sync run has passed to another holder or has ended.
	ErrStale = errors.New("claim has passed to another holder")
	// ErrBusy: a sync run of this dataset client is under way elsewhere.
	ErrBusy = errors.New("a sync run is under way")
	// ErrTooLarge: the engine can't hold something of this size.
	ErrTooLarge = errors.New("too large to store")
	// ErrUnavailable: the store can't be reached or is closing; worth another try.
	ErrUnavailable = errors.New("store unavailable")
)

// Store is all of it, as an engine offers it.
type Store interface {
	Changes
	Acks
	Jobs
	DatasetClients
	Runs
	Records
	Leases
	ChangeLog
	// Queues counts the messages that wait or are in work, by queue.
	Queues(ctx context.Context) (map[Queue]int64, error)
	// Purge removes what has outlived its time: done messages after the TTL of the
	// queues, uid mappings after theirs. Engines whose database does it may do nothing.
	Purge(ctx context.Context) error
	// Ping tells whether the store answers.
	Ping(ctx context.Context) error
	// Close finishes what was accepted; what comes later gets ErrUnavailable. Closing
	// twice does no harm.
	Close() error
}

// Queue names one of the three queues (protocol section 6).
type Queue string

// The queues.
const (
	QueueSync    Queue = "fhsync_queue"
	QueueAck     Queue = "fhsync_ack_queue"
	QueuePending Queue = "fhsync_pending_queue"
)

// Claim is the right to work on one message until it expires. Its fields are
// the engine's.
type Claim struct {
	ID  string // the message
	Ack string // the token: a new one at each claim
	// Until is when the claim ends and the message becomes visible to others.
	Until time.Time
	Tries int // how often the message was claimed, this time included
}

// Changes is the queue of pending changes, and the log of those done.
type Changes interface {
	// EnqueueChanges stores changes of one request in their order. When it fails, a
	// first part of them may be stored: sent again, they are recognised. ErrTooLarge
	// where one of them is too large for the engine.
	//
	// A change whose (dataset, cuid, hash, digest) is queued or was done before is
	// not queued again; where it was done, the result of its newest version is
	// reported once more, with a new timestamp (an acknowledgement sent earlier does not remove it), and the
	// dataset client's Revision grows: the device had the change pending and passed
	// over what it was told of its record. A change
	// with a known hash and a new digest is a newer version: it is queued, and a
	// result of an older version that still waits for its device is removed, since
	// the device would take it for the result of the newer one. For the same reason a
	// known version that is sent again while a newer one waits reports nothing.
	// A record's made-up and real uid count as one: a device that has learned the
	// real uid sends the same change again under that.
	//
	// Every change has a cuid and a hash.
	EnqueueChanges(ctx context.Context, changes []record.Change) (EnqueueResult, error)

	// ClaimChanges claims up to n visible changes for window, oldest first: those that
	// have been visible longest, in their order of arrival. Of one
	// record (dataset and uid; a made-up uid counts as the record that it became)
	// only the oldest change that is not done can be claimed, so that changes to
	// one record are worked on one at a time and in their order of arrival. (A change
	// that joins the record's others when its made-up uid becomes the real one waits
	// for the one in work, and goes by arrival from then on.)
	//
	// A claim that has ended stays good until another takes the change.
	ClaimChanges(ctx context.Context, n int, window time.Duration) ([]ClaimedChange, error)

	// ExtendChange keeps a claim for another window from now. ErrStale.
	ExtendChange(ctx context.Context, claim Claim, window time.Duration) (Claim, error)

	// RetryChange gives the claim up; the change can be claimed again after delay. ErrStale.
	// Where free, this try is not counted, and what came of it is not known
	// (ClaimedChange.Unsure).
	RetryChange(ctx context.Context, claim Claim, delay time.Duration, free bool) error

	// FinishChange, in one step: marks the change done with its outcome, saves the
	// update for the device, remembers the uid mapping of an applied create, lets the next
	// change to the record be claimed, marks the dataset client as touched (see
	// DatasetClient.Revision) and counts a collision. The update is not saved when a newer
	// version of the change waits: the device gets that one's result.
	// The update's timestamp is set by the store. ErrStale.
	FinishChange(ctx context.Context, claim Claim, outcome Outcome) error

	// ChangedUIDs returns the uids of a dataset that this device changed with success
	// at or after since, under the made-up uid and the real one, and those of its changes
	// that are not done. Without since (zero) all that the log holds.
	ChangedUIDs(ctx context.Context, dataset, cuid string, since time.Time) ([]string, error)
}

// EnqueueResult counts what became of the changes of a request.
type EnqueueResult struct {
	Queued   int // new changes and newer versions
	Repeated int // known changes, sent again
}

// ClaimedChange is a change to be worked on.
type ClaimedChange struct {
	Claim
	Change record.Change
	// RecordUID is the uid of the record as known now: the backend's uid where
	// Change.UID was made up for a create that is done, else Change.UID.
	RecordUID string
	// Earlier is the outcome of the newest older version of this change (same
	// dataset, cuid and hash) that was applied, since that is in the backend; when
	// none was applied, of the newest that was done; nil when there is none.
	Earlier *Outcome
	// Enqueued is when the change was received.
	Enqueued time.Time
	// Unsure: an earlier try ended without a clear answer, since it was given back as free
	// or its claim ran out. The change may be in effect.
	Unsure bool
}

// Outcome is what became of a change.
type Outcome struct {
	Type record.UpdateType
	UID  string // the record's uid in the backend; as sent when it has none
	Msg  string
	// Wrote is the hash of what the change left in the backend: of post after an
	// applied create or update, "" otherwise. A newer version takes it as its base.
	Wrote string
}

// Acks is the queue of acknowledgements, with the updates that they remove.
type Acks interface {
	EnqueueAcks(ctx context.Context, acks []record.Ack) error
	// ClaimAcks claims up to n acknowledgements, oldest first.
	ClaimAcks(ctx context.Context, n int, window time.Duration) ([]ClaimedAck, error)
	// FinishAcks removes the acknowledged updates (those of the ack's cuid and hash
	// with a timestamp not above the ack's) and marks the messages done. A claim
	// that has passed to another is skipped: removing twice is harmless.
	FinishAcks(ctx context.Context, acks []ClaimedAck) error
	// ListUpdates returns the updates stored for a device, oldest first, at most
	// limit if limit > 0.
	ListUpdates(ctx context.Context, dataset, cuid string, limit int) ([]record.Update, error)
}

// ClaimedAck is an acknowledgement to be worked on.
type ClaimedAck struct {
	Claim
	Ack record.Ack
}

// Jobs is the queue of sync runs to do.
type Jobs interface {
	// EnqueueJob asks for a sync run of one dataset client outside the schedule. A job
	// that waits unclaimed may serve for it; one in work does not. ErrNotFound.
	EnqueueJob(ctx context.Context, clientID string) error
	ClaimJobs(ctx context.Context, n int, window time.Duration) ([]Job, error)
	// ExtendJob keeps a claim for another window from now. ErrStale.
	ExtendJob(ctx context.Context, claim Claim, window time.Duration) (Claim, error)
	// FinishJob marks the message done. ErrStale.
	FinishJob(ctx context.Context, claim Claim) error
}

// Job is one sync run to do.
type Job struct {
	Claim
	ClientID string
	Dataset  string
	Enqueued time.Time
}

// DatasetClients keeps the views.
type DatasetClients interface {
	// SyncState is all that a sync request reads, in one operation: the dataset
	// client (nil when unknown) and the updates stored for the device, oldest first,
	// at most limit if limit > 0 (none when cuid is "").
	SyncState(ctx context.Context, clientID, dataset, cuid string, limit int) (*record.DatasetClient, []record.Update, error)
	// DatasetClient reads one. ErrNotFound.
	DatasetClient(ctx context.Context, id string) (record.DatasetClient, error)
	// ListDatasetClients returns those of one dataset, or of all when dataset is
	// "", ordered by id.
	ListDatasetClients(ctx context.Context, dataset string) ([]record.DatasetClient, error)
	// TouchDatasetClients notes accesses. An unknown dataset client is made, active,
	// due at once, and stopped where its dataset is; a known one becomes active
	// again, its LastAccessed never goes back, its meta data and configuration are
	// replaced (absent meta data leaves that of before).
	TouchDatasetClients(ctx context.Context, touches []Touch) error
	// SetStopped stops or starts a dataset: its dataset clients, and those to come.
	// Returns how many dataset clients there are.
	SetStopped(ctx context.Context, dataset string, stopped bool) (int64, error)

	// ScheduleDue queues a job for each active dataset client that is due, at most
	// limit, and sets their SyncScheduled; it also ends the activity of those not
	// accessed for ClientSyncTimeout. It costs what is due, not what exists. ErrStale
	// when the lease is not held any more.
	//
	// Due: not stopped, and DatasetClient.Due has passed (protocol section 5, and WantSync).
	ScheduleDue(ctx context.Context, lease Lease, limit int) (Scheduled, error)
	// WantSync notes that sync runs are wanted before their time, in the dataset clients
	// that are active: an earlier wish stays. DatasetClient.Due says when such a run
	// becomes due; BeginRun fulfils all wishes.
	WantSync(ctx context.Context, wish SyncWish) error
	// RemoveIdle removes at most limit inactive dataset clients that were not accessed
	// for ClientSyncTimeout + retention, with their refs and the records that no
	// other dataset client holds. Each goes in whole or not at all. Returns how many.
	// ErrStale when the lease is not held.
	RemoveIdle(ctx context.Context, lease Lease, retention time.Duration, limit int) (int, error)
}

// Touch is one access to a dataset client.
type Touch struct {
	ID          string
	Dataset     string
	QueryParams []byte // JSON object
	MetaData    []byte // JSON object
	Config      record.SyncConfig
	At          time.Time
}

// Scheduled tells what a scheduler pass did.
type Scheduled struct {
	Jobs        int       // queued
	Deactivated int       // dataset clients that are not active any more
	Next        time.Time // when the next dataset client becomes due, zero when none will
}

// Runs is the life of a sync run. Runs of one dataset client never overlap.
type Runs interface {
	// BeginRun begins the run that a job (its claim's ID) asks for: SyncLoopStart = now and
	// SyncLoopEnd = now + the dataset client's BackendListTimeout. ErrBusy while another run
	// is under way and that time has not passed; after that the other run is
	// replaced and stale. ErrNotFound.
	BeginRun(ctx context.Context, clientID, jobID string) (Run, error)
	// ViewHashes reads uid and hash of every record of the view, no data, in no order.
	// The caller may take its time and use the store between two of them; what is
	// written meanwhile may or may not show. The view of an unknown dataset client is empty.
	ViewHashes(ctx context.Context, clientID string) iter.Seq2[UIDHash, error]
	// WriteRecords stores a batch of differences, each record in one step. Neither batch
	// nor run is atomic, nor need they be: devices hear of it when the run ends, and what
	// a run left half done the next one finds. Dataset clients that share a changed record get a new revision.
	// ErrStale.
	WriteRecords(ctx context.Context, run Run, upserts []record.Record, removes []string) error
	// EndRun ends the run: SyncLoopEnd = now, SyncScheduled = zero. With a contentHash the run
	// stored records: it becomes the dataset client's, SyncCompleted = true, and Revision
	// grows if the content hash or any record changed, or a change was applied since
	// the run before began (in the very millisecond counts: ChangedUIDs takes it for
	// later). With "" the run failed, and all else stays as it was: what
	// it wrote, and the changes applied before it, count for the next run that succeeds.
	// The same holds for a run that was replaced. ErrStale.
	EndRun(ctx context.Context, run Run, contentHash string) error
	// MarkRunEnded is for a job that was delivered a second time, since its worker died
	// or was paused: SyncLoopEnd = now, SyncScheduled = zero, and the run that this
	// job began, if it is still under way, is stale from now on. A run that another job began
	// is left alone, with everything else. ErrNotFound.
	MarkRunEnded(ctx context.Context, clientID, jobID string) error
}

// Run is a sync run under way.
type Run struct {
	Client record.DatasetClient // as it was before the run began
	Token  int64                // fencing token
}

// UIDHash is a record without its data.
type UIDHash struct{ UID, Hash string }

// Records reads what sync runs stored.
type Records interface {
	// ReadRecords returns the records of a dataset with these uids, in no order;
	// those that are not there (any more) are left out.
	ReadRecords(ctx context.Context, dataset string, uids []string) ([]record.Record, error)
}

// Leases let one holder at a time do a job in the whole cluster.
type Leases interface {
	// AcquireLease takes a free or expired lease. ok is false when another holds it.
	// Who holds it already gets it anew: its earlier lease is stale, so that a holder
	// that was restarted need not wait for itself.
	AcquireLease(ctx context.Context, name, holder string, ttl time.Duration) (lease Lease, ok bool, err error)
	// RenewLease keeps it for another ttl from now. ErrStale, also when its time has
	// passed and nobody took it.
	RenewLease(ctx context.Context, lease Lease, ttl time.Duration) error
	// ReleaseLease frees it for the next; releasing a stale lease does nothing.
	ReleaseLease(ctx context.Context, lease Lease) error
}

// Lease is a lease that was acquired. Token grows with each holder.
type Lease struct {
	Name  string
	Token int64
}
