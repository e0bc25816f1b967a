package syncworker

import (
	"iter"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// Bounds of one batch that is written to the store.
const (
	batchRecords = 1000
	batchBytes   = 4 << 20
)

// difference is what a list of the backend has that the stored view has not.
type difference struct {
	upserts     []record.Record
	removes     []string
	contentHash string // of the whole list
}

// compareList hashes a list as it comes and keeps what differs from stored
// (uid to hash), which it empties. A uid that comes twice counts once.
func compareList(hasher record.Hasher, list iter.Seq2[record.Record, error], stored map[string]string, twice func(uid string)) (difference, error) {
	var d difference
	var content record.GlobalHash
	seen := make(map[string]struct{}, len(stored))
	for r, err := range list {
		if err != nil {
			return difference{}, err
		}
		if _, ok := seen[r.UID]; ok {
			twice(r.UID)
			continue
		}
		seen[r.UID] = struct{}{}
		hash, err := hasher(r.Data)
		if err != nil {
			return difference{}, err
		}
		content.Add(r.UID, hash)
		if old, ok := stored[r.UID]; !ok || old != hash {
			d.upserts = append(d.upserts, record.Record{UID: r.UID, Hash: hash, Data: r.Data})
		}
		delete(stored, r.UID)
	}
	for uid := range stored {
		d.removes = append(d.removes, uid)
	}
	d.contentHash = content.String()
	return d, nil
}

type batch struct {
	upserts []record.Record
	removes []string
}

// batches cuts the difference into pieces that the store takes in one call.
func (d difference) batches() iter.Seq[batch] {
	return func(yield func(batch) bool) {
		start, bytes := 0, 0
		for i, r := range d.upserts {
			bytes += len(r.Data)
			if i-start+1 < batchRecords && bytes < batchBytes {
				continue
			}
			if !yield(batch{upserts: d.upserts[start : i+1]}) {
				return
			}
			start, bytes = i+1, 0
		}
		if start < len(d.upserts) && !yield(batch{upserts: d.upserts[start:]}) {
			return
		}
		for start := 0; start < len(d.removes); start += batchRecords {
			if !yield(batch{removes: d.removes[start:min(start+batchRecords, len(d.removes))]}) {
				return
			}
		}
	}
}
