package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

// taken is what a database of whole comes to, in the words of the port.
func taken(t *testing.T, r *reference, s *Store) {
	t.Helper()
	// A line whose head was lost in a crash gets one when there is nothing else to do.
	var got []string
	for range 3 {
		for _, c := range claimAll(t, s) {
			got = append(got, c.Change.Hash+" "+c.RecordUID)
		}
	}
	if slices.Sort(got); !slices.Equal(got, []string{"h7 R2", "u2 U1"}) {
		t.Errorf("to be done: %q", got)
	}
	wantTold(t, s, "phone", "c1 applied U1 c1", "c3 applied U3 c3")
	if n := len(must[[]record.DatasetClient](t)(s.ListDatasetClients(t.Context(), "tasks"))); n != 2 {
		t.Errorf("%d views, want 2", n)
	}
	if jobs := must[[]store.Job](t)(s.ClaimJobs(t.Context(), 10, time.Minute)); len(jobs) != 1 || jobs[0].ClientID != viewID {
		t.Errorf("jobs %+v, want that of the reference server", jobs)
	}
	r.clock.Advance(10 * time.Second)
	for _, c := range claimAll(t, s) {
		if c.RecordUID == "R1" && c.Change.Hash != "u5" {
			t.Errorf("first on R1 is %s, want u5", c.Change.Hash)
		}
	}
}

// Whatever command the process dies before, the next one comes to the same.
func TestAdoptCrash(t *testing.T) {
	whole := opened(t)
	whole.whole()
	s := whole.tandem()
	want := whole.dump()
	taken(t, whole, s)
	died := errors.New("died")
	for k := 1; ; k++ {
		r := opened(t)
		r.whole()
		n := 0
		crashing := r.o
		crashing.Interrupt = func(_ context.Context, command string) error {
			if strings.HasPrefix(command, "createIndexes") && n < k-1 {
				return nil // there are many, and making one twice does nothing
			}
			if n++; n >= k {
				return died
			}
			return nil
		}
		s, err := Open(t.Context(), crashing)
		if err == nil {
			if k < 30 {
				t.Errorf("taking over takes %d commands: too few to believe it", k-1)
			}
			t.Logf("%d commands", k-1)
			_ = s.Close()
			return
		}
		if !errors.Is(err, died) {
			t.Fatalf("dead before command %d: %v", k, err)
		}
		r.clock.Advance(2 * migrationTTL)
		again := r.tandem()
		r.clock.Advance(-2 * migrationTTL)
		if diff := cmp.Diff(want, r.dump(), ids()); diff != "" {
			t.Fatalf("dead before command %d, then opened again:\n%s", k, diff)
		}
		if k%10 == 0 {
			taken(t, r, again)
		}
	}
}

// ids are another in each database, but made of the same counter.
func ids() cmp.Option {
	plain := func(s string) string {
		b := []byte(s)
		for i := 0; i+24 <= len(b); i++ {
			if isHex(b[i : i+24]) {
				copy(b[i:], "........................")
			}
		}
		return string(b)
	}
	return cmp.Comparer(func(a, b string) bool { return plain(a) == plain(b) })
}

