package mongo

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store/storetest"
)

// reference writes into a database what npm fh-sync 2.1.0 writes, in its shapes: its
// driver keeps whole numbers of 32 bits as int32 and all others as doubles.
type reference struct {
	t     *testing.T
	o     Options
	db    *mongo.Database
	clock *storetest.Clock
	ids   uint32
}

// opened is a fresh database on which only a reference server has worked.
func opened(t *testing.T) *reference {
	t.Helper()
	clock := storetest.NewClock()
	o := optionsOf(t, storetest.Options{Clock: clock.Now})
	client, err := mongo.Connect(options.Client().ApplyURI(o.URI))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(t.Context()) })
	return &reference{t: t, o: o, db: client.Database(o.Database), clock: clock}
}

// tandem opens the database, which takes it over.
func (r *reference) tandem() *Store {
	r.t.Helper()
	s, err := Open(r.t.Context(), r.o)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = s.Close() })
	return s
}

// ago is a time of the reference server's, as it keeps them in numbers.
func (r *reference) ago(d time.Duration) float64 {
	return float64(r.clock.Now().Add(-d).UnixMilli())
}

func (r *reference) insert(collection string, doc bson.D) bson.ObjectID {
	r.t.Helper()
	r.ids++
	id := bson.NewObjectIDFromTimestamp(r.clock.Now().Add(-time.Minute))
	id[8], id[9], id[10], id[11] = 0, byte(r.ids>>16), byte(r.ids>>8), byte(r.ids)
	if _, err := r.db.Collection(collection).InsertOne(r.t.Context(), append(bson.D{is("_id", id)}, doc...)); err != nil {
		r.t.Fatal(err)
	}
	return id
}

// message is one of a queue, with what a claim or its end added.
func (r *reference) message(queue string, payload bson.D, more ...bson.E) bson.ObjectID {
	r.t.Helper()
	doc := bson.D{is("visible", visible(r.clock.Now().Add(-time.Minute))), is("payload", payload)}
	for _, e := range more {
		doc = slices.DeleteFunc(doc, func(have bson.E) bool { return have.Key == e.Key })
		doc = append(doc, e)
	}
	return r.insert(queue, doc)
}

// change is a message of the pending queue.
func (r *reference) change(cuid, action, hash, uid string, pre, post any, more ...bson.E) bson.ObjectID {
	r.t.Helper()
	return r.message("fhsync_pending_queue", bson.D{
		is("inFlight", true), is("action", action), is("post", post), is("postHash", "x"), is("timestamp", r.ago(time.Minute)),
		is("pre", pre), is("uid", uid), is("hash", hash), is("datasetId", "tasks"), is("cuid", cuid), is("meta_data", bson.D{}),
		is("datasetClient", bson.D{is("id", viewID), is("datasetId", "tasks"), is("collisionCount", int32(0)),
			is("queryParams", bson.D{}), is("metaData", bson.D{}), is("lastAccessed", r.ago(time.Minute)), is("active", true)}),
	}, more...)
}

// done are the fields of a message that is acknowledged to the queue.
func (r *reference) done() []bson.E {
	return append(r.claimed(-50*time.Second), is("deleted", date(r.clock.Now().Add(-50*time.Second))))
}

// claimed are the fields of a message whose claim ends in d.
func (r *reference) claimed(d time.Duration) []bson.E {
	r.ids++
	return []bson.E{is("ack", bson.NewObjectID().Hex()), is("tries", int32(1)), is("visible", visible(r.clock.Now().Add(d)))}
}

// update is the result of a change; oldUid "" for none.
func (r *reference) update(kind, cuid, action, hash, uid, oldUID string) bson.D {
	d := bson.D{is("cuid", cuid), is("hash", hash), is("action", action), is("msg", nil), is("timestamp", r.ago(50*time.Second)),
		is("type", kind), is("uid", uid)}
	if oldUID != "" {
		d = append(d, is("oldUid", oldUID))
	}
	return d
}

func (r *reference) waits(update bson.D) { r.insert("fhsync_tasks_updates", update) }

// acked is an acknowledgement that was worked off: clients send the whole update back.
func (r *reference) acked(update bson.D) {
	payload := append(slices.Clone(update), is("_id", bson.NewObjectID().Hex()), is("datasetId", "tasks"))
	r.message("fhsync_ack_queue", payload, r.done()...)
}

