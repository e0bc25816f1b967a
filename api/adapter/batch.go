package adapter

import adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"

// A batch ends before it has more than batchCount records or batchBytes bytes,
// so that messages stay under gRPC's usual limit of 4 MB. A record that is larger
// by itself goes alone.
const (
	batchCount = 500
	batchBytes = 2 << 20
)

// batcher collects records and sends them on in batches.
type batcher struct {
	send  func([]*adapterv1.Record) error
	batch []*adapterv1.Record
	bytes int
}

// add takes a record; the data must not be changed afterwards.
func (b *batcher) add(uid string, data []byte) error {
	size := len(uid) + len(data)
	if len(b.batch) > 0 && (len(b.batch) >= batchCount || b.bytes+size > batchBytes) {
		if err := b.flush(); err != nil {
			return err
		}
	}
	b.batch = append(b.batch, &adapterv1.Record{Uid: uid, Data: data})
	b.bytes += size
	return nil
}

// flush sends what is left, if anything is.
func (b *batcher) flush() error {
	if len(b.batch) == 0 {
		return nil
	}
	batch := b.batch
	b.batch, b.bytes = nil, 0
	return b.send(batch)
}
