package story

import (
	"slices"

	adminv1 "github.com/tandem-sync/tandem/proto/admin/v1"
	"github.com/tandem-sync/tandem/services/internal/record"
)

// spread says whether other devices can see what was applied: it reaches them
// with a sync run of their view that began after it.
func (t *teller) spread() {
	c, view := t.c, t.c.GetView()
	applied := c.GetOutcome().GetType() == string(record.Applied)
	if view != nil {
		t.lastRun(view)
	}
	t.stands()
	switch {
	case view.GetStopped():
		t.stopped()
	case !applied:
	case view == nil:
		t.say("The view that it came through does not exist any more, or is not known: no device has used it for long.")
		t.elsewhere()
	case !view.GetActive():
		t.say("No device has asked for its view since %s, so that its sync runs rest. They begin again with the next request.", t.at(view.GetLastAccessed()))
		t.elsewhere()
	case view.GetCompletedRunStart() <= c.GetDone():
		t.noRunSince(view)
	default:
		t.afterRun(view)
	}
}

// running tells whether a sync run is under way: its end is when it will be given up.
func (t *teller) running(view *adminv1.DatasetClient) bool {
	return view.GetSyncLoopStart() != 0 && t.since(view.GetSyncLoopEnd()) < 0
}

// failed tells whether the last run stored nothing.
func (t *teller) failed(view *adminv1.DatasetClient) bool {
	return view.GetSyncLoopStart() != 0 && !t.running(view) && view.GetSyncLoopStart() != view.GetCompletedRunStart()
}

func (t *teller) lastRun(view *adminv1.DatasetClient) {
	switch {
	case view.GetSyncLoopStart() == 0:
		t.line("last sync run", "none yet")
	case t.running(view):
		t.line("last sync run", "began %s, under way", t.at(view.GetSyncLoopStart()))
	case t.failed(view):
		t.line("last sync run", "began %s, failed", t.at(view.GetSyncLoopStart()))
	default:
		t.line("last sync run", "began %s, ended %s", t.at(view.GetSyncLoopStart()), t.at(view.GetSyncLoopEnd()))
	}
}

// shownViews is how many views of a record are written out.
const shownViews = 5

// stands lists where the record stands as the last sync runs stored it.
func (t *teller) stands() {
	c := t.c
	if c.GetRecordUid() == "" {
		return
	}
	if c.GetRecordViewCount() == 0 {
		t.line("stands in", "no view")
		return
	}
	t.line("stands in", "%s, with hash %s", count(int64(c.GetRecordViewCount()), "view"), c.GetRecordHash())
	for i, v := range c.GetRecordViews() {
		if i == shownViews {
			t.line("", "and %d more", int(c.GetRecordViewCount())-i)
			break
		}
		t.line("", "query %s", query(v))
	}
}

func (t *teller) noRunSince(view *adminv1.DatasetClient) {
	c := t.c
	t.say("No sync run of its view has stored records since: other devices do not see it yet.")
	switch {
	case t.running(view) && view.GetSyncLoopStart() > c.GetDone():
		t.say("The one under way will bring it.")
		t.advise("Ask again when it has ended. A backend that lists slowly takes its time, backendListTimeout at most.")
	case t.running(view):
		t.say("The one under way began before the change was applied; the next will bring it.")
		t.advise("Ask again later. A backend that lists slowly takes its time, backendListTimeout at most.")
	case view.GetSyncScheduled() != 0 && t.since(view.GetSyncScheduled()) > slow:
		t.say("One was queued %s, and nobody has begun with it: no sync-worker is running, it is switched off, or it does not keep up.", t.at(view.GetSyncScheduled()))
		t.advise("Is a sync-worker running? In a cluster it is a process of its own; syncWorkerConcurrency 0 switches it off (tandem config shows it).")
		t.advise("Does the queue of sync runs shrink? Look twice: tandem admin queues. If it does, a higher syncWorkerConcurrency or more sync-workers make it faster.")
	case view.GetSyncScheduled() != 0:
		t.say("One was queued %s, and waits for a sync-worker.", t.at(view.GetSyncScheduled()))
		t.advise("Ask again in a moment.")
	case t.failed(view):
		t.say("The last one failed, and left the records as they were. The next is due %s.", t.at(view.GetNextDue()))
		t.advise("The log of the sync-worker has the reason: \"sync run failed; the records stay as they were\". Then run it again: tandem admin sync %s", c.GetDataset())
	case t.since(view.GetNextDue()) > slow:
		t.say("The next was due %s and is not queued: no scheduler is running, or it does not reach the store.", t.at(view.GetNextDue()))
		t.advise("Is a scheduler running? In a cluster it is a process of its own. Its log has what it can't do.")
		t.advise("A run without it: tandem admin sync %s", c.GetDataset())
	default:
		t.say("The next is due %s.", t.at(view.GetNextDue()))
		t.advise("Wait for it, or have it at once: tandem admin sync %s", c.GetDataset())
	}
}

// afterRun: its view was listed after the change; the record is there or not.
func (t *teller) afterRun(view *adminv1.DatasetClient) {
	c := t.c
	isDelete := c.GetAction() == string(record.ActionDelete)
	here := slices.ContainsFunc(c.GetRecordViews(), func(v *adminv1.DatasetClient) bool { return v.GetId() == view.GetId() })
	switch {
	case isDelete && c.GetRecordViewCount() == 0:
		t.say("The record is gone from all views, since a sync run that began after the delete.")
		t.elsewhere()
	case isDelete && here:
		t.say("And yet its view has the record again: the backend listed it after the delete.")
		t.advise("Was it made again, or does the backend list what it has deleted? Look for uid %s there.", c.GetRecordUid())
	case isDelete:
		t.say("The record is gone from its view; others hold it until their own sync run.")
		t.advise("Have that at once: tandem admin sync %s", c.GetDataset())
	case here && c.GetRecordHash() == c.GetOutcome().GetWrote():
		t.say("Its view has the record as the change left it, since a sync run that began after it.")
		t.elsewhere()
	case here:
		t.say("Its view has the record, but not as the change left it (hash %s): it was changed since, or the backend gives it otherwise than it took it.", c.GetOutcome().GetWrote())
		t.advise("See the changes to this record: tandem admin why --dataset %s --uid %s", c.GetDataset(), arg(c.GetRecordUid()))
		t.advise("If there is no later one: does the backend add or convert fields? Then devices get the record as it is there.")
	case c.GetRecordViewCount() > 0:
		t.say("The record is not in its view: it does not match the view's query. Devices that ask with that query do not get it.")
		t.advise("Compare the record with the query %s, and with the filters that the adapter adds.", query(view))
	default:
		t.say("No view has the record, though a sync run of its view began after the change: it does not match the view's query, or the backend does not have it any more.")
		t.advise("Look for uid %s in the backend. If it is there, compare it with the query %s, and with the filters that the adapter adds.", c.GetRecordUid(), query(view))
	}
}

// elsewhere is what is left where all is well on this side.
func (t *teller) elsewhere() {
	t.advise("A device that does not show it may ask with another query, whose view has sync runs of its own (tandem admin clients %s), or have changes of its own to this record that are not done (tandem admin why --uid %s).", t.c.GetDataset(), arg(t.c.GetRecordUid()))
}
