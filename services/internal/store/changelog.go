package store

import (
	"context"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// ChangeLog tells people what became of a change. It reads the queues as they
// are, done messages included, for as long as the log keeps them.
type ChangeLog interface {
	// FindChanges returns what is known of the changes that match, the newest first.
	// A change that matches by UID has it as the uid that was sent, as the record's
	// real one, or as that of its outcome.
	FindChanges(ctx context.Context, q ChangeQuery) ([]ChangeStory, error)
	// RecordViews tells where a record stands: its hash as the last sync run stored it,
	// and the ids of the dataset clients that hold it, in order. Both are empty when no
	// dataset client holds it.
	RecordViews(ctx context.Context, dataset, uid string) (hash string, clients []string, err error)
}

// ChangeQuery selects changes. Empty fields match all; Hash, CUID or UID is set.
type ChangeQuery struct {
	Dataset, Hash, CUID, UID string
	Limit                    int // at most so many; 100 if not positive
}

// ChangeStory is what the store knows of one version of one change.
type ChangeStory struct {
	Change    record.Change // without Pre, Post and MetaData: no record data is told
	RecordUID string        // the record as known now
	Enqueued  time.Time     // when it was received
	Tries     int           // how often it was claimed
	// Visible is when it can be claimed (again); while Claimed, when the claim ends. It
	// means nothing once the change is done.
	Visible time.Time
	Claimed bool
	// Behind is the hash of the change to the same record that must be done first, "" if none.
	Behind string
	// Done is when it was done, zero while it is not. Where the log forgot the change and
	// its update is all that is known, that one's timestamp, and Enqueued is zero.
	Done    time.Time
	Outcome *Outcome // nil: not done
	// Reported is the timestamp of the last update saved for it; zero if none was.
	Reported time.Time
	// Waiting is the update that its device has not acknowledged yet, nil if there is none.
	Waiting *record.Update
	// Acknowledged is when the newest acknowledgement of its last update was worked off;
	// zero if none was, or the log has forgotten it. That of an update that was saved
	// before (Reported is its successor's) does not count.
	Acknowledged time.Time
}

// SyncWish asks for sync runs since a change was applied (see DatasetClients.WantSync).
type SyncWish struct {
	Dataset  string
	ClientID string    // the view that the change came through; "" if all are alike
	At       time.Time // when its run is wanted
	OthersAt time.Time // when those of the dataset's other views are wanted; zero: not
}
