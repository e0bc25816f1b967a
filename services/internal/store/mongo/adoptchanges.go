package mongo

import (
	"context"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// forgotten marks messages that can't be told about: nothing finds them again.
const forgotten = ""

// adoptChanges takes over the pending queue, in its order: what waits gets its place
// in its record's line, what is done is known when it is sent again. A claim that is
// in force stays so until it ends.
func (s *Store) adoptChanges(ctx context.Context) (n int, err error) {
	for {
		docs, err := s.pending().all(ctx, foreignChange, find().SetSort(bson.D{is("_id", 1)}).SetLimit(adoptPage))
		if err != nil || len(docs) == 0 {
			return n, err
		}
		for _, d := range docs {
			if err := s.adoptChange(ctx, d, foreignChangeOf(d)); err != nil {
				return n, err
			}
			n++
		}
	}
}

func (s *Store) adoptChange(ctx context.Context, d bson.Raw, c record.Change) error {
	switch {
	case c.CUID == "" || c.Hash == "" || c.Dataset == "":
		return s.forget(ctx, d, c, "it names no device, change or dataset and can't be answered")
	case has(d, "deleted") && has(d, "change"):
		return s.adoptDone(ctx, d, c, number(d, "n"), nil)
	}
	known, err := s.versionsOf(ctx, []record.Change{c})
	if err != nil {
		return err
	}
	versions := known[changeKey(c)]
	if has(d, "deleted") {
		in := insert{change: c, digest: c.Digest(), n: 1}
		// An update that nothing else is known of is this one's result, and no version
		// of its own.
		versions = slices.DeleteFunc(versions, func(v version) bool { return v.doc == nil && (v.digest == "" || v.digest == in.digest) })
		if len(versions) > 0 {
			in.n = versions[0].n + 1
		}
		return s.adoptDone(ctx, d, c, in.n, []bson.E{is("change", changeKey(c)), is("version", in.version()), is("n", in.n),
			is("digest", in.digest), is("enqueued", id(d).Timestamp().UnixMilli())})
	}
	return s.adoptWaiting(ctx, d, c, versions)
}

// adoptDone takes over a change that a reference server did.
func (s *Store) adoptDone(ctx context.Context, d bson.Raw, c record.Change, n int64, fields []bson.E) error {
	r, err := s.resultOf(ctx, c)
	if err != nil {
		return err
	}
	if r == nil {
		return s.forget(ctx, d, c, "nothing tells what became of it")
	}
	outcome, wrote := r.outcomeDoc(c)
	digest := text(d, "digest")
	for _, f := range fields {
		if f.Key == "digest" {
			digest, _ = f.Value.(string)
		}
	}
	key := changeKey(c)
	if _, err := s.coll(updatesOf(c.Dataset)).update(ctx, bson.D{is("_id", key), op("n", "$lte", n)},
		bson.D{set(is("n", n), is("digest", digest), is("wrote", wrote))}); err != nil {
		return err
	}
	if err := s.adoptUID(ctx, c, r.kind, r.uid); err != nil {
		return err
	}
	uid := c.UID
	if r.uid != "" {
		uid = r.uid
	}
	fields = append(fields, is("outcome", outcome), is("recordUid", name(uid)), is("reported", r.timestamp))
	if _, err := s.pending().update(ctx, bson.D{is("_id", d.Lookup("_id"))}, bson.D{set(fields...), unset("head", "line")}); err != nil {
		return err
	}
	return s.promoteIf(ctx, text(d, "line"))
}

func (s *Store) promoteIf(ctx context.Context, line string) error {
	if line == "" {
		return nil
	}
	return s.promote(ctx, line)
}

// adoptWaiting takes over a change that is to be done, as EnqueueChanges would have.
func (s *Store) adoptWaiting(ctx context.Context, d bson.Raw, c record.Change, versions []version) error {
	if later, err := s.doneLater(ctx, d, c); err != nil || later {
		if err != nil {
			return err
		}
		return s.forget(ctx, d, c, "the device sent it again, and that is done")
	}
	aliases, err := s.aliasesOf(ctx, []record.Change{c})
	if err != nil {
		return err
	}
	uid := aliases.recordUID(c)
	in := insert{change: c, digest: c.Digest(), n: 1, recordUID: uid, line: lineOf(c.Dataset, uid)}
	if len(versions) > 0 {
		same, err := s.digestsOf(ctx, c, in.digest, uid)
		if err != nil {
			return err
		}
		_, repeated, tell := recognise(versions, same)
		if tell {
			// With this message the device asked for the result again, and may have
			// acknowledged the one before in the same breath.
			if err := s.tellAgain(ctx, again{c, versions[0]}); err != nil {
				return err
			}
		}
		if repeated {
			return s.forget(ctx, d, c, "the device sent it twice")
		}
		in.n, in.earlier = versions[0].n+1, earlierOf(versions)
		// Hidden before the message has its number: after a crash in between it is
		// the same number again.
		if err := s.hideUpdate(ctx, c, in.n); err != nil {
			return err
		}
	}
	if has(d, "ack") && c.Action == record.ActionCreate {
		s.options.Logger.Warn("a reference server began a create and did not say how it ended: should it have reached the backend, the record is there twice",
			"dataset", c.Dataset, "cuid", c.CUID, "change", c.Hash)
	}
	fields := []bson.E{is("change", changeKey(c)), is("version", in.version()), is("n", in.n), is("digest", in.digest),
		is("recordUid", name(uid)), is("line", in.line), is("enqueued", id(d).Timestamp().UnixMilli()), is("payload.action", string(c.Action))}
	if c.Invalid != "" {
		fields = append(fields, is("invalid", c.Invalid))
	}
	if !in.earlier.IsZero() {
		fields = append(fields, is("earlier", in.earlier))
	}
	if _, err := s.pending().update(ctx, bson.D{is("_id", d.Lookup("_id"))}, bson.D{set(fields...)}); err != nil {
		return err
	}
	return s.promote(ctx, in.line)
}

// doneLater tells whether a reference server did the same change, or a newer version
// of it, that came behind this one: it did not wait for one that it had begun before.
func (s *Store) doneLater(ctx context.Context, d bson.Raw, c record.Change) (bool, error) {
	later, err := s.pending().one(ctx, bson.D{is("payload.hash", name(c.Hash)), is("payload.cuid", name(c.CUID)), is("payload.datasetId", c.Dataset),
		op("_id", "$gt", d.Lookup("_id")), present("deleted"), op("change", "$ne", forgotten)}, options.FindOne().SetProjection(only("_id")))
	return later != nil, err
}

// forget takes a message out of the queue and the log.
func (s *Store) forget(ctx context.Context, d bson.Raw, c record.Change, why string) error {
	fields := []bson.E{is("change", forgotten)}
	if !has(d, "deleted") {
		s.options.Logger.Warn("a message of the pending queue was dropped", "why", why, "dataset", c.Dataset, "cuid", c.CUID, "change", c.Hash)
		fields = append(fields, is("deleted", date(s.now())))
	}
	if _, err := s.pending().update(ctx, bson.D{is("_id", d.Lookup("_id"))}, bson.D{set(fields...), unset("head", "line", "version")}); err != nil {
		return err
	}
	return s.promoteIf(ctx, text(d, "line"))
}

// foreignChangeOf reads a change as the device sent it: the reference server keeps
// what it can't apply, too.
func foreignChangeOf(d bson.Raw) record.Change {
	c := changeOf(d)
	c.Action = record.Action(strings.ToLower(string(c.Action)))
	for _, field := range []string{"action", "uid"} {
		if v := d.Lookup("payload", field); has(d, "payload", field) && v.Type != bson.TypeString {
			c.Invalid = field + " is not a text"
		}
	}
	return c
}
