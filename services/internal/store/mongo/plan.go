package mongo

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

func find() *options.FindOptionsBuilder { return options.Find() }

// plan is what an enqueue has to write.
type plan struct {
	inserts []insert // in their order
	joined  []string // lines that had others before
	again   []again
}

// insert is a change, or a newer version of one, to be queued.
type insert struct {
	change    record.Change
	digest    string
	n         int64
	recordUID string
	line      string
	head      bool
	earlier   bson.RawValue // the outcome of an older version, zero if there is none
}

func (in insert) version() string { return changeKey(in.change) + "#" + strconv.FormatInt(in.n, 10) }

// doc is the message. ErrTooLarge.
func (in insert) doc(id bson.ObjectID, now time.Time) (bson.D, error) {
	c := in.change
	pre, post, meta := jsonValue(c.Pre), jsonValue(c.Post), jsonValue(c.MetaData)
	if !fit(pre, post, meta, name(c.UID), name(c.Hash), name(c.CUID), name(c.Invalid)) {
		return nil, fmt.Errorf("change %.40q: %w", c.Hash, store.ErrTooLarge)
	}
	d := bson.D{
		is("_id", id),
		is("visible", visible(now)),
		is("payload", bson.D{
			is("action", name(string(c.Action))), is("uid", name(c.UID)), is("pre", pre), is("post", post),
			is("hash", name(c.Hash)), is("timestamp", c.Timestamp), is("datasetId", c.Dataset), is("cuid", name(c.CUID)),
			is("meta_data", meta), is("datasetClient", bson.D{is("id", name(c.ClientID)), is("datasetId", c.Dataset)}),
		}),
		is("change", changeKey(c)), is("version", in.version()), is("n", in.n), is("digest", in.digest),
		is("recordUid", name(in.recordUID)), is("line", in.line), is("enqueued", millis(now)),
	}
	if c.Invalid != "" {
		d = append(d, is("invalid", name(c.Invalid)))
	}
	if in.head {
		d = append(d, is("head", in.line))
	}
	if !in.earlier.IsZero() {
		d = append(d, is("earlier", in.earlier))
	}
	return d, nil
}

func idsOf(docs []bson.D) bson.A {
	ids := make(bson.A, len(docs))
	for i, d := range docs {
		ids[i] = d[0].Value
	}
	return ids
}

// again is a result to be reported once more: of the newest version of a change.
type again struct {
	change  record.Change
	version version
}

// version is one content that a device sent under one hash.
type version struct {
	n      int64
	digest string
	done   bool
	doc    bson.Raw // the message; nil where the log forgot it, and its update tells of it
	update bson.Raw // that update
}

// planEnqueue reads what is known of the changes and decides. Nothing is written;
// where others write at the same time, a unique index refuses the inserts.
func (s *Store) planEnqueue(ctx context.Context, changes []record.Change, mine map[string]bool) (plan, error) {
	known, err := s.versionsOf(ctx, changes)
	if err != nil {
		return plan{}, err
	}
	aliases, err := s.aliasesOf(ctx, changes)
	if err != nil {
		return plan{}, err
	}
	var p plan
	for _, c := range changes {
		key, uid := changeKey(c), aliases.recordUID(c)
		in := insert{change: c, digest: c.Digest(), n: 1, recordUID: uid, line: lineOf(c.Dataset, uid)}
		if versions := known[key]; len(versions) > 0 {
			same, err := s.digestsOf(ctx, c, in.digest, uid)
			if err != nil {
				return plan{}, err
			}
			v, repeated, tell := recognise(versions, same)
			if tell {
				p.again = append(p.again, again{c, versions[0]})
			}
			if repeated || mine[insert{change: c, n: v.n}.version()] && same[v.digest] {
				continue
			}
			in.n, in.earlier = versions[0].n+1, earlierOf(versions)
		}
		known[key] = slices.Insert(known[key], 0, version{n: in.n, digest: in.digest})
		p.inserts = append(p.inserts, in)
	}
	return p, s.placeHeads(ctx, &p)
}

