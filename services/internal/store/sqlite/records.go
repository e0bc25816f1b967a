package sqlite

import (
	"context"
	"iter"
	"strings"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// view is one dataset client's records while a batch is written to them.
type view struct {
	tx      session
	dataset string
	client  int64          // fhsync_datasetClients.seq
	wrote   bool           // something changed
	shared  map[int64]bool // other dataset clients that hold a record that changed
}

// upsert makes the record what it should be and puts it into the view.
func (v *view) upsert(r record.Record) error {
	data := string(r.Data)
	var id int64
	changed, err := v.tx.get([]any{&id}, `INSERT INTO fhsync_records (datasetId, uid, hash, data) VALUES (?, ?, ?, ?)
		ON CONFLICT (datasetId, uid) DO UPDATE SET hash = excluded.hash, data = excluded.data
		WHERE hash <> excluded.hash OR data <> excluded.data RETURNING id`, v.dataset, r.UID, r.Hash, data)
	if err != nil {
		return err
	}
	if changed {
		if err := v.noteHolders(id); err != nil {
			return err
		}
	} else if _, err := v.tx.get([]any{&id}, selectRecordID, v.dataset, r.UID); err != nil {
		return err
	}
	added, err := v.tx.exec("INSERT OR IGNORE INTO fhsync_refs (client, record) VALUES (?, ?)", v.client, id)
	v.wrote = v.wrote || changed || added > 0
	return err
}

const selectRecordID = "SELECT id FROM fhsync_records WHERE datasetId = ? AND uid = ?"

// noteHolders notes the other dataset clients that hold a record.
func (v *view) noteHolders(record int64) error {
	_, err := collect(v.tx, func(row scanner) (none struct{}, err error) {
		var client int64
		err = row.Scan(&client)
		v.shared[client] = true
		return none, err
	}, "SELECT client FROM fhsync_refs WHERE record = ? AND client <> ?", record, v.client)
	return err
}

// remove takes a record out of the view; its data goes with the last view that
// holds it.
func (v *view) remove(uid string) error {
	var id int64
	found, err := v.tx.get([]any{&id}, selectRecordID, v.dataset, uid)
	if err != nil || !found {
		return err
	}
	n, err := v.tx.exec("DELETE FROM fhsync_refs WHERE client = ? AND record = ?", v.client, id)
	if err != nil || n == 0 {
		return err
	}
	v.wrote = true
	_, err = v.tx.exec("DELETE FROM fhsync_records WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM fhsync_refs WHERE record = ?1)", id)
	return err
}

// bumpRevisions gives those that share a changed record a new revision at once:
// their devices would get the new data with the next look, under the old global
// hash. The view's own revision grows when its run ends.
func (v *view) bumpRevisions() error {
	for client := range v.shared {
		if _, err := v.tx.exec("UPDATE fhsync_datasetClients SET revision = revision + 1 WHERE seq = ?", client); err != nil {
			return err
		}
	}
	if !v.wrote {
		return nil
	}
	_, err := v.tx.exec("UPDATE fhsync_datasetClients SET runWrote = 1 WHERE seq = ?", v.client)
	return err
}

// hashPage is how many records ViewHashes reads at a time. Between two pages it
// holds nothing, so that the caller may write, or be slow.
const hashPage = 2000

// viewHash is a row of ViewHashes.
type viewHash struct {
	record int64
	store.UIDHash
}

// ViewHashes reads uid and hash of every record of a view; see store.Runs. A
// view that nobody knows is empty.
func (s *Store) ViewHashes(ctx context.Context, clientID string) iter.Seq2[store.UIDHash, error] {
	return func(yield func(store.UIDHash, error) bool) {
		for last := int64(-1); ; {
			var page []viewHash
			err := s.read(ctx, "read the hashes of a view", func(tx session) (err error) {
				page, err = collect(tx, func(row scanner) (h viewHash, err error) {
					return h, row.Scan(&h.record, &h.UID, &h.Hash)
				}, `SELECT r.id, r.uid, r.hash FROM fhsync_refs AS f JOIN fhsync_records AS r ON r.id = f.record
					WHERE f.client = (SELECT seq FROM fhsync_datasetClients WHERE id = ?) AND f.record > ?
					ORDER BY f.record LIMIT ?`, clientID, last, hashPage)
				return err
			})
			if err != nil {
				yield(store.UIDHash{}, err)
				return
			}
			for _, h := range page {
				if !yield(h.UIDHash, nil) {
					return
				}
				last = h.record
			}
			if len(page) < hashPage {
				return
			}
		}
	}
}

// readChunks are how many records one statement asks for; a smaller rest is
// filled up, so that few statements serve every number.
var readChunks = []int{1, 10, 100}

// ReadRecords returns records by uid; see store.Records.
func (s *Store) ReadRecords(ctx context.Context, dataset string, uids []string) ([]record.Record, error) {
	records := make([]record.Record, 0, len(uids))
	err := s.read(ctx, "read records", func(tx session) error {
		for len(uids) > 0 {
			size := readChunks[0]
			for _, larger := range readChunks[1:] {
				if len(uids) > size {
					size = larger
				}
			}
			args := make([]any, 1, 1+size)
			args[0] = dataset
			for i := range size {
				args = append(args, uids[min(i, len(uids)-1)])
			}
			uids = uids[min(size, len(uids)):]
			found, err := collect(tx, scanRecord, "SELECT uid, hash, data FROM fhsync_records WHERE datasetId = ? AND uid IN (?"+
				strings.Repeat(", ?", size-1)+")", args...)
			if err != nil {
				return err
			}
			records = append(records, found...)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

func scanRecord(row scanner) (r record.Record, err error) {
	return r, row.Scan(&r.UID, &r.Hash, rawJSON{&r.Data})
}
