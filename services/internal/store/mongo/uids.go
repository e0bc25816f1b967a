package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// aliases are the real uids of made-up ones, by aliasKey.
type aliases map[string]string

// aliasesOf reads what the uids of changes became.
func (s *Store) aliasesOf(ctx context.Context, changes []record.Change) (aliases, error) {
	keys := bson.A{}
	for _, c := range changes {
		if c.UID != "" {
			keys = append(keys, aliasKey(c.Dataset, c.CUID, c.UID))
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	docs, err := s.coll(collUIDs).all(ctx, bson.D{op("_id", "$in", keys)})
	if err != nil {
		return nil, err
	}
	found := aliases{}
	for _, d := range docs {
		found[text(d, "_id")] = text(d, "uid")
	}
	return found, nil
}

// recordUID is the record of a change as known. A change without uid can only
// fail; by its hash it stands in nobody's way.
func (a aliases) recordUID(c record.Change) string {
	if c.UID == "" {
		return c.Hash
	}
	if uid, ok := a[aliasKey(c.Dataset, c.CUID, c.UID)]; ok {
		return uid
	}
	return c.UID
}

// digestsOf returns the digests by which a change may be known: a device that
// learned the real uid of a record that it made sends the same change again under
// that.
func (s *Store) digestsOf(ctx context.Context, c record.Change, digest, real string) (map[string]bool, error) {
	same := map[string]bool{digest: true}
	if c.UID == "" {
		return same, nil
	}
	docs, err := s.coll(collUIDs).all(ctx, bson.D{is("datasetId", c.Dataset), is("cuid", name(c.CUID)), is("uid", name(real))})
	if err != nil {
		return nil, err
	}
	other := c
	for _, uid := range append(madeUp(docs), real) {
		if other.UID = uid; uid != c.UID {
			same[other.Digest()] = true
		}
	}
	return same, nil
}

func madeUp(docs []bson.Raw) (uids []string) {
	for _, d := range docs {
		uids = append(uids, text(d, "madeUp"))
	}
	return uids
}

// mapUID remembers that the made-up uid of a create became uid, and moves the
// device's changes that wait under the made-up uid to the record's line. Devices use
// the create's hash as the made-up uid, so that both names count. It returns the
// lines that need a new head.
func (s *Store) mapUID(ctx context.Context, q finished, uid string) ([]string, error) {
	for _, madeUp := range []string{q.uid, q.hash} {
		if madeUp == "" || madeUp == uid {
			continue
		}
		filter, update := s.aliasOf(q.dataset, q.cuid, madeUp, uid)
		if _, err := s.coll(collUIDs).upsert(ctx, filter, update); err != nil {
			return nil, err
		}
	}
	line := lineOf(q.dataset, uid)
	lines := []string{line}
	for _, old := range []string{q.line, lineOf(q.dataset, q.hash)} {
		if old == line || old == "" {
			continue
		}
		// An unclaimed head that leaves must not leave the line without one: all
		// lines get theirs from promote.
		if _, err := s.pending().updateAll(ctx, bson.D{is("line", old), absent("deleted"), is("payload.cuid", name(q.cuid)),
			op("payload.uid", "$in", names([]string{q.uid, q.hash}))},
			bson.D{set(is("line", line), is("recordUid", name(uid))), unset("head")}); err != nil {
			return nil, err
		}
		lines = append(lines, old)
	}
	return lines, nil
}

// aliasOf is the upsert that remembers what a made-up uid became.
func (s *Store) aliasOf(dataset, cuid, madeUp, uid string) (filter, update bson.D) {
	return bson.D{is("_id", aliasKey(dataset, cuid, madeUp))}, bson.D{set(
		is("datasetId", dataset), is("cuid", name(cuid)), is("madeUp", name(madeUp)), is("uid", name(uid)),
		is("expires", date(s.now().Add(s.options.AliasTTL))))}
}
