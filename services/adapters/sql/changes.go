package sql

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/tandem-sync/tandem/api/adapter"
)

// changeLister is the part of an adapter that has a dataset with a change column.
type changeLister struct{ a *Adapter }

// cursor is where a list of changes ended.
type cursor struct {
	Column string            `json:"column"` // in case that the settings change
	From   string            `json:"from"`   // the next list begins with changes at this value
	Seen   map[string]string `json:"seen"`   // and leaves out these states of rows: uid, digest
}

// maxSeen bounds how many changes a cursor remembers as seen. Where more fall into the overlap they are told
// of twice, which does no harm.
const maxSeen = 500

// ListChanges implements adapter.ChangeLister. A deletion is seen if the dataset has a deletedColumn; a row
// that is deleted altogether is not: only a List shows that.
func (l changeLister) ListChanges(ctx context.Context, req adapter.ListChangesRequest, out *adapter.ChangeWriter) (string, error) {
	d, err := l.a.dataset(req.Dataset)
	if err != nil {
		return "", err
	}
	if d.change == nil {
		return "", adapter.ErrNotOffered
	}
	v, err := d.view(req.QueryParams)
	if err != nil {
		return "", err
	}
	var last cursor
	if json.Unmarshal([]byte(req.Cursor), &last) != nil || last.Column != d.change.name || !d.validFrom(last.From) {
		last = cursor{}
	}
	if last.Column == "" && req.Cursor != "" {
		if err := out.Reset(); err != nil {
			return "", err
		}
	}
	next := cursor{Column: d.change.name, From: last.From}
	err = l.a.snapshot(ctx, d, func(tx *sql.Tx) error {
		if last.Column == "" {
			if err := v.each(ctx, tx, out.Changed); err != nil {
				return err
			}
		}
		return v.changes(ctx, tx, last, &next, out)
	})
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(next)
	return string(text), err
}

// changes tells of what changed since last, and makes the cursor behind that.
func (v view) changes(ctx context.Context, tx *sql.Tx, last cursor, next *cursor, out *adapter.ChangeWriter) error {
	from := last.From
	newest, err := v.d.newest(ctx, tx)
	if err != nil {
		return err
	}
	if newest != "" {
		next.From = newest
	}
	if from == "" {
		from = newest // a first list: what is in the overlap has just been told of
		if from == "" {
			return nil
		}
	}
	live := "TRUE"
	if v.d.deleted != nil {
		live = v.d.notDeleted()
	}
	name := v.d.d.quote(v.d.change.name)
	s := v.d.selectFrom("CASE WHEN "+live+" THEN 1 ELSE 0 END", v.d.d.read(*v.d.change))
	s.add(" AND ", name, " >= ").value(*v.d.change, from)
	rows, err := s.query(ctx, tx)
	if err != nil {
		return err
	}
	defer rows.Close()
	next.Seen = map[string]string{}
	for rows.Next() {
		var alive bool
		var at any
		r, err := v.d.scan(rows, &alive, &at)
		if err != nil {
			return err
		}
		data := v.d.data(r)
		state := hexDigest(string(data), strconv.FormatBool(alive), plainText(at))[:16]
		if len(next.Seen) < maxSeen {
			next.Seen[r.uid] = state
		}
		switch {
		case last.Column == "" || last.Seen[r.uid] == state:
		case alive && v.filter.Match(r.uid, data):
			err = out.Changed(adapter.Record{UID: r.uid, Data: data})
		default:
			err = out.Removed(r.uid)
		}
		if err != nil {
			return err
		}
	}
	return rows.Err()
}

// newest gives the value from which on changes may still come: the newest less the overlap, or the oldest
// transaction that has not ended. "" where there are no changes yet.
func (d *dataset) newest(ctx context.Context, tx *sql.Tx) (string, error) {
	var at any
	if d.change.change == changeXID {
		return one(&at, scanOne(ctx, tx, &at, "SELECT pg_snapshot_xmin(pg_current_snapshot())::text"))
	}
	name := d.d.quote(d.change.name)
	inner := "(SELECT MAX(" + name + ") AS " + name + " FROM " + d.source + ") tandem_newest"
	text, err := one(&at, scanOne(ctx, tx, &at, "SELECT "+d.d.read(*d.change)+" FROM "+inner+" WHERE 1 = 1"))
	if err != nil || text == "" {
		return "", err
	}
	back, count, _ := overlap(d.o.ChangeOverlap) // checked
	if d.change.change == changeNumber {
		n, err := strconv.ParseInt(text, 10, 64)
		return strconv.FormatInt(n-min(count, n+1), 10), err
	}
	t, err := time.Parse("2006-01-02 15:04:05.999999", cmp.Or(trimZone(text), text))
	if err != nil {
		return "", fmt.Errorf("dataset %s: column %s holds %q, which is no time that changes can be told by", d.id, d.change.name, text)
	}
	return t.Add(-back).Format("2006-01-02 15:04:05.999999"), nil
}

func trimZone(text string) string {
	if n := len(text) - len("+00"); n > 0 && slices.Contains([]string{"+00", "-00"}, text[n:]) {
		return text[:n]
	}
	return ""
}

func one(at *any, err error) (string, error) {
	if err != nil || *at == nil {
		return "", err
	}
	return plainText(*at), nil
}

// validFrom tells whether a cursor's value is one that the column can be compared with.
func (d *dataset) validFrom(from string) bool {
	if from == "" {
		return true
	}
	if d.change.change == changeTime {
		_, err := time.Parse("2006-01-02 15:04:05.999999", from)
		return err == nil
	}
	_, err := strconv.ParseInt(from, 10, 64)
	return err == nil
}