// recognise finds the version that a change is (the newest is the first). repeated:
// it is known. tell: its result, that is the newest version's, is to be reported
// once more; while a newer version waits the device gets that one's.
func recognise(versions []version, same map[string]bool) (v version, repeated, tell bool) {
	newerWaits := false
	for _, v := range versions {
		if same[v.digest] {
			return v, true, v.done && !newerWaits
		}
		newerWaits = newerWaits || !v.done
	}
	return version{}, false, false
}

// versionsOf reads the known versions of changes, the newest first.
func (s *Store) versionsOf(ctx context.Context, changes []record.Change) (map[string][]version, error) {
	keys := bson.A{}
	byDataset := map[string]bson.A{}
	for _, c := range changes {
		keys = append(keys, changeKey(c))
		byDataset[c.Dataset] = append(byDataset[c.Dataset], changeKey(c))
	}
	docs, err := s.pending().all(ctx, bson.D{op("change", "$in", keys)}, find().SetProjection(each(
		[]string{"payload.pre", "payload.post", "payload.meta_data"}, 0)).SetSort(bson.D{is("n", -1)}))
	if err != nil {
		return nil, err
	}
	known := map[string][]version{}
	for _, d := range docs {
		key := text(d, "change")
		known[key] = append(known[key], version{n: number(d, "n"), digest: text(d, "digest"), done: has(d, "deleted"), doc: d})
	}
	for dataset, keys := range byDataset {
		updates, err := s.coll(updatesOf(dataset)).all(ctx, bson.D{op("_id", "$in", keys), present("type")})
		if err != nil {
			return nil, err
		}
		for _, u := range updates {
			key := text(u, "_id")
			v := version{n: number(u, "n"), digest: text(u, "digest"), done: true, update: u}
			logged := slices.ContainsFunc(known[key], func(l version) bool { return l.n == v.n })
			if !logged {
				known[key] = append(known[key], v)
				slices.SortFunc(known[key], func(a, b version) int { return int(b.n - a.n) })
			}
		}
	}
	return known, nil
}

// earlierOf is the outcome that a newer version builds on: of the versions done,
// the newest that was applied, else the newest.
func earlierOf(versions []version) bson.RawValue {
	var best bson.RawValue
	for _, v := range versions {
		o := outcomeOf(v)
		switch {
		case o.IsZero():
		case text(o.Document(), "type") == string(record.Applied):
			return o
		case best.IsZero():
			best = o
		}
	}
	return best
}

// outcomeOf is the outcome of a version as it is stored, zero where it has none.
func outcomeOf(v version) bson.RawValue {
	if v.doc != nil {
		return v.doc.Lookup("outcome")
	}
	if v.update == nil {
		return bson.RawValue{}
	}
	raw, err := bson.Marshal(bson.D{is("type", v.update.Lookup("type")), is("uid", v.update.Lookup("uid")),
		is("msg", v.update.Lookup("msg")), is("wrote", v.update.Lookup("wrote"))})
	if err != nil {
		return bson.RawValue{}
	}
	return bson.RawValue{Type: bson.TypeEmbeddedDocument, Value: raw}
}

// placeHeads makes the first change of each empty line its head.
func (s *Store) placeHeads(ctx context.Context, p *plan) error {
	if len(p.inserts) == 0 {
		return nil
	}
	lines := bson.A{}
	for _, in := range p.inserts {
		lines = append(lines, in.line)
	}
	others, err := s.pending().all(ctx, bson.D{op("line", "$in", lines)}, find().SetProjection(only("line")))
	if err != nil {
		return err
	}
	taken, before := map[string]bool{}, map[string]bool{}
	for _, d := range others {
		taken[text(d, "line")], before[text(d, "line")] = true, true
	}
	for i := range p.inserts {
		in := &p.inserts[i]
		in.head = !taken[in.line]
		taken[in.line] = true
		if before[in.line] {
			p.joined = append(p.joined, in.line)
		}
	}
	return nil
}
