package faults

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	driver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-sync/tandem/api/adapter"
	engine "github.com/tandem-sync/tandem/services/internal/store/mongo"
	"github.com/tandem-sync/tandem/services/test/cluster"
	"github.com/tandem-sync/tandem/services/test/fleet"
)

// database is the cluster's, seen past the proxy with the driver alone.
type database struct {
	*driver.Database
	*testing.T
}

func look(t *testing.T, c *cluster.Cluster) database {
	t.Helper()
	client, err := driver.Connect(options.Client().ApplyURI(c.MongoURI))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	return database{client.Database(c.Database), t}
}

// all reads a collection in the order of its ids.
func (d database) all(collection string) []bson.Raw {
	d.Helper()
	cursor, err := d.Collection(collection).Find(d.Context(), bson.D{}, options.Find().SetSort(bson.M{"_id": 1}))
	if err != nil {
		d.Fatal(err)
	}
	var docs []bson.Raw
	if err := cursor.All(d.Context(), &docs); err != nil {
		d.Fatal(err)
	}
	return docs
}

// queued is how many messages wait or are in work.
func (d database) queued() (int, error) {
	total := 0
	for _, queue := range []string{"fhsync_pending_queue", "fhsync_ack_queue", "fhsync_queue"} {
		n, err := d.Collection(queue).CountDocuments(d.Context(), bson.M{"deleted": nil})
		if err != nil {
			return 0, err
		}
		total += int(n)
	}
	return total, nil
}

// awaitRuns waits until every view has been listed after all that was, and has no
// run under way: none has one for ever.
func (d database) awaitRuns(patience time.Duration) {
	d.Helper()
	type view struct {
		ID          string `bson:"id"`
		RunToken    int64  `bson:"runToken"`
		SyncLoopEnd int64  `bson:"syncLoopEnd"`
	}
	before, ended := map[string]int64{}, map[string]bool{}
	fleet.Wait(d, patience, "not every view had a sync run that ended", func() bool {
		for _, doc := range d.all("fhsync_datasetClients") {
			var v view
			if err := bson.Unmarshal(doc, &v); err != nil {
				d.Fatal(err)
			}
			if _, seen := before[v.ID]; !seen {
				before[v.ID] = v.SyncLoopEnd
			}
			ended[v.ID] = ended[v.ID] || v.RunToken == 0 && v.SyncLoopEnd > before[v.ID]
		}
		return len(ended) > 0 && !slices.Contains(slices.Collect(maps.Values(ended)), false)
	})
}

// check looks into the database and the team's backend once all is at rest.
func (w *world) check() (figures string) {
	w.Helper()
	found := fleet.Evidence{Log: w.db.log(), Backend: map[string]map[string]json.RawMessage{}, Collisions: map[string]int{}}
	for _, d := range datasets {
		if d == teamDataset {
			found.Backend[d], found.Collisions[d] = w.team.content(d)
			continue
		}
		found.Backend[d] = w.db.records(d)
		found.Collisions[d] = len(w.db.all(d + "_collision"))
	}
	st, err := engine.Open(w.Context(), engine.Options{URI: w.c.MongoURI, Database: w.c.Database})
	if err != nil {
		w.Fatal(err)
	}
	defer st.Close()
	w.f.CheckStore(w, st, found.Backend)
	return w.f.Check(w, found)
}

// log reads the pending queue, all of it.
func (d database) log() []fleet.Entry {
	d.Helper()
	var log []fleet.Entry
	for _, doc := range d.all("fhsync_pending_queue") {
		var m struct {
			Payload struct {
				DatasetID               string `bson:"datasetId"`
				CUID, Hash, Action, UID string
				Post                    bson.RawValue
			}
			Outcome struct{ Type, UID string }
		}
		if err := bson.Unmarshal(doc, &m); err != nil {
			d.Fatalf("%v in %v", err, doc)
		}
		p := m.Payload
		e := fleet.Entry{Dataset: p.DatasetID, UID: p.UID, Outcome: m.Outcome.Type, OutcomeUID: m.Outcome.UID}
		e.Change = fleet.Change{CUID: p.CUID, Hash: p.Hash, Action: p.Action}
		if post, ok := p.Post.DocumentOK(); ok { // a delete has none
			e.Token = fleet.Token(jsonOf(d.T, post))
		}
		log = append(log, e)
	}
	return log
}

// records reads what the mongo adapter wrote.
func (d database) records(dataset string) map[string]json.RawMessage {
	d.Helper()
	all := map[string]json.RawMessage{}
	for _, doc := range d.all(dataset) {
		all[doc.Lookup("_id").ObjectID().Hex()] = jsonOf(d.T, doc)
	}
	return all
}

// jsonOf is a document as JSON, without its _id.
func jsonOf(t *testing.T, doc bson.Raw) json.RawMessage {
	t.Helper()
	var fields bson.D
	if err := bson.Unmarshal(doc, &fields); err != nil {
		t.Fatal(err)
	}
	fields = slices.DeleteFunc(fields, func(e bson.E) bool { return e.Key == "_id" })
	data, err := bson.MarshalExtJSON(fields, false, false)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// content is what the team's backend holds.
func (a *teamAdapter) content(dataset string) (records map[string]json.RawMessage, collisions int) {
	a.t.Helper()
	records = map[string]json.RawMessage{}
	err := a.Adapter.List(a.t.Context(), adapter.ListRequest{Dataset: dataset, QueryParams: json.RawMessage(`{}`)}, func(r adapter.Record) error {
		records[r.UID] = r.Data
		return nil
	})
	if err != nil {
		a.t.Fatal(err)
	}
	raw, err := a.ListCollisions(a.t.Context(), adapter.ListCollisionsRequest{Dataset: dataset})
	if err != nil {
		a.t.Fatal(err)
	}
	var kept map[string]json.RawMessage
	if err := json.Unmarshal(raw, &kept); err != nil {
		a.t.Fatal(err)
	}
	return records, len(kept)
}
