package storetest

import (
	"fmt"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

var clientsTests = []test{
	{"the first touch makes it", clientMade},
	{"a later touch replaces what it brings", clientTouched},
	{"last access never goes back", clientAccess},
	{"a touch without meta data leaves that of before", clientNoMetaData},
	{"many touches at once", clientTouchedByMany},
	{"unknown", clientUnknown},
	{"listed by id", clientsListed},
	{"stop and start", clientsStopped},
	{"a stopped dataset's new clients are stopped", clientsStoppedLater},
}

func clientMade(k *kit) {
	at := k.clock.Now().Add(-time.Second)
	k.must(k.TouchDatasetClients(k.ctx, []store.Touch{{ID: "tasks_1", Dataset: dataset, QueryParams: []byte(`{"q": 1.0}`),
		MetaData: []byte(`{"m":null}`), Config: record.SyncConfig{SyncFrequency: time.Second, ClientSyncTimeout: time.Minute,
			BackendListTimeout: time.Hour, MaxScheduleWaitTime: 1500 * time.Millisecond}, At: at}}))
	got := k.client("tasks_1")
	if !got.LastAccessed.Equal(at) {
		k.Fatalf("last accessed %v, want %v", got.LastAccessed, at)
	}
	got.LastAccessed = time.Time{}
	equal(k, "client", got, record.DatasetClient{ID: "tasks_1", Dataset: dataset, QueryParams: []byte(`{"q": 1.0}`),
		MetaData: []byte(`{"m":null}`), Active: true, Config: record.SyncConfig{SyncFrequency: time.Second,
			ClientSyncTimeout: time.Minute, BackendListTimeout: time.Hour, MaxScheduleWaitTime: 1500 * time.Millisecond}})
}

func clientTouched(k *kit) {
	k.touch("tasks_1")
	k.run("tasks_1", "c1", recs("r1", "a"))
	before := k.client("tasks_1")
	k.clock.Advance(time.Second)
	other := config
	other.SyncFrequency = time.Hour
	k.must(k.TouchDatasetClients(k.ctx, []store.Touch{{ID: "tasks_1", Dataset: dataset, QueryParams: []byte(`{}`),
		MetaData: []byte(`{"new":1}`), Config: other, At: k.clock.Now()}}))
	want := before
	want.Config, want.MetaData, want.LastAccessed = other, []byte(`{"new":1}`), k.clock.Now()
	got := k.client("tasks_1")
	if !got.LastAccessed.Equal(want.LastAccessed) {
		k.Fatalf("last accessed %v, want %v", got.LastAccessed, want.LastAccessed)
	}
	got.LastAccessed = want.LastAccessed
	equal(k, "client", got, want)
}

func clientAccess(k *kit) {
	k.touch("tasks_1")
	at := k.clock.Now()
	k.must(k.TouchDatasetClients(k.ctx, []store.Touch{{ID: "tasks_1", Dataset: dataset, Config: config, At: at.Add(-time.Hour)}}))
	if got := k.client("tasks_1").LastAccessed; !got.Equal(at) {
		k.Fatalf("last accessed %v, want %v", got, at)
	}
}

func clientNoMetaData(k *kit) {
	k.must(k.TouchDatasetClients(k.ctx, []store.Touch{{ID: "tasks_1", Dataset: dataset, QueryParams: []byte(`{"q":1}`),
		MetaData: []byte(`{"m":1}`), Config: config, At: k.clock.Now()}}))
	k.must(k.TouchDatasetClients(k.ctx, []store.Touch{{ID: "tasks_1", Dataset: dataset, Config: config, At: k.clock.Now()}}))
	equal(k, "meta data", string(k.client("tasks_1").MetaData), `{"m":1}`)
	equal(k, "query params", string(k.client("tasks_1").QueryParams), `{"q":1}`)
}

func clientTouchedByMany(k *kit) {
	k.together(16, func(i int) error {
		var touches []store.Touch
		for c := range 10 {
			touches = append(touches, store.Touch{ID: fmt.Sprintf("tasks_%d", c), Dataset: dataset, Config: config,
				At: k.clock.Now().Add(time.Duration(i) * time.Second)})
		}
		return k.TouchDatasetClients(k.ctx, touches)
	})
	all, err := k.ListDatasetClients(k.ctx, "")
	k.must(err)
	equal(k, "clients", len(all), 10)
	for _, d := range all {
		if want := k.clock.Now().Add(15 * time.Second); !d.LastAccessed.Equal(want) {
			k.Fatalf("last accessed %v, want %v", d.LastAccessed, want)
		}
	}
	k.must(k.TouchDatasetClients(k.ctx, nil))
}

func clientUnknown(k *kit) {
	_, err := k.DatasetClient(k.ctx, "nobody")
	k.wantErr(err, store.ErrNotFound)
	d, updates, err := k.SyncState(k.ctx, "nobody", dataset, phone, 0)
	k.must(err)
	if d != nil || len(updates) != 0 {
		k.Fatalf("state of nobody: %+v, %+v", d, updates)
	}
	equal(k, "view of nobody", len(k.view("nobody")), 0)
}

func clientsListed(k *kit) {
	k.touch("tasks_b", "tasks_a", "tasks_c")
	k.must(k.TouchDatasetClients(k.ctx, []store.Touch{{ID: "notes_a", Dataset: "notes", Config: config, At: k.clock.Now()}}))
	ids := func(dataset string) (ids []string) {
		all, err := k.ListDatasetClients(k.ctx, dataset)
		k.must(err)
		for _, d := range all {
			ids = append(ids, d.ID)
		}
		return ids
	}
	equal(k, "of tasks", ids(dataset), []string{"tasks_a", "tasks_b", "tasks_c"})
	equal(k, "of notes", ids("notes"), []string{"notes_a"})
	equal(k, "all", ids(""), []string{"notes_a", "tasks_a", "tasks_b", "tasks_c"})
	equal(k, "of nothing", len(ids("nothing")), 0)
}

func clientsStopped(k *kit) {
	k.touch("tasks_1", "tasks_2")
	k.must(k.TouchDatasetClients(k.ctx, []store.Touch{{ID: "notes_1", Dataset: "notes", Config: config, At: k.clock.Now()}}))
	n, err := k.SetStopped(k.ctx, dataset, true)
	k.must(err)
	equal(k, "stopped", n, 2)
	equal(k, "stopped", k.client("tasks_1").Stopped, true)
	equal(k, "another dataset", k.client("notes_1").Stopped, false)
	k.touch("tasks_1")
	equal(k, "after a touch", k.client("tasks_1").Stopped, true)
	n, err = k.SetStopped(k.ctx, dataset, false)
	k.must(err)
	equal(k, "started", n, 2)
	equal(k, "started", k.client("tasks_1").Stopped, false)
}

func clientsStoppedLater(k *kit) {
	n, err := k.SetStopped(k.ctx, dataset, true)
	k.must(err)
	equal(k, "clients", n, 0)
	k.touch("tasks_1")
	equal(k, "stopped", k.client("tasks_1").Stopped, true)
	_, err = k.SetStopped(k.ctx, dataset, false)
	k.must(err)
	k.touch("tasks_2")
	equal(k, "stopped", k.client("tasks_2").Stopped, false)
}
