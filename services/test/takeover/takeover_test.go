package takeover

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// TestTakeover moves five devices from a reference server to Tandem in the middle of
// their work, back again, and once more to Tandem.
func TestTakeover(t *testing.T) {
	w := newWorld(t)
	ref := w.reference(nil)
	a := w.device("a", "orders", nil)
	b := w.device("b", "orders", nil)
	c := w.device("c", "orders", map[string]any{"owner": "ann"})
	d := w.device("d", "notes", nil)
	e := w.device("e", "orders", nil)
	all := []*device{a, b, c, d, e}

	w.step("at the reference server")
	for title, owner := range map[string]string{"milk": "ann", "bread": "bob", "tea": "ann", "salt": "bob", "oil": "bob"} {
		a.create(title, owner)
	}
	d.create("memo", "dan")
	w.settle(all...)
	lost := b.update("bread", "bob", "b")
	a.result(a.update("bread", "bob", "a"))
	if got := b.result(lost); got != "collisions" {
		t.Fatalf("an edit of what another has changed: %s", got)
	}
	w.settle(all...)

	w.step("told and not acknowledged; applied and not told; applied and the answer lost")
	b.result(b.create("rice", "bob"))
	wine := d.create("wine", "dan")
	d.sync()
	w.applied(d, wine)
	figs := c.create("figs", "ann")
	c.call(nil, "net.dropResponse")
	c.sync()
	w.applied(c, figs)
	w.until("nothing in work", func() bool { return w.waiting("fhsync_pending_queue") == 0 })
	w.away()
	ref.kill()

	w.step("taken and not applied: no worker runs")
	ref = w.reference(map[string]any{"pendingWorkerConcurrency": 0, "ackWorkerConcurrency": 0})
	plum, tea, salt := a.create("plum", "ann"), a.update("tea", "ann", "a"), a.remove("salt")
	a.sync()
	plum2 := a.update("plum", "ann", "2") // of a create in flight: kept for later
	tea2 := b.update("tea", "ann", "b")
	b.sync()
	b.call(nil, "net.duplicate")
	kiwi := b.create("kiwi", "ann")
	b.sync()
	soap := b.create("soap", "bob")
	b.call(nil, "net.dropResponse")
	b.sync()
	b.untilReady(soap)
	b.update("soap", "bob", "2") // goes out under the hash of the create
	b.sync()
	if n, acks := w.waiting("fhsync_pending_queue"), w.waiting("fhsync_ack_queue"); n < 8 || acks == 0 {
		t.Fatalf("%d changes and %d acknowledgements wait, want 8 and some", n, acks)
	}
	e.call(nil, "online", false)
	nuts, milk, oil := e.create("nuts", "eve"), e.update("milk", "ann", "e"), e.remove("oil")
	e.sync()
	w.away()
	ref.kill()

	w.step("Tandem takes over")
	tandem := w.tandem()
	e.call(nil, "online", true)
	w.settle(all...)
	w.holds("orders", "milk e", "bread a", "tea a", "rice", "figs", "plum 2", "kiwi", "soap 2", "nuts")
	w.holds("notes", "memo", "wine")
	for _, was := range []struct {
		by   *device
		of   change
		kind string
	}{{a, plum, "applied"}, {a, tea, "applied"}, {a, salt, "applied"}, {a, plum2, "applied"}, {b, tea2, "collisions"}, {b, kiwi, "applied"},
		{b, soap, "applied"}, {c, figs, "applied"}, {d, wine, "applied"}, {e, nuts, "applied"}, {e, milk, "applied"}, {e, oil, "applied"}} {
		was.by.want(was.of, was.kind)
	}
	if n := w.count("orders_collision", bson.D{}); n != 2 {
		t.Errorf("%d collisions, want those of bread and tea", n)
	}
	w.acknowledge(all...)

	w.step("back to the reference server, with results on their way and a change in the queue")
	corn := b.create("corn", "bob")
	b.result(corn)
	ink := d.create("ink", "dan")
	d.sync()
	w.applied(d, ink)
	w.idle()
	for _, p := range tandem.Role("pending-worker") {
		p.Stop()
	}
	nuts2, memo := e.update("nuts", "eve", "9"), d.remove("memo")
	e.sync()
	d.sync()
	w.away()
	for _, role := range []string{"gateway", "ack-worker", "sync-worker", "scheduler", "adapter mongo"} {
		for _, p := range tandem.Role(role) {
			p.Stop()
		}
	}
	ref = w.reference(nil)
	peas, corn2, figs2 := a.create("peas", "ann"), b.update("corn", "bob", "2"), c.remove("figs")
	w.settle(all...)
	w.holds("orders", "milk e", "bread a", "tea a", "rice", "plum 2", "kiwi", "soap 2", "nuts 9", "peas", "corn 2")
	w.holds("notes", "wine", "ink")
	a.want(peas, "applied")
	b.want(corn2, "applied")
	c.want(figs2, "applied")
	d.want(ink, "applied")
	d.want(memo, "applied")
	e.want(nuts2, "applied")

	w.step("and to Tandem once more")
	peas2 := c.update("peas", "ann", "c")
	c.result(peas2)
	w.away()
	ref.kill()
	tandem = w.tandem()
	yams := e.create("yams", "ann")
	w.settle(all...)
	e.want(yams, "applied")
	w.holds("orders", "milk e", "bread a", "tea a", "rice", "plum 2", "kiwi", "soap 2", "nuts 9", "peas c", "corn 2", "yams")
	w.acknowledge(all...)
	neverFailed(t, all...)
	tandem.Stop()
}

// untilReady syncs, without news, until the device is ready to send a change again.
func (d *device) untilReady(c change) {
	d.phones.t.Helper()
	for range 20 {
		var all map[string]struct {
			Hash     string
			InFlight bool
		}
		d.call(&all, "pending")
		for _, p := range all {
			if p.Hash == c.Hash && !p.InFlight {
				return
			}
		}
		d.sync()
	}
	d.phones.t.Fatalf("%s does not give up waiting for %s", d.name, c.Hash)
}

// acknowledge lets devices receive and acknowledge all that waits for them: nothing
// must be left over.
func (w *world) acknowledge(devices ...*device) {
	w.t.Helper()
	w.idle()
	w.until("no results left", func() bool {
		for _, d := range devices {
			d.sync()
		}
		return w.count("fhsync_orders_updates", bson.D{})+w.count("fhsync_notes_updates", bson.D{}) == 0
	})
	w.idle()
}