func (r *reference) view(id string, more ...bson.E) {
	doc := bson.D{is("id", id), is("active", true), is("collisionCount", int32(0)), is("datasetId", "tasks"),
		is("lastAccessed", r.ago(time.Minute)), is("metaData", bson.D{}), is("queryParams", bson.D{}), is("stopped", false)}
	for _, e := range more {
		doc = slices.DeleteFunc(doc, func(have bson.E) bool { return have.Key == e.Key })
		doc = append(doc, e)
	}
	r.insert(collClients, doc)
}

// listed are the fields of a view whose sync run has ended.
func (r *reference) listed() []bson.E {
	return []bson.E{is("globalHash", "2ed0f5a1a4d7be30a1c1b3ff1cba4f4d8c4b1ed1_3"), is("collisionCount", int32(3)), is("syncCompleted", true),
		is("syncScheduled", nil), is("syncLoopStart", r.ago(5*time.Second)), is("syncLoopEnd", r.ago(4*time.Second))}
}

func (r *reference) record(uid string, hash, data any, refs ...string) {
	r.insert("fhsync_tasks_records", bson.D{is("uid", uid), is("data", data), is("hash", hash), is("refs", append(bson.A{}, names(refs)...))})
}

// dump is the database without what differs from one time to the next.
func (r *reference) dump() map[string][]string {
	r.t.Helper()
	dump := map[string][]string{}
	collections, err := r.db.ListCollectionNames(r.t.Context(), bson.D{})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, collection := range collections {
		if slices.Contains([]string{collLocks, collCounters, collMigrations}, collection) {
			continue
		}
		cursor, err := r.db.Collection(collection).Find(r.t.Context(), bson.D{})
		if err != nil {
			r.t.Fatal(err)
		}
		var docs []bson.D
		if err := cursor.All(r.t.Context(), &docs); err != nil {
			r.t.Fatal(err)
		}
		for _, d := range docs {
			d = slices.DeleteFunc(d, func(e bson.E) bool { return e.Key == "head" }) // sweep brings it back
			for i, e := range d {
				if slices.Contains([]string{"deleted", "expires", "reported", "timestamp", "revision"}, e.Key) {
					d[i].Value = "some"
				}
			}
			slices.SortFunc(d, func(a, b bson.E) int { return cmp.Compare(a.Key, b.Key) })
			text, err := bson.MarshalExtJSON(d, true, false)
			if err != nil {
				r.t.Fatal(err)
			}
			dump[collection] = append(dump[collection], string(text))
		}
		slices.Sort(dump[collection])
	}
	return dump
}

func post(title string) bson.D { return bson.D{is("title", title)} }

