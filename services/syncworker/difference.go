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

// difference is what a list of the backend has that the stored view has not. It is
// to be closed.
type difference struct {
	upserts     pile
	removes     []string
	contentHash string // of the whole list
}

// compareList hashes a list as it comes and keeps what differs from stored
// (uid to hash), which it empties. A uid that comes twice counts once.
func compareList(hasher record.Hasher, list iter.Seq2[record.Record, error], stored map[string]string, twice func(uid string)) (d difference, err error) {
	defer func() {
		if err != nil {
			_ = d.close() // what went wrong first counts
			d = difference{}
		}
	}()
	var content record.GlobalHash
	seen := make(map[string]struct{}, len(stored))
	for r, err := range list {
		if err != nil {
			return d, err
		}
		if _, ok := seen[r.UID]; ok {
			twice(r.UID)
			continue
		}
		seen[r.UID] = struct{}{}
		hash, err := hasher(r.Data)
		if err != nil {
			return d, err
		}
		content.Add(r.UID, hash)
		if old, ok := stored[r.UID]; !ok || old != hash {
			if err := d.upserts.add(record.Record{UID: r.UID, Hash: hash, Data: r.Data}); err != nil {
				return d, err
			}
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

// size is how many records differ.
func (d *difference) size() int { return d.upserts.n + len(d.removes) }

func (d *difference) close() error { return d.upserts.close() }

// batches cuts the difference into pieces that the store takes in one call. A small one
// is one piece, so that devices do not see what is new beside what is gone.
func (d *difference) batches() iter.Seq2[batch, error] {
	return func(yield func(batch, error) bool) {
		var next batch
		bytes := 0
		for r, err := range d.upserts.all() {
			if err != nil {
				yield(batch{}, err)
				return
			}
			next.upserts, bytes = append(next.upserts, r), bytes+len(r.Data)
			if len(next.upserts) < batchRecords && bytes < batchBytes {
				continue
			}
			if !yield(next, nil) {
				return
			}
			next, bytes = batch{}, 0
		}
		left := d.removes
		for len(next.upserts)+len(left) > 0 {
			n := min(batchRecords-len(next.upserts), len(left))
			next.removes, left = left[:n], left[n:]
			if !yield(next, nil) {
				return
			}
			next = batch{}
		}
	}
}
