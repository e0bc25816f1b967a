package mongo

import (
	"context"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
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
		page, err := s.pending().all(ctx, foreignChange, find().SetSort(bson.D{is("_id", 1)}).SetLimit(adoptPage))
		if err != nil || len(page) == 0 {
			return n, err
		}
		n += len(page)
		for len(page) > 0 {
			done := leadingDone(page)
			if len(done) > 0 {
				err = s.adoptDone(ctx, done)
				page = page[len(done):]
			} else {
				err = s.adoptWaiting(ctx, page[0], foreignChangeOf(page[0]))
				page = page[1:]
			}
			if err != nil {
				return n, err
			}
		}
	}
}

// doneChange is a change that a reference server did.
type doneChange struct {
	d bson.Raw
	c record.Change
}

// leadingDone are the changes at the head of a page that are done, up to the first
// that waits or is a second version of one among them.
func leadingDone(page []bson.Raw) (done []doneChange) {
	seen := map[string]bool{}
	for _, d := range page {
		c := foreignChangeOf(d)
		if !has(d, "deleted") || seen[changeKey(c)] {
			break
		}
		seen[changeKey(c)] = true
		done = append(done, doneChange{d, c})
	}
	return done
}

// adoptDone takes over changes that are done.
func (s *Store) adoptDone(ctx context.Context, all []doneChange) error {
	changes := make([]record.Change, len(all))
	for i, one := range all {
		changes[i] = one.c
	}
	known, err := s.versionsOf(ctx, changes)
	if err != nil {
		return err
	}
	results, err := s.resultsOf(ctx, changes)
	if err != nil {
		return err
	}
	var made []madeUID
	var messages []mongo.WriteModel
	updates := map[string][]mongo.WriteModel{}
	for _, one := range all {
		r, told := results[changeKey(one.c)]
		if !told || !answerable(one.c) {
			messages = append(messages, mongo.NewUpdateOneModel().SetFilter(bson.D{is("_id", id(one.d))}).
				SetUpdate(bson.D{set(is("change", forgotten)), unset("head", "line", "version")}))
			continue
		}
		made = append(made, madeUID{one.c, r.kind, r.uid})
		message, update := one.adopt(r, known[changeKey(one.c)])
		messages = append(messages, message)
		updates[one.c.Dataset] = append(updates[one.c.Dataset], update)
	}
	if err := s.adoptUIDs(ctx, made); err != nil {
		return err
	}
	for dataset, writes := range updates {
		if _, err := s.coll(updatesOf(dataset)).bulk(ctx, writes); err != nil {
			return err
		}
	}
	if _, err := s.pending().bulk(ctx, messages); err != nil {
		return err
	}
	for _, one := range all { // Tandem's messages stood in a line
		if line := text(one.d, "line"); line != "" {
			if err := s.promote(ctx, line); err != nil {
				return err
			}
		}
	}
	return nil
}

// adopt is what is written into the message of a change that is done, and into its
// update. A message of Tandem's has its version already.
func (one doneChange) adopt(r foreignResult, versions []version) (message, update mongo.WriteModel) {
	c, fields := one.c, []bson.E(nil)
	n, digest := number(one.d, "n"), text(one.d, "digest")
	if !has(one.d, "change") {
		in := insert{change: c, digest: c.Digest(), n: 1}
		// An update that nothing else is known of is this one's result, and no version
		// of its own.
		versions = slices.DeleteFunc(versions, func(v version) bool { return v.doc == nil && (v.digest == "" || v.digest == in.digest) })
		if len(versions) > 0 {
			in.n = versions[0].n + 1
		}
		n, digest = in.n, in.digest
		fields = []bson.E{is("change", changeKey(c)), is("version", in.version()), is("n", n), is("digest", digest),
			is("enqueued", id(one.d).Timestamp().UnixMilli())}
	}
	uid := c.UID
	if r.uid != "" {
		uid = r.uid
	}
	outcome, wrote := r.outcomeDoc(c)
	fields = append(fields, is("outcome", outcome), is("recordUid", name(uid)), is("reported", r.timestamp))
	message = mongo.NewUpdateOneModel().SetFilter(bson.D{is("_id", id(one.d))}).SetUpdate(bson.D{set(fields...), unset("head", "line")})
	// A reference server also writes its result into the mark of hideUpdate, which has
	// no n.
	update = mongo.NewUpdateOneModel().SetFilter(bson.D{is("_id", changeKey(c)), present("type"), either(bson.D{absent("n")}, bson.D{op("n", "$lte", n)})}).
		SetUpdate(bson.D{set(is("n", n), is("digest", digest), is("wrote", wrote))})
	return message, update
}

// answerable: somebody can be told what became of it.
func answerable(c record.Change) bool { return c.CUID != "" && c.Hash != "" && c.Dataset != "" }

// adoptWaiting takes over a change that is to be done, as EnqueueChanges would have.
func (s *Store) adoptWaiting(ctx context.Context, d bson.Raw, c record.Change) error {
	if !answerable(c) {
		return s.forget(ctx, d, c, "it names no device, change or dataset and can't be answered")
	}
	known, err := s.versionsOf(ctx, []record.Change{c})
	if err != nil {
		return err
	}
	versions := known[changeKey(c)]
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

// forget takes a message that waits out of the queue and the log.
func (s *Store) forget(ctx context.Context, d bson.Raw, c record.Change, why string) error {
	s.options.Logger.Warn("a message of the pending queue was dropped", "why", why, "dataset", c.Dataset, "cuid", c.CUID, "change", c.Hash)
	_, err := s.pending().update(ctx, bson.D{is("_id", d.Lookup("_id"))}, bson.D{set(is("change", forgotten), is("deleted", date(s.now())))})
	return err
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
