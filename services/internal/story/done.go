package story

import (
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// result says what became of a change that is done.
func (t *teller) result() {
	c, o := t.c, t.c.GetOutcome()
	after := ""
	if c.GetTries() > 1 {
		after = ", after " + tries(c.GetTries())
	}
	switch record.UpdateType(o.GetType()) {
	case record.Applied:
		t.line("applied", "%s%s", t.at(c.GetDone()), after)
		t.say("It was applied: the backend has it.")
	case record.Failed:
		t.line("failed", "%s%s: %s", t.at(c.GetDone()), after, o.GetMsg())
		t.say("It failed: %s", o.GetMsg())
		t.say("The device takes its change back when it learns of that.")
		t.advise("The message comes from the adapter, or from the check of what the device sent. Mend what it names, then make the change again on the device: this one is not tried again.")
	case record.Collision:
		t.line("collided", "%s%s", t.at(c.GetDone()), after)
		t.say("It collided: the backend's record was not any more what the device had before its change. The backend's record stays, and the device gets it.")
		if o.GetMsg() != "" {
			t.say("Message: %s", o.GetMsg())
			t.advise("Make the change again on the device, and see that the adapter keeps collisions.")
			return
		}
		t.advise("The device's change is kept among the collisions of dataset %s: the call listCollisions shows it, under uid %s.", c.GetDataset(), o.GetUid())
		t.advise("If it still counts, make it again on the device; then forget it with the call removeCollision.")
	}
}

// away is from when on a device that has not fetched its result is missed.
const away = 5 * time.Minute

// device says what the device knows of it.
func (t *teller) device() {
	c := t.c
	switch {
	case c.GetWaiting():
		t.line("result", "stored for the device %s, not acknowledged", t.at(c.GetReported()))
		t.say("The device has not acknowledged the result: it gets it with its next sync request.")
		if t.since(c.GetReported()) > away {
			t.advise("Is the device %s online, with the app open? Until it fetches the result it shows the change as pending. The log of the gateway has its requests that were refused or failed.", c.GetCuid())
		}
	case c.GetReported() == 0:
		t.line("result", "not told: a newer version had arrived")
		t.say("The device is told the result of a newer version of this change alone, which came under the same hash.")
		t.advise("Read the story of the newer version: tandem admin why --dataset %s --cuid %s --hash %s", c.GetDataset(), arg(c.GetCuid()), arg(c.GetHash()))
	case c.GetAcknowledged() != 0:
		t.line("result", "acknowledged by the device %s", t.at(c.GetAcknowledged()))
		t.say("The device knows it.")
	default:
		t.line("result", "stored for the device %s; it does not wait any more", t.at(c.GetReported()))
		t.say("The device has acknowledged the result, longer ago than the log goes back, or a newer version under the same hash took its place.")
	}
}

// stopped says what it means that the dataset is stopped.
func (t *teller) stopped() {
	t.say("The dataset is stopped: devices are refused, and there are no sync runs. Changes that were received before are still applied.")
	t.advise("Let it go on: tandem admin start %s", t.c.GetDataset())
}
