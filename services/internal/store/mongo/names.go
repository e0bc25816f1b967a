package mongo

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"unicode/utf8"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// The collections (protocol section 6), and those that Tandem adds.
const (
	collClients    = "fhsync_datasetClients"
	collLocks      = "fhsync_locks"
	collUIDs       = "fhsync_uids"       // what made-up uids became, by device
	collDatasets   = "fhsync_datasets"   // what holds for a dataset as a whole
	collCounters   = "fhsync_counters"   // numbers that never repeat
	collMigrations = "fhsync_migrations" // what was done to the data, once
)

func updatesOf(dataset string) string { return "fhsync_" + dataset + "_updates" }
func recordsOf(dataset string) string { return "fhsync_" + dataset + "_records" }

func (s *Store) pending() coll { return s.coll(string(store.QueuePending)) }
func (s *Store) clients() coll { return s.coll(collClients) }

// digest names several texts together, whatever they hold.
func digest(parts ...string) string {
	h := sha256.New()
	var size [binary.MaxVarintLen64]byte
	for _, part := range parts {
		h.Write(binary.AppendUvarint(size[:0], uint64(len(part)))) // so that no part borrows from the next
		h.Write([]byte(part))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:18])
}

// changeKey names a change: all its versions, and its update.
func changeKey(c record.Change) string { return digest(c.Dataset, c.CUID, c.Hash) }

// maxPlain is how long a uid may be to stand in the name of its line.
const maxPlain = 100

// lineOf names the line of a record: readable where that is possible.
func lineOf(dataset, recordUID string) string {
	if len(recordUID) <= maxPlain && utf8.ValidString(recordUID) {
		return dataset + "/" + recordUID
	}
	return dataset + "/#" + digest(recordUID)
}

// aliasKey names what a device's made-up uid became.
func aliasKey(dataset, cuid, madeUp string) string { return digest(dataset, cuid, madeUp) }
