package delta

import (
	"iter"
	"slices"
)

// Delta is what a device must do, by uid; each list is sorted. No uid is in two of them.
type Delta struct {
	Create []string // records that it does not have
	Update []string // records that it has with another hash
	Delete []string // records that it has and the server has not
}

// Empty tells whether the device is up to date.
func (d Delta) Empty() bool { return len(d.Create)+len(d.Update)+len(d.Delete) == 0 }

// Has tells whether the delta says something of a record.
func (d Delta) Has(uid string) bool {
	for _, list := range [][]string{d.Create, d.Update, d.Delete} {
		if _, found := slices.BinarySearch(list, uid); found {
			return true
		}
	}
	return false
}

// Without leaves out what the device must not be told: its own fresh changes,
// which the stored records do not show yet.
func (d Delta) Without(hidden []string) Delta {
	if len(hidden) == 0 {
		return d
	}
	out := make(map[string]struct{}, len(hidden))
	for _, uid := range hidden {
		out[uid] = struct{}{}
	}
	is := func(uid string) bool { _, ok := out[uid]; return ok }
	return Delta{
		Create: slices.DeleteFunc(d.Create, is),
		Update: slices.DeleteFunc(d.Update, is),
		Delete: slices.DeleteFunc(d.Delete, is),
	}
}

// Compute compares the stored records of a view with those of a device.
//
// server gives uid and hash of every record of the view, each uid once, in any
// order; it is read once. client is what the device has, uid → hash; it is used
// up. A record that the device has with the hash "" counts as one that it does
// not have when the server has it: it is created anew, since that works
// whatever the device holds. When the server has not, it is deleted.
func Compute(server iter.Seq2[string, string], client map[string]string) Delta {
	var d Delta
	for uid, hash := range server {
		has, ok := client[uid]
		switch {
		case !ok || has == "":
			d.Create = append(d.Create, uid)
		case has != hash:
			d.Update = append(d.Update, uid)
		}
		if ok {
			// What is left in the end is what the server has not.
			delete(client, uid)
		}
	}
	for uid := range client {
		d.Delete = append(d.Delete, uid)
	}
	slices.Sort(d.Create)
	slices.Sort(d.Update)
	slices.Sort(d.Delete)
	return d
}
