package takeover

import (
	"maps"
	"slices"
	"testing"
)

// change is a pending change, as the client shows it to the app.
type change struct {
	Hash   string `json:"hash"`
	UID    string `json:"uid"`
	Action string `json:"action"`
}

func fields(title, owner, v string) map[string]any {
	return map[string]any{"title": title, "owner": owner, "v": v}
}

func (d *device) create(title, owner string) (c change) {
	d.phones.t.Helper()
	d.call(&c, "create", fields(title, owner, ""))
	return c
}

// list is the device's copy: data by uid, as JSON.
func (d *device) list() map[string]string {
	d.phones.t.Helper()
	var all map[string]struct{ Data any }
	d.call(&all, "list")
	list := map[string]string{}
	for uid, r := range all {
		list[uid] = printed(d.phones.t, r.Data)
	}
	return list
}

// uid finds a record by its title.
func (d *device) uid(title string) string {
	d.phones.t.Helper()
	var all map[string]struct{ Data struct{ Title string } }
	d.call(&all, "list")
	for uid, r := range all {
		if r.Data.Title == title {
			return uid
		}
	}
	d.phones.t.Fatalf("%s has no record %q", d.name, title)
	return ""
}

func (d *device) update(title, owner, v string) (c change) {
	d.phones.t.Helper()
	d.call(&c, "update", d.uid(title), fields(title, owner, v))
	return c
}

func (d *device) remove(title string) (c change) {
	d.phones.t.Helper()
	d.call(&c, "delete", d.uid(title))
	return c
}

func (d *device) sync() { d.phones.t.Helper(); d.call(nil, "sync") }

// pending counts the changes that have no result yet.
func (d *device) pending() int {
	d.phones.t.Helper()
	var all map[string]any
	d.call(&all, "pending")
	return len(all)
}

// told are the kinds of result that the device was given for a change.
func (d *device) told(c change) (kinds []string) {
	d.phones.t.Helper()
	var all []struct{ Hash, Type string }
	d.call(&all, "results")
	for _, r := range all {
		if r.Hash == c.Hash {
			kinds = append(kinds, r.Type)
		}
	}
	return kinds
}

// result syncs until the result of a change is there. The device has then been told,
// and has not acknowledged it: that goes with its next request.
func (d *device) result(c change) string {
	d.phones.t.Helper()
	var r struct{ Type string }
	d.call(&r, "result", c)
	return r.Type
}

// want checks that all that a device was told of a change is one kind of result.
func (d *device) want(c change, kind string) {
	d.phones.t.Helper()
	if got := slices.Compact(d.told(c)); !slices.Equal(got, []string{kind}) {
		d.phones.t.Errorf("%s was told %q of its %s %s, want %q", d.name, got, c.Action, c.Hash, kind)
	}
}

// neverFailed checks that no device was told of any failure.
func neverFailed(t *testing.T, devices ...*device) {
	t.Helper()
	for _, d := range devices {
		var all []struct{ Hash, Type, Msg string }
		d.call(&all, "results")
		for _, r := range all {
			if r.Type != "applied" && r.Type != "collisions" {
				t.Errorf("%s was told %+v", d.name, r)
			}
		}
	}
}

// settle lets the devices sync until all is said: no change without a result, and
// each copy is what the backend has for its query.
func (w *world) settle(devices ...*device) {
	w.t.Helper()
	for _, d := range devices {
		w.until(d.name+" has no pending change", func() bool { d.sync(); return d.pending() == 0 })
	}
	for _, d := range devices {
		same := func() bool { d.sync(); return maps.Equal(d.list(), w.backend(d.dataset, d.query)) }
		w.until(d.name+" has what the backend has", func() bool {
			if same() {
				return true
			}
			if w.t.Context().Err() != nil {
				w.t.Fatal("the test ended")
			}
			return false
		})
	}
}
