package takeover

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-sync/tandem/services/test/cluster"
	"github.com/tandem-sync/tandem/services/test/mongotest"
)

// world is one database, the server that works on it at the moment, and the devices.
type world struct {
	t        *testing.T
	dir      string
	uri      string
	database string
	db       *mongo.Database
	server   atomic.Pointer[url.URL] // whom devices reach; nil: nobody
	phones   *phones
	front    string
	began    time.Time
}

// step says where the test is, for whoever reads why it failed or takes long.
func (w *world) step(what string) {
	w.t.Helper()
	w.t.Logf("%4.1f s: %s", time.Since(w.began).Seconds(), what)
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: programs(t), began: time.Now()}
	w.uri, w.database = mongotest.Database(t)
	client, err := mongo.Connect(options.Client().ApplyURI(w.uri))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(t.Context()) })
	w.db = client.Database(w.database)
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(w.server.Load()) }}
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.server.Load() == nil {
			http.Error(rw, `"nobody is there"`, http.StatusBadGateway)
			return
		}
		proxy.ServeHTTP(rw, r)
	}))
	t.Cleanup(front.Close)
	w.front = front.URL
	w.phones = &phones{program: start(t, w.dir, "devices.mjs")}
	return w
}

func (w *world) device(name, dataset string, query map[string]any) *device {
	w.t.Helper()
	return w.phones.open(w.front, name, dataset, query)
}

func (w *world) serve(address string) {
	w.t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		w.t.Fatal(err)
	}
	w.server.Store(u)
}

// reference starts a reference server for the devices; the settings are its own, by
// name. Its workers poll often, so that the test need not wait.
func (w *world) reference(settings map[string]any) *program {
	w.t.Helper()
	none := map[string]any{"strategy": "none"}
	server := map[string]any{"pendingWorkerInterval": 20, "pendingWorkerBackoff": none, "ackWorkerInterval": 20, "ackWorkerBackoff": none,
		"syncWorkerInterval": 20, "syncWorkerBackoff": none, "schedulerInterval": 100, "schedulerLockMaxTime": 1000}
	maps.Copy(server, settings)
	setup, err := json.Marshal(map[string]any{"mongo": w.uri + "/" + w.database, "server": server, "datasets": []string{"orders", "notes"}})
	if err != nil {
		w.t.Fatal(err)
	}
	p := start(w.t, w.dir, "host.mjs", "HOST_SETUP="+string(setup))
	for {
		if port, ready := strings.CutPrefix(p.line(), "ready "); ready {
			w.serve("http://127.0.0.1:" + port)
			break
		}
	}
	go func() { // it talks about its settings
		for range p.lines {
		}
	}()
	return p
}

// config of Tandem's processes, in the same spirit.
const config = `
syncFrequency: 1
pendingWorkerBackoff: exp:200
ackWorkerBackoff: exp:200
syncWorkerBackoff: exp:200
schedulerInterval: 100
`

// tandem starts a cluster for the devices.
func (w *world) tandem() *cluster.Cluster {
	w.t.Helper()
	c := cluster.Start(w.t, cluster.Options{MongoURI: w.uri, Database: w.database, Config: config,
		Replicas: map[string]int{"adapter mongo": 1, "ack-worker": 1, "sync-worker": 1, "scheduler": 1}})
	w.serve(c.URL)
	return c
}

// away is the moment between two servers.
func (w *world) away() { w.server.Store(nil) }

// until waits for what another process does.
func (w *world) until(what string, done func() bool) {
	w.t.Helper()
	tick, deadline := time.NewTicker(20*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			w.t.Fatalf("not reached in %v: %s", patience, what)
		}
	}
}

func (w *world) count(collection string, filter bson.D) int {
	w.t.Helper()
	n, err := w.db.Collection(collection).CountDocuments(w.t.Context(), filter)
	if err != nil {
		w.t.Fatal(err)
	}
	return int(n)
}

func is(key string, value any) bson.E { return bson.E{Key: key, Value: value} }

// waiting counts what a queue holds that is not done.
func (w *world) waiting(queue string) int { return w.count(queue, bson.D{is("deleted", nil)}) }

// applied waits until a server has a result of a change, whether told or not.
func (w *world) applied(d *device, c change) {
	w.t.Helper()
	w.until("result of "+c.Hash, func() bool {
		return w.count("fhsync_"+d.dataset+"_updates", bson.D{is("hash", c.Hash), is("type", "applied")}) > 0
	})
}

// idle waits until Tandem has nothing to do: no change, no acknowledgement, and no
// record in whose line something stands.
func (w *world) idle() {
	w.t.Helper()
	w.until("empty queues", func() bool {
		heads := w.count("fhsync_pending_queue", bson.D{is("head", bson.D{is("$exists", true)})})
		return heads+w.waiting("fhsync_pending_queue")+w.waiting("fhsync_ack_queue") == 0
	})
}

// backend is what a dataset's collection holds, by uid, as JSON.
func (w *world) backend(dataset string, query map[string]any) map[string]string {
	w.t.Helper()
	filter := bson.M{}
	maps.Copy(filter, query)
	cursor, err := w.db.Collection(dataset).Find(w.t.Context(), filter)
	if err != nil {
		w.t.Fatal(err)
	}
	var docs []bson.M
	if err := cursor.All(w.t.Context(), &docs); err != nil {
		w.t.Fatal(err)
	}
	held := map[string]string{}
	for _, d := range docs {
		id, ok := d["_id"].(bson.ObjectID)
		if !ok {
			w.t.Fatalf("a record of %s has the _id %v", dataset, d["_id"])
		}
		delete(d, "_id")
		held[id.Hex()] = printed(w.t, d)
	}
	return held
}

// printed is JSON with sorted keys.
func printed(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// holds checks the records of a dataset: "title v" each, every one once.
func (w *world) holds(dataset string, want ...string) {
	w.t.Helper()
	var got []string
	for _, text := range w.backend(dataset, nil) {
		var r struct{ Title, V string }
		if err := json.Unmarshal([]byte(text), &r); err != nil {
			w.t.Fatal(err)
		}
		got = append(got, strings.TrimSpace(fmt.Sprintf("%s %s", r.Title, r.V)))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		w.t.Errorf("the backend holds %q, want %q", got, want)
	}
}
