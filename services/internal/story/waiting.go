package story

import "time"

// slow is from when on a wait is no accident: workers that find nothing look again
// after pendingWorkerBackoff's longest pause at the latest, 1 min by default.
const slow = 2 * time.Minute

// waiting says why a change is not done.
func (t *teller) waiting() {
	c := t.c
	switch {
	case c.GetBehind() != "":
		t.behind()
	case c.GetClaimed():
		t.line("in work", "try %d; the claim ends %s unless the worker extends it", c.GetTries(), t.at(c.GetVisible()))
		t.say("It is being worked on: a pending-worker has it and waits for the adapter.")
		if t.since(c.GetEnqueued()) > slow {
			t.advise("The adapter may be slow: look at its own log and figures. A call may take adapterTimeout.")
		} else {
			t.advise("Ask again in a moment.")
		}
	case t.since(c.GetVisible()) < 0:
		t.putBack()
	default:
		t.unclaimed()
	}
	if v := c.GetView(); v.GetStopped() {
		t.stopped()
	}
}

func (t *teller) behind() {
	c := t.c
	t.line("waits", "behind %s to the same record", count(max(int64(c.GetAhead()), 1), "change"))
	if c.GetBehind() == c.GetHash() {
		t.say("It waits behind an older version of itself: the device sent this content under the hash of a change that is not done.")
		t.advise("Read the story of the older version, which is told with this one.")
		return
	}
	t.say("It waits behind change %s: changes to one record are applied one at a time, in their order of arrival.", c.GetBehind())
	t.advise("Find out what that one waits for: tandem admin why --dataset %s --hash %s", c.GetDataset(), arg(c.GetBehind()))
}

// putBack: a worker had it and will try again.
func (t *teller) putBack() {
	c := t.c
	t.line("next try", "%s", t.at(c.GetVisible()))
	if c.GetTries() == 0 {
		t.say("The backend does not answer, or says \"not now\": the change waits and is tried again, for as long as it takes. Such tries are not counted.")
		t.advise("Is the adapter of dataset %s running, and reached from the pending-worker? The log of the pending-worker has the reason: \"no clear answer from the backend; the change waits\".", c.GetDataset())
		return
	}
	t.say("It failed or collided at %s. It is tried again until pendingWorkerRetryLimit is reached; then the device is told.", tries(c.GetTries()))
	t.advise("The log of the pending-worker has the reason: \"change not applied; it will be tried again\".")
}

// unclaimed: a worker could take it.
func (t *teller) unclaimed() {
	c := t.c
	never := c.GetTries() == 0 && c.GetVisible() <= c.GetEnqueued()
	t.line("waits", "for a pending-worker, since %s; %s in the queue in all", t.at(c.GetReady()), count(t.f.Queued, "change"))
	switch {
	case t.since(c.GetReady()) <= slow:
		t.say("It waits for a pending-worker to take it. That takes a moment, or as long as others are in front of it.")
		t.advise("Ask again in a moment.")
		return
	case never:
		t.say("No pending-worker has taken it, though it could for %s: none is running, it is switched off, or it does not keep up.", span(t.since(c.GetReady())))
	default:
		t.say("Nobody has gone on with it for %s: the pending-worker that had it died or was stopped, and no other is running or keeps up.", span(t.since(c.GetReady())))
	}
	t.advise("Is a pending-worker running? In a cluster it is a process of its own; pendingWorkerConcurrency 0 switches it off (tandem config shows it).")
	t.advise("Does it reach the store? Its log says \"can't claim messages; will keep trying\" when it does not.")
	t.advise("Does the queue shrink? Look twice: tandem admin queues. If it does, a higher pendingWorkerConcurrency or more pending-workers make it faster.")
}
