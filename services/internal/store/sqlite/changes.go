package sqlite

import (
	"context"
	"errors"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// EnqueueChanges stores the changes of one request; see store.Changes.
func (s *Store) EnqueueChanges(ctx context.Context, changes []record.Change) (store.EnqueueResult, error) {
	digests := make([]string, len(changes)) // hashed here: the writer is everybody's
	for i, c := range changes {
		if c.CUID == "" || c.Hash == "" {
			return store.EnqueueResult{}, errors.New("sqlite: enqueue changes: a change without cuid or hash")
		}
		digests[i] = c.Digest()
	}
	if len(changes) == 0 {
		return store.EnqueueResult{}, ctx.Err()
	}
	var result store.EnqueueResult
	err := s.write(ctx, "enqueue changes", func(tx session) error {
		for i, c := range changes {
			queued, err := enqueueChange(tx, c, digests[i])
			if err != nil {
				return err
			}
			if queued {
				result.Queued++
			} else {
				result.Repeated++
			}
		}
		return nil
	})
	if err != nil {
		return store.EnqueueResult{}, err
	}
	return result, nil
}

// version is one content that a device sent under one hash. id is 0 where the
// log of done changes forgot it, and its update alone tells of it.
type version struct {
	id     int64
	digest string
	done   bool
}

const selectVersions = `SELECT id, digest, deleted IS NOT NULL FROM fhsync_pending_queue
		WHERE datasetId = ?1 AND cuid = ?2 AND hash = ?3
	UNION ALL SELECT 0, digest, TRUE FROM fhsync_updates WHERE datasetId = ?1 AND cuid = ?2 AND hash = ?3
	ORDER BY 1 DESC`

// enqueueChange queues a change, unless it is known; then it reports its result
// once more where there is one.
func enqueueChange(tx session, c record.Change, digest string) (queued bool, err error) {
	versions, err := collect(tx, func(row scanner) (v version, err error) {
		return v, row.Scan(&v.id, &v.digest, &v.done)
	}, selectVersions, c.Dataset, c.CUID, c.Hash)
	if err != nil {
		return false, err
	}
	if len(versions) > 0 {
		same, err := digestsOf(tx, c, digest)
		if err != nil {
			return false, err
		}
		newerWaits := false
		for _, v := range versions {
			switch {
			case !same[v.digest]:
				newerWaits = newerWaits || !v.done
			case !v.done || newerWaits:
				return false, nil // its result, or that of the newer version, is to come
			default:
				return false, tellAgain(tx, c, versions[0]) // the newest: what the device holds
			}
		}
		if err := hideUpdate(tx, c); err != nil {
			return false, err
		}
	}
	return true, insertChange(tx, c, digest)
}

// tellAgain reports the result of a version that is done once more. A device that
// sends a change again had it pending until now, and has passed over what it was
// told of its record meanwhile: it must look again.
func tellAgain(tx session, c record.Change, v version) error {
	var err error
	if v.id == 0 {
		err = renewUpdate(tx, c)
	} else {
		err = reportAgain(tx, c, v.id)
	}
	if err == nil {
		_, err = tx.exec("UPDATE fhsync_datasetClients SET revision = revision + 1 WHERE id = ?", c.ClientID)
	}
	return err
}

// digestsOf returns the digests by which a change may be known: a device that
// learned the real uid of a record that it made sends the same change again under
// that.
func digestsOf(tx session, c record.Change, digest string) (map[string]bool, error) {
	same := map[string]bool{digest: true}
	if c.UID == "" {
		return same, nil
	}
	real, err := recordUID(tx, c)
	if err != nil {
		return nil, err
	}
	names, err := collect(tx, func(row scanner) (name string, err error) {
		return name, row.Scan(&name)
	}, "SELECT madeUp FROM fhsync_uids WHERE datasetId = ? AND cuid = ? AND uid = ?", c.Dataset, c.CUID, real)
	if err != nil {
		return nil, err
	}
	for _, name := range append(names, real) {
		if name != c.UID {
			other := c
			other.UID = name
			same[other.Digest()] = true
		}
	}
	return same, nil
}

// insertChange queues a change behind those of its record.
func insertChange(tx session, c record.Change, digest string) error {
	uid, err := recordUID(tx, c)
	if err != nil {
		return err
	}
	_, err = tx.exec(`INSERT INTO fhsync_pending_queue
		(datasetId, cuid, hash, digest, datasetClient, action, uid, recordUid, timestamp, invalid,
		 enqueued, visible, meta_data, pre, post, head)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?12, ?13, ?14,
		 NOT EXISTS (SELECT 1 FROM fhsync_pending_queue WHERE datasetId = ?1 AND recordUid = ?8 AND head = 1))`,
		c.Dataset, c.CUID, c.Hash, digest, c.ClientID, string(c.Action), c.UID, uid, c.Timestamp, c.Invalid,
		tx.now, text(c.MetaData), text(c.Pre), text(c.Post))
	return err
}

// ChangedUIDs reads what a device changed; see store.Changes.
func (s *Store) ChangedUIDs(ctx context.Context, dataset, cuid string, since time.Time) ([]string, error) {
	var uids []string
	err := s.read(ctx, "read changed uids", func(tx session) error {
		seen := map[string]bool{}
		add := func(row scanner) (none struct{}, err error) {
			var names [3]string
			err = row.Scan(&names[0], &names[1], &names[2])
			for _, uid := range names {
				if uid != "" && !seen[uid] {
					seen[uid] = true
					uids = append(uids, uid)
				}
			}
			return none, err
		}
		const of = `SELECT uid, recordUid, COALESCE(outcomeUid, '') FROM fhsync_pending_queue WHERE datasetId = ? AND cuid = ? AND `
		if _, err := collect(tx, add, of+"deleted IS NULL", dataset, cuid); err != nil {
			return err
		}
		_, err := collect(tx, add, of+"deleted >= ? AND type = 'applied'", dataset, cuid, millis(since))
		return err
	})
	if err != nil {
		return nil, err
	}
	return uids, nil
}
