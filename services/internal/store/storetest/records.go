package storetest

import (
	"context"
	"fmt"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

var recordsTests = []test{
	{"records come and go with the view", recordsComeAndGo},
	{"a record that another view holds keeps its data", recordsShared},
	{"a view holds what its runs wrote, no more", recordsViews},
	{"of one dataset alone", recordsDataset},
	{"unknown ones are left out", recordsUnknown},
	{"very many in one run", recordsMany},
	{"reading hashes while writing", recordsWhileWriting},
	{"reading hashes ends when asked", recordsBreak},
}

func recordsComeAndGo(k *kit) {
	k.touch("tasks_1")
	k.run("tasks_1", "c1", recs("r1", "a", "r2", "b"))
	equal(k, "view", k.view("tasks_1"), map[string]string{"r1": "a", "r2": "b"})
	equal(k, "records", k.records("r1", "r2"), map[string]record.Record{"r1": rec("r1", "a"), "r2": rec("r2", "b")})
	k.run("tasks_1", "c2", recs("r2", "b2", "r3", "c"), "r1")
	equal(k, "view", k.view("tasks_1"), map[string]string{"r2": "b2", "r3": "c"})
	equal(k, "records", k.records("r1", "r2", "r3"), map[string]record.Record{"r2": rec("r2", "b2"), "r3": rec("r3", "c")})
	k.run("tasks_1", "c3", nil, "r2", "r3", "r3", "r1")
	equal(k, "view", len(k.view("tasks_1")), 0)
	equal(k, "records", len(k.records("r1", "r2", "r3")), 0)
}

// recordsShared: such a record must not reach devices without data (protocol
// section 4, trap 5).
func recordsShared(k *kit) {
	k.touch("tasks_1", "tasks_2")
	k.run("tasks_1", "c", recs("r1", "a", "r2", "b"))
	k.run("tasks_2", "c", recs("r1", "a"))
	k.run("tasks_1", "c2", nil, "r1")
	equal(k, "view 1", k.view("tasks_1"), map[string]string{"r2": "b"})
	equal(k, "view 2", k.view("tasks_2"), map[string]string{"r1": "a"})
	equal(k, "data", k.records("r1"), map[string]record.Record{"r1": rec("r1", "a")})
	k.run("tasks_2", "c2", nil, "r1")
	equal(k, "data", len(k.records("r1")), 0)
}

func recordsViews(k *kit) {
	k.touch("tasks_1", "tasks_2")
	k.run("tasks_1", "c", recs("r1", "a"))
	run := k.begin("tasks_2")
	k.must(k.WriteRecords(k.ctx, run, recs("r2", "b"), []string{"r1"})) // not its own: stays
	k.must(k.EndRun(k.ctx, run, "c"))
	equal(k, "view 1", k.view("tasks_1"), map[string]string{"r1": "a"})
	equal(k, "view 2", k.view("tasks_2"), map[string]string{"r2": "b"})
	k.run("tasks_2", "c", recs("r1", "a2"))
	equal(k, "view 1", k.view("tasks_1"), map[string]string{"r1": "a2"})
}

func recordsDataset(k *kit) {
	k.touch("tasks_1")
	k.must(k.TouchDatasetClients(k.ctx, []store.Touch{{ID: "notes_1", Dataset: "notes", Config: config, At: k.clock.Now()}}))
	k.run("tasks_1", "c", recs("r1", "a"))
	k.run("notes_1", "c", recs("r1", "n"))
	equal(k, "tasks", k.view("tasks_1"), map[string]string{"r1": "a"})
	equal(k, "notes", k.view("notes_1"), map[string]string{"r1": "n"})
	notes, err := k.ReadRecords(k.ctx, "notes", []string{"r1"})
	k.must(err)
	equal(k, "record", notes, []record.Record{rec("r1", "n")})
	k.run("notes_1", "c2", nil, "r1")
	equal(k, "tasks' record", len(k.records("r1")), 1)
}

func recordsUnknown(k *kit) {
	k.touch("tasks_1")
	k.run("tasks_1", "c", recs("r1", "a"))
	equal(k, "found", len(k.records("r1", "r2", "")), 1)
	equal(k, "none asked for", len(k.records()), 0)
	none, err := k.ReadRecords(k.ctx, "nothing", []string{"r1"})
	k.must(err)
	equal(k, "of another dataset", len(none), 0)
}

func manyRecords(n int, hash string) (all []record.Record, uids []string) {
	for i := range n {
		uids = append(uids, fmt.Sprintf("r%05d", i))
		all = append(all, rec(uids[i], hash))
	}
	return all, uids
}

func recordsMany(k *kit) {
	n := k.many()
	all, uids := manyRecords(n, "a")
	k.touch("tasks_1", "tasks_2")
	k.run("tasks_1", "c1", all)
	k.run("tasks_2", "c1", all[:n/2])
	equal(k, "view", len(k.view("tasks_1")), n)
	equal(k, "other view", len(k.view("tasks_2")), n/2)
	equal(k, "records", len(k.records(uids...)), n)
	changed, _ := manyRecords(n, "b")
	k.run("tasks_1", "c2", changed)
	equal(k, "a record", k.records(uids[n-1])[uids[n-1]].Hash, "b")
	k.run("tasks_1", "c3", nil, uids...)
	equal(k, "view", len(k.view("tasks_1")), 0)
	equal(k, "other view", len(k.view("tasks_2")), n/2)
	equal(k, "records", len(k.records(uids...)), n/2)
}

func recordsWhileWriting(k *kit) {
	n := k.many() / 2
	all, _ := manyRecords(n, "a")
	k.touch("tasks_1")
	k.run("tasks_1", "c1", all)
	run := k.begin("tasks_1")
	seen := 0
	for h, err := range k.ViewHashes(k.ctx, "tasks_1") {
		k.must(err)
		if seen%(n/5) == 0 {
			k.must(k.WriteRecords(k.ctx, run, recs(h.UID, "b"), nil))
		}
		seen++
	}
	equal(k, "seen", seen, n)
	k.must(k.EndRun(k.ctx, run, "c2"))
}

func recordsBreak(k *kit) {
	all, _ := manyRecords(10, "a")
	k.touch("tasks_1")
	k.run("tasks_1", "c1", all)
	seen := 0
	for _, err := range k.ViewHashes(k.ctx, "tasks_1") {
		k.must(err)
		if seen++; seen == 3 {
			break
		}
	}
	equal(k, "seen", seen, 3)
	ctx, cancel := context.WithCancel(k.ctx)
	cancel()
	failed := 0
	for _, err := range k.ViewHashes(ctx, "tasks_1") {
		if err == nil {
			k.Fatal("hashes after cancellation")
		}
		failed++
	}
	equal(k, "errors after cancellation", failed, 1)
}
