package mongo

import (
	"context"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-sync/tandem/api/adapter"
)

// withChanges is an adapter with a dataset that has a change field.
type withChanges struct{ *Adapter }

// overlap is how far behind the newest change a cursor begins: a writer whose clock is behind, or whose
// write took a while, is seen as long as it is later than that.
const overlap = 5 * time.Second

// maxSeen bounds how many changes a cursor remembers as seen. Where more fall into the overlap they are
// told of twice, which does no harm.
const maxSeen = 200

// cursor is where a list of changes ended. It travels as Extended JSON.
type cursor struct {
	Field string        // the change field, in case that the settings change
	From  bson.RawValue // the next list begins with changes at this value; absent: with any
	Seen  []seen        // and leaves out these
}

// seen is one state of one document. Its time alone would not do: two changes may share it.
type seen struct {
	ID  bson.RawValue
	Sum string // digest of the document

	at bson.RawValue // its change field
}

func (d dataset) seen(doc bson.Raw) seen {
	doc = slices.Clone(doc)
	return seen{doc.Lookup("_id"), hexDigest(string(doc))[:16], doc.Lookup(d.o.ChangeField)}
}

func (c cursor) saw(s seen) bool {
	return slices.ContainsFunc(c.Seen, func(known seen) bool { return known.Sum == s.Sum && known.ID.Equal(s.ID) })
}

// ListChanges implements adapter.ChangeLister. A deletion is seen if the dataset has a DeletedField; a
// document that somebody removes altogether is not: only a List shows that.
func (a *withChanges) ListChanges(ctx context.Context, req adapter.ListChangesRequest, out *adapter.ChangeWriter) (string, error) {
	d, err := a.dataset(req.Dataset)
	if err != nil {
		return "", err
	}
	if d.o.ChangeField == "" {
		return "", adapter.ErrNotOffered
	}
	view, err := d.view(req.QueryParams)
	if err != nil {
		return "", err
	}
	last, ok := parseCursor(req.Cursor, d.o.ChangeField)
	if !ok {
		if req.Cursor != "" {
			if err := out.Reset(); err != nil {
				return "", err
			}
		}
		// What changes from here on comes with the next list, be it for the second time.
		newest, err := d.newest(ctx)
		if err != nil {
			return "", err
		}
		next, err := d.advance(cursor{}, newest)
		if err != nil {
			return "", err
		}
		return next, d.each(ctx, view, func(doc bson.Raw) error { return out.Changed(d.record(doc)) })
	}
	changed, next, err := d.changed(ctx, last)
	if err != nil {
		return "", err
	}
	for ids := range slices.Chunk(changed, 500) {
		if err := d.tell(ctx, view, ids, out); err != nil {
			return "", err
		}
	}
	return next, nil
}

// changed gives what changed since a cursor, and the next cursor.
func (d dataset) changed(ctx context.Context, last cursor) (fresh []bson.RawValue, next string, err error) {
	filter := bson.D{{Key: d.o.ChangeField, Value: bson.D{{Key: "$ne", Value: nil}}}}
	if !last.From.IsZero() {
		filter = bson.D{{Key: d.o.ChangeField, Value: bson.D{{Key: "$gte", Value: last.From}}}}
	}
	var all []seen
	err = d.each(ctx, filter, func(doc bson.Raw) error {
		s := d.seen(doc)
		if all = append(all, s); len(all) > maxSeen {
			all = all[1:]
		}
		if !last.saw(s) {
			fresh = append(fresh, s.ID)
		}
		return nil
	}, options.Find().SetSort(bson.D{{Key: d.o.ChangeField, Value: 1}}))
	if err != nil {
		return nil, "", err
	}
	next, err = d.advance(last, all)
	return fresh, next, err
}

// newest gives the newest changes, the last one last.
func (d dataset) newest(ctx context.Context) (all []seen, err error) {
	filter := bson.D{{Key: d.o.ChangeField, Value: bson.D{{Key: "$ne", Value: nil}}}}
	err = d.each(ctx, filter, func(doc bson.Raw) error {
		all = append(all, d.seen(doc))
		return nil
	}, options.Find().SetSort(bson.D{{Key: d.o.ChangeField, Value: -1}}).SetLimit(maxSeen))
	slices.Reverse(all)
	return all, err
}

// advance makes the cursor behind all, which is in the order of changes.
func (d dataset) advance(last cursor, all []seen) (string, error) {
	next := cursor{Field: d.o.ChangeField, From: last.From}
	if len(all) > 0 {
		next.From = before(all[len(all)-1].at)
		next.Seen = slices.DeleteFunc(all, func(s seen) bool { return earlier(s.at, next.From) })
	}
	return next.text()
}

// before goes back by the overlap, from a time; other values have no distance, and only equal ones overlap.
func before(at bson.RawValue) bson.RawValue {
	if ms, ok := at.DateTimeOK(); ok {
		doc, err := bson.Marshal(bson.D{{Key: "v", Value: bson.DateTime(ms - overlap.Milliseconds())}})
		if err == nil {
			return bson.Raw(doc).Lookup("v")
		}
	}
	return at
}

// earlier tells whether a change is from before the overlap; one that is kept too long does no harm.
func earlier(at, from bson.RawValue) bool {
	a, okA := at.DateTimeOK()
	b, okB := from.DateTimeOK()
	return okA && okB && a < b
}

// tell writes what became of changed documents: those in the view have changed, the others have left it.
func (d dataset) tell(ctx context.Context, view bson.D, ids []bson.RawValue, out *adapter.ChangeWriter) error {
	in := map[string]bool{}
	among := bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}}
	err := d.each(ctx, and(among, view), func(doc bson.Raw) error {
		r := d.record(doc)
		in[r.UID] = true
		return out.Changed(r)
	})
	if err != nil {
		return err
	}
	for _, id := range ids {
		if uid := uidOf(id); !in[uid] {
			if err := out.Removed(uid); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c cursor) text() (string, error) {
	list := bson.A{}
	for _, s := range c.Seen {
		list = append(list, bson.A{s.ID, s.Sum})
	}
	doc := bson.D{{Key: "field", Value: c.Field}, {Key: "seen", Value: list}}
	if !c.From.IsZero() {
		doc = append(doc, bson.E{Key: "from", Value: c.From})
	}
	text, err := bson.MarshalExtJSON(doc, true, false)
	return string(text), err
}

// parseCursor reads a cursor; one of another change field, or of nobody's, is none.
func parseCursor(text, field string) (cursor, bool) {
	var raw struct {
		Field string            `bson:"field"`
		From  bson.RawValue     `bson:"from"`
		Seen  [][]bson.RawValue `bson:"seen"`
	}
	if text == "" || bson.UnmarshalExtJSON([]byte(text), true, &raw) != nil || raw.Field != field {
		return cursor{}, false
	}
	c := cursor{Field: raw.Field, From: raw.From}
	for _, s := range raw.Seen {
		if len(s) == 2 {
			sum, _ := s[1].StringValueOK()
			c.Seen = append(c.Seen, seen{ID: s[0], Sum: sum})
		}
	}
	return c, true
}
