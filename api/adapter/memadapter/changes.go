package memadapter

import (
	"context"
	"strconv"
	"strings"

	"github.com/tandem-sync/tandem/api/adapter"
)

// ListChanges implements adapter.ChangeLister. A cursor is the place in the
// dataset's log of changed uids; one that another Adapter gave out is too old.
func (a *Adapter) ListChanges(_ context.Context, req adapter.ListChangesRequest, out *adapter.ChangeWriter) (string, error) {
	want, err := parseFilter(req.Dataset, req.QueryParams)
	if err != nil {
		return "", err
	}
	uids, records, cursor, known := a.since(req.Dataset, req.Cursor)
	if !known && req.Cursor != "" {
		if err := out.Reset(); err != nil {
			return "", err
		}
	}
	for _, uid := range uids {
		data, exists := records[uid]
		if exists && want.matches(data) {
			err = out.Changed(adapter.Record{UID: uid, Data: data})
		} else if known {
			err = out.Removed(uid)
		}
		if err != nil {
			return "", err
		}
	}
	return cursor, nil
}

// since returns the uids that changed after a cursor, or all where it is not
// known, with what they hold now.
func (a *Adapter) since(name, cursor string) (uids []string, records map[string][]byte, next string, known bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := a.dataset(name)
	uids = d.uids
	place, isOurs := strings.CutPrefix(cursor, a.id+":")
	if n, err := strconv.Atoi(place); isOurs && err == nil && n >= 0 && n <= len(d.log) {
		uids, known = d.log[n:], true
	}
	records = map[string][]byte{}
	seen := map[string]bool{}
	var once []string
	for _, uid := range uids {
		if seen[uid] {
			continue
		}
		seen[uid] = true
		once = append(once, uid)
		if data, exists := d.records[uid]; exists {
			records[uid] = data
		}
	}
	return once, records, a.id + ":" + strconv.Itoa(len(d.log)), known
}
