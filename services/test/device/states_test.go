package device

import (
	"encoding/json"
	"errors"
	"testing"
	"time"
)

// TestHash pins the hashes that the client computes for the same edits at the same times.
func TestHash(t *testing.T) {
	k := newKit(t)
	c := k.create(`{"b":2,"a":[1]}`)
	if c.Hash != "8b12cb61a035807f7660ea86b94af2158632498e" || c.UID != c.Hash || c.PostHash != hash(c.Post) {
		t.Errorf("create: %+v", c)
	}
	k.have("u", `{"v":1}`)
	u := k.update("u", `{"v":2}`)
	if u.Hash != "ab8a6c7ad43945deabc335b96411db7873a7b8da" {
		t.Errorf("update: %s", u.Hash)
	}
	k2 := newKit(t)
	k2.have("u", `{"v":1}`)
	d := k2.delete("u")
	if d.PostHash != "2be88ca4242c76e8253ac62474851065032d6833" || string(d.Post) != "null" || d.Hash != "453edff498b02580c88f3dd5739ef614d66f230c" {
		t.Errorf("delete: %+v", d)
	}
}

func TestLifeOfAChange(t *testing.T) {
	k := newKit(t)
	c := k.create(`{"v":1}`)
	k.want(`create {"v":1}`)
	k.step()
	k.sends(`create {"v":1}`)
	k.want(`create {"v":1} flight`)
	k.step(result("applied", c, "real"))
	k.sends()
	k.want()
	if r := k.Records(); len(r) != 1 || string(r["real"].Data) != `{"v":1}` {
		t.Errorf("records %v", r)
	}
	k.step()
	if a := k.server.last().Acknowledgements; len(a) != 1 || a[0].Hash != c.Hash || a[0].Timestamp != 5 {
		t.Errorf("acknowledged %v", a)
	}
	k.step()
	if a := k.server.last().Acknowledgements; len(a) != 0 {
		t.Errorf("acknowledged again %v", a)
	}
	// The made-up uid still works, until the app restarts.
	k.update(c.UID, `{"v":2}`)
	k.Restart()
	if _, err := k.Update(c.UID, json.RawMessage(`{}`)); !errors.Is(err, ErrUnknownUID) {
		t.Errorf("got %v", err)
	}
}

func TestLostAnswer(t *testing.T) {
	k := newKit(t)
	c := k.create(`{"v":1}`)
	k.step("")
	k.want(`create {"v":1} crashed`)
	k.step()
	k.sends()
	k.step() // more answers without news than CrashedCountWait
	k.want(`create {"v":1}`)
	// Trap 1: a newer content under the old hash.
	if u := k.update(c.UID, `{"v":2}`); u.Hash != c.Hash {
		t.Errorf("hash %s, want the create's %s", u.Hash, c.Hash)
	}
	k.want(`create {"v":2}`)
	k.step("")
	k.sends(`create {"v":2}`)
	// Trap 2: its count is above the limit for ever, so that its result is
	// acknowledged, and yet it is sent once more.
	k.step(result("applied", c, "real"))
	k.want(`create {"v":2}`)
	k.step(result("applied", c, "real"))
	k.sends(`create {"v":2}`)
	if a := k.server.last().Acknowledgements; len(a) != 1 {
		t.Errorf("acknowledged %v", a)
	}
	k.want()
}

func TestEditInFlight(t *testing.T) {
	k := newKit(t)
	k.have("u", `{"v":1}`)
	first := k.update("u", `{"v":2}`)
	k.server.during = func() {
		k.server.during = nil
		k.update("u", `{"v":3}`)
		k.update("u", `{"v":4}`) // merges into the one that waits
	}
	k.step()
	k.want(`update {"v":2} flight`, `update {"v":4} delayed`)
	k.step()
	k.sends()
	k.step(result("applied", first, "u"))
	k.want(`update {"v":4}`)
	k.step()
	k.sends(`update {"v":4}`)
	if p := k.server.last().Pending[0]; string(p.Pre) != `{"v":2}` {
		t.Errorf("pre %s", p.Pre)
	}
}

func TestDelete(t *testing.T) {
	t.Run("of a create that was not sent", func(t *testing.T) {
		k := newKit(t)
		k.delete(k.create(`{"v":1}`).UID)
		k.want()
		if len(k.Records()) != 0 {
			t.Error("the record is still there")
		}
	})
	t.Run("of an update that was not sent", func(t *testing.T) {
		k := newKit(t)
		k.have("u", `{"v":1}`)
		k.update("u", `{"v":2}`)
		if d := k.delete("u"); string(d.Pre) == `{"v":2}` && string(k.Pending()[0].Pre) != `{"v":1}` {
			t.Errorf("pre %s", d.Pre)
		}
		k.want(`delete null`)
	})
	t.Run("of a create in flight", func(t *testing.T) {
		k := newKit(t)
		c := k.create(`{"v":1}`)
		k.server.during = func() { k.server.during = nil; k.delete(c.UID) }
		k.step()
		k.want(`create {"v":1} flight`, `delete null delayed`)
		k.step(result("applied", c, "real"))
		k.step()
		if p := k.server.last().Pending; len(p) != 1 || p[0].UID != "real" {
			t.Errorf("sent %+v", p)
		}
	})
}

func TestRecords(t *testing.T) {
	k := newKit(t)
	k.have("u", `{"v":1}`)
	if k.Hash() != "h1" {
		t.Errorf("hash %s", k.Hash())
	}
	k.update("u", `{"v":2}`)
	// The server's state of a record with a pending change is left out, its hash is not.
	k.step(`{"hash":"h2","updates":{"hashes":{}}}`, `{"hash":"h2","update":{"u":{"hash":"x","data":{"v":9}}},"create":{"w":{"hash":"y","data":{}}}}`)
	if r := k.Records(); string(r["u"].Data) != `{"v":2}` || len(r) != 2 || k.Hash() != "h2" {
		t.Errorf("records %v, hash %s", r, k.Hash())
	}
	k.step(`{"hash":"h3","updates":{"hashes":{}}}`, `{"delete":{"w":{}}}`) // no hash: ask again
	k.step(`{"hash":"h3","updates":{"hashes":{}}}`, ``)
	if r := k.Records(); len(r) != 1 || k.Hash() != "h2" || len(k.server.sent) != 8 {
		t.Errorf("records %v, hash %s, %d requests", r, k.Hash(), len(k.server.sent))
	}
	k.server.answers = []string{`{"hash":"h4"}`, `{"update":{"nobody":{"hash":"x","data":{}}}}`}
	if err := k.SyncStep(t.Context(), k.server); err == nil {
		t.Error("an update of an unknown record is no error")
	}
}

func TestRestart(t *testing.T) {
	k := newKit(t)
	c := k.create(`{"v":1}`)
	k.server.during = func() { k.server.during = nil; k.Restart() }
	k.server.answers = []string{result("applied", c, "real")}
	if err := k.SyncStep(t.Context(), k.server); !errors.Is(err, ErrRestarted) {
		t.Fatal(err)
	}
	// What was sent was not saved as such: it is sent again.
	k.want(`create {"v":1}`)

	// Saved while in flight, by an edit: nobody knows that the answer is lost.
	k.server.during = func() { k.server.during = nil; k.create(`{"v":2}`); k.Restart() }
	_ = k.SyncStep(t.Context(), k.server)
	k.want(`create {"v":1} flight`, `create {"v":2}`)
	k.step()
	k.sends(`create {"v":2}`)
	k.now = k.now.Add(2 * time.Hour)
	k.step()
	k.sends(`create {"v":1}`, `create {"v":2}`)
}