func isHex(b []byte) bool {
	for _, c := range b {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// Adopting again finds nothing to do.
func TestAdoptTwice(t *testing.T) {
	r := opened(t)
	r.whole()
	r.tandem()
	want := r.dump()
	writes := 0
	r.o.Interrupt = func(_ context.Context, command string) error {
		switch {
		case len(command) > 4 && command[:4] == "find", len(command) > 4 && command[:4] == "list":
		case command == "createIndexes "+collLocks:
		default:
			writes++
		}
		return nil
	}
	s := r.tandem()
	if writes > 0 {
		t.Errorf("%d writes the second time", writes)
	}
	if diff := cmp.Diff(want, r.dump()); diff != "" {
		t.Errorf("opened twice:\n%s", diff)
	}
	taken(t, r, s)
}

// Processes that start together take over once, and none serves before it is done.
func TestAdoptTogether(t *testing.T) {
	r := opened(t)
	r.whole()
	var all sync.WaitGroup
	stores := make([]*Store, 4)
	for i := range stores {
		all.Go(func() {
			s, err := Open(t.Context(), r.o)
			if err != nil {
				t.Error(err)
				return
			}
			stores[i] = s
			if found, err := s.foreign(t.Context()); err != nil || found {
				t.Errorf("open, and there is something to take over: %v, %v", found, err)
			}
		})
	}
	all.Wait()
	for _, s := range stores {
		if s != nil {
			t.Cleanup(func() { _ = s.Close() })
		}
	}
	if !t.Failed() {
		taken(t, r, stores[2])
	}
}

// A lock of a reference server's scheduler counts until it expires.
func TestAdoptLocks(t *testing.T) {
	r := opened(t)
	lock := func(name string, expire time.Duration) {
		r.insert(collLocks, bson.D{is("name", name), is("code", "abc"), is("expire", r.ago(-expire)), is("inserted", r.ago(0))})
	}
	lock("locks:sync:SyncScheduler", 20*time.Second)
	lock("locks:sync:DatasetCleaner", -time.Second)
	s := r.tandem()
	acquire := func(name string) bool {
		_, ok, err := s.AcquireLease(t.Context(), name, "me", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	if acquire("locks:sync:SyncScheduler") {
		t.Error("took the lock that a reference server holds")
	}
	if !acquire("locks:sync:DatasetCleaner") {
		t.Error("did not take a lock that has expired")
	}
	r.clock.Advance(21 * time.Second)
	if !acquire("locks:sync:SyncScheduler") {
		t.Error("did not take the lock of a reference server that is gone")
	}
}

// The reference server's indexes serve: none is made under the same name in another
// way, and the TTL is that of the settings.
func TestAdoptIndexes(t *testing.T) {
	r := opened(t)
	index := func(collection string, keys bson.D, opts *options.IndexOptionsBuilder) {
		if _, err := r.db.Collection(collection).Indexes().CreateOne(t.Context(), mongo.IndexModel{Keys: keys, Options: opts}); err != nil {
			t.Fatal(err)
		}
	}
	for _, queue := range queues {
		index(string(queue), bson.D{is("deleted", 1), is("visible", 1)}, nil)
		index(string(queue), bson.D{is("ack", 1)}, options.Index().SetUnique(true).SetSparse(true))
		index(string(queue), bson.D{is("deleted", 1)}, options.Index().SetExpireAfterSeconds(86400))
		index(string(queue), bson.D{is("deleted", 1), is("visible", 1), is("_id", 1)}, nil)
		index(string(queue), bson.D{is("ack", 1), is("visible", 1), is("deleted", 1)}, nil)
	}
	for _, field := range []string{"id", "datasetId", "active"} {
		index(collClients, bson.D{is(field, 1)}, nil)
	}
	index(collLocks, bson.D{is("name", 1)}, options.Index().SetUnique(true))
	index("fhsync_tasks_records", bson.D{is("uid", 1)}, nil)
	index("fhsync_tasks_records", bson.D{is("refs", 1)}, nil)
	index("fhsync_tasks_updates", bson.D{is("cuid", 1), is("hash", 1)}, nil)
	r.whole()
	before := r.indexes()
	r.o.Clock, r.o.QueueTTL = nil, time.Hour
	r.tandem()
	after := r.indexes()
	for name, want := range before {
		if after[name] != want && name != "fhsync_queue deleted_1" && name != "fhsync_ack_queue deleted_1" && name != "fhsync_pending_queue deleted_1" {
			t.Errorf("index %s was %s, is %s", name, want, after[name])
		}
	}
	for _, queue := range queues {
		if got := after[string(queue)+" deleted_1"]; got != "deleted expires after 3600" {
			t.Errorf("TTL index of %s: %s", queue, got)
		}
	}
	r.o.QueueTTL = 2 * time.Hour
	r.tandem()
	if got := r.indexes()["fhsync_queue deleted_1"]; got != "deleted expires after 7200" {
		t.Errorf("TTL index after queueMessagesTTL changed: %s", got)
	}
}

// indexes are the options of each, by collection and name.
func (r *reference) indexes() map[string]string {
	r.t.Helper()
	found := map[string]string{}
	collections, err := r.db.ListCollectionNames(r.t.Context(), bson.D{})
	if err != nil {
		r.t.Fatal(err)
	}
	for _, collection := range collections {
		specs, err := r.db.Collection(collection).Indexes().ListSpecifications(r.t.Context())
		if err != nil {
			r.t.Fatal(err)
		}
		for _, spec := range specs {
			elements, _ := spec.KeysDocument.Elements()
			text := ""
			for _, e := range elements {
				text += e.Key() + " "
			}
			if spec.Unique != nil && *spec.Unique {
				text += "unique "
			}
			if spec.Sparse != nil && *spec.Sparse {
				text += "sparse "
			}
			if spec.ExpireAfterSeconds != nil {
				text += fmt.Sprintf("expires after %d", *spec.ExpireAfterSeconds)
			}
			found[collection+" "+spec.Name] = text
		}
	}
	return found
}