func hashOf(t *testing.T, title string) string {
	t.Helper()
	hash, err := record.Hash([]byte(`{"title":"` + title + `"}`))
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

// whole fills a database with a bit of everything.
func (r *reference) whole() {
	r.view(viewID, r.listed()...)
	r.view("tasks_other", is("stopped", true), is("queryParams", bson.D{is("owner", "ann")}))
	r.record("R1", hashOf(r.t, "one"), post("one"), viewID, "tasks_other")
	r.record("R2", nil, nil, viewID)
	r.record("R3", nil, nil)
	applied := r.update("applied", "phone", "create", "c1", "U1", "c1")
	r.change("phone", "create", "c1", "c1", nil, post("a"), r.done()...)
	r.waits(applied)
	r.change("phone", "update", "u2", "c1", post("a"), post("b"))
	r.change("phone", "create", "c3", "c3", nil, post("c"), r.done()...)
	r.acked(r.update("applied", "phone", "create", "c3", "U3", "c3"))
	r.change("phone", "create", "c3", "c3", nil, post("c"))
	r.change("tablet", "update", "u5", "R1", post("one"), post("two"), r.claimed(10*time.Second)...)
	r.change("phone", "update", "u6", "R1", post("two"), post("three"))
	r.change("phone", "update", "h7", "R2", post("x"), post("y"), r.done()...)
	r.waits(r.update("applied", "phone", "update", "h7", "R2", ""))
	r.change("phone", "update", "h7", "R2", post("x"), post("z"))
	r.message("fhsync_ack_queue", bson.D{is("hash", "old"), is("cuid", "phone"), is("datasetId", "tasks")})
	r.message("fhsync_queue", bson.D{is("id", viewID), is("datasetId", "tasks"), is("queryParams", bson.D{}), is("metaData", bson.D{}), is("startTime", r.ago(0))})
}

// Views keep what devices and operators did, and are listed anew at once: what a
// reference server stored last may be torn.
func TestAdoptViews(t *testing.T) {
	r := opened(t)
	r.view(viewID, append(r.listed(), is("syncScheduled", r.ago(time.Second)), is("syncLoopEnd", r.ago(-5*time.Minute)))...)
	r.view("tasks_stopped", is("stopped", true), is("active", false), is("queryParams", bson.D{is("owner", "ann"), is("n", int32(3))}))
	r.view("tasks_twice", is("lastAccessed", r.ago(3*time.Second)))
	r.view("tasks_twice", is("lastAccessed", r.ago(9*time.Second)))
	r.insert(collClients, bson.D{is("id", "tasks_bare"), is("datasetId", "tasks"), is("collisionCount", r.nan())})
	s := r.tandem()
	all := must[[]record.DatasetClient](t)(s.ListDatasetClients(t.Context(), "tasks"))
	if len(all) != 4 {
		t.Fatalf("views: %+v, want 4", all)
	}
	byID := map[string]record.DatasetClient{}
	for _, c := range all {
		byID[c.ID] = c
		if c.SyncCompleted || c.GlobalHash() != "" || !c.Due().IsZero() {
			t.Errorf("%s: completed %v, global hash %q, due %v: want it to be listed first, at once", c.ID, c.SyncCompleted, c.GlobalHash(), c.Due())
		}
	}
	if c := byID[viewID]; c.CollisionCount != 3 || !c.Active || c.Stopped || string(c.QueryParams) != "{}" || c.Config != record.DefaultSyncConfig() {
		t.Errorf("a listed view: %+v", c)
	}
	if c := byID["tasks_stopped"]; !c.Stopped || c.Active || string(c.QueryParams) != `{"owner":"ann","n":3}` {
		t.Errorf("a stopped view: %+v", c)
	}
	if c := byID["tasks_twice"]; millis(c.LastAccessed) != int64(r.ago(3*time.Second)) {
		t.Errorf("a view with two documents was accessed at %v", c.LastAccessed)
	}
	if c := byID["tasks_bare"]; c.CollisionCount != 0 {
		t.Errorf("collisions %d, want 0 where the count is not a number", c.CollisionCount)
	}
	lease, _, err := s.AcquireLease(t.Context(), "scheduler", "me", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if done, err := s.ScheduleDue(t.Context(), lease, 10); err != nil || done.Jobs != 2 {
		t.Errorf("scheduled %+v, %v; want the two active views", done, err)
	}
}

func (r *reference) nan() float64 { return math.NaN() }

// Records are there for the difference of the first run, and no device gets one that
// a reference server tore.
func TestAdoptRecords(t *testing.T) {
	r := opened(t)
	r.view(viewID, r.listed()...)
	r.record("R1", hashOf(t, "one"), post("one"), viewID, "tasks_b")
	r.record("R2", nil, nil, viewID)
	r.record("R3", nil, nil)
	r.insert("fhsync_tasks_records", bson.D{is("uid", "R4"), is("hash", nil), is("data", nil)})
	r.record("R5", hashOf(t, "five"), post("five"), viewID)
	r.record("R5", hashOf(t, "five"), post("five"), "tasks_b")
	s := r.tandem()
	held := map[string]string{}
	for h, err := range s.ViewHashes(t.Context(), viewID) {
		if err != nil {
			t.Fatal(err)
		}
		held[h.UID] = h.Hash
	}
	if len(held) != 3 || held["R1"] != hashOf(t, "one") || held["R2"] != "" || held["R5"] == "" {
		t.Errorf("the view holds %v", held)
	}
	records := must[[]record.Record](t)(s.ReadRecords(t.Context(), "tasks", []string{"R1", "R3", "R4"}))
	if len(records) != 1 || string(records[0].Data) != `{"title":"one"}` {
		t.Errorf("records %+v, want R1 alone", records)
	}
	if _, views, err := s.RecordViews(t.Context(), "tasks", "R5"); err != nil || strings.Join(views, " ") != "tasks_all tasks_b" {
		t.Errorf("R5 is in %v, %v", views, err)
	}
}
