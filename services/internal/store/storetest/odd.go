package storetest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
)

var oddTests = []test{
	{"names of changes", oddChanges},
	{"names of records", oddRecords},
	{"names that begin alike differ", oddAlike},
	{"JSON of changes comes back byte for byte", oddChangeJSON},
	{"JSON of records comes back byte for byte", oddRecordJSON},
	{"very many changes in one request", manyChanges},
}

// oddNames are names that a device or a backend may choose. The bytes of a lone
// surrogate are those that UTF-8 would have for it.
func oddNames() []string {
	return []string{
		"Ærø 🦊 \u2028", "$where", "a.b.c", "{\"$ne\":null}", " ", "'; DROP TABLE x; --", "%", "_", "NULL", "0", "1e3",
		"nul\x00inside", "\x00", "surrogate \xed\xa0\x80", "not utf-8 \xff\xfe", "line\nbreak\r\n", strings.Repeat("long", 5000),
	}
}

func oddChanges(k *kit) {
	for _, name := range oddNames() {
		cuid := "cuid " + name
		c := create(cuid, "hash "+name, `{"v":1}`)
		c.UID, c.ClientID, c.Invalid = name, "tasks_"+name, name
		equal(k, "enqueued", k.enqueue(c), isNew)
		equal(k, "again", k.enqueue(c), isKnown)
		claimed := k.claimHash("hash " + name)
		equal(k, "change", claimed.Change, c)
		equal(k, "record uid", claimed.RecordUID, name)
		outcome := store.Outcome{Type: record.Applied, UID: "real " + name, Msg: name, Wrote: "wrote " + name}
		k.finish(claimed, outcome)

		u := k.update1(cuid)
		equal(k, "update", u, record.Update{Type: record.Applied, CUID: cuid, Action: record.ActionCreate, Hash: "hash " + name,
			UID: "real " + name, OldUID: name, Msg: name, Timestamp: u.Timestamp})
		c.Post = json.RawMessage(`{"v":2}`)
		k.enqueue(c, edit(cuid, "other "+name, name))
		newer := k.do("hash "+name, outcome)
		equal(k, "earlier", newer.Earlier, &outcome)
		equal(k, "record uid", k.do("other "+name, applied("real "+name, "")).RecordUID, "real "+name)
		uids, err := k.ChangedUIDs(k.ctx, dataset, cuid, time.Time{})
		k.must(err)
		equal(k, "changed uids", len(uids), 2)
		k.ack(cuid, k.updates(cuid)...)
		k.noUpdates(cuid)
	}
}

func oddRecords(k *kit) {
	names := append(oddNames(), "")
	var all []record.Record
	for i, name := range names {
		all = append(all, rec(name, fmt.Sprint("hash", i)))
	}
	id := "tasks_ nul\x00 \xff"
	k.touch(id)
	k.run(id, "c", all)
	view := k.view(id)
	equal(k, "view", len(view), len(names))
	found := k.records(names...)
	for _, r := range all {
		equal(k, "hash", view[r.UID], r.Hash)
		equal(k, "record", found[r.UID], r)
	}
	equal(k, "client id", k.client(id).ID, id)
	k.run(id, "c", nil, names...)
	equal(k, "view", len(k.view(id)), 0)
	lease := k.acquired("lease "+names[0], "holder "+names[1])
	k.must(k.RenewLease(k.ctx, lease, ttl))
}

// oddAlike: nothing cuts a name at a NUL, folds case or trims spaces.
func oddAlike(k *kit) {
	names := []string{"a", "A", "a ", "a\x00", "a\x00b", "a\x00c", "á", "a\u0301"}
	var all []record.Record
	for _, name := range names {
		equal(k, "enqueued", k.enqueue(edit(name, name, name)), isNew)
		all = append(all, rec(name, "of "+name))
	}
	claimed := k.claim(100)
	equal(k, "claimed", hashes(claimed), names)
	for _, c := range claimed {
		k.finish(c, applied(c.RecordUID, ""))
		equal(k, "uid", k.update1(c.Change.CUID).UID, c.Change.UID)
	}
	k.touch("tasks_1", "tasks_1\x00")
	k.run("tasks_1", "c", all)
	equal(k, "view", len(k.view("tasks_1")), len(names))
	equal(k, "other view", len(k.view("tasks_1\x00")), 0)
	k.run("tasks_1", "c", nil, "a\x00")
	equal(k, "view", len(k.view("tasks_1")), len(names)-1)
}

// oddJSON are documents that are easy to change by storing them.
func oddJSON() []string {
	return []string{
		`{}`, `{ "white" :	"space" }`, `{"b":1,"a":2}`, `{"twice":1,"twice":2}`, `{"":"empty key","a":{"":{}}}`,
		`{"$set":{"a.b":1},"a.b":2,"$":3,".":4,"$where":"x"}`, `{"_id":1,"__proto__":{},"constructor":null}`,
		`{"nul":"\u0000","\u0000":1,"surrogate":"\ud800","\udfff":"\uD83D\uDE00"}`,
		`{"n":[1.0,1e0,1E+2,-0,0.1e-7,12345678901234567890,1e400,5e-324]}`,
		"{\"raw\":\"\u2028\u2029\u007f 🦊 \u0301\"}", `{"slash":"\/","html":"<>&"}`, `{"t":true,"f":false,"n":null,"a":[]}`,
		`{"deep":` + strings.Repeat(`{"a":[`, 500) + strings.Repeat(`]}`, 500) + `}`,
		`{"large":"` + strings.Repeat("0123456789abcdef", 5<<20/16) + `"}`,
	}
}

func oddChangeJSON(k *kit) {
	for i, doc := range oddJSON() {
		c := update(phone, fmt.Sprint("h", i), fmt.Sprint("r", i), doc, doc)
		c.MetaData = json.RawMessage(doc)
		k.enqueue(c)
		got := k.do(c.Hash, applied(c.UID, "")).Change
		for what, raw := range map[string]json.RawMessage{"pre": got.Pre, "post": got.Post, "meta": got.MetaData} {
			if string(raw) != doc {
				k.Fatalf("%s: %.200s, want %.200s", what, raw, doc)
			}
		}
	}
}

func oddRecordJSON(k *kit) {
	k.touch("tasks_1")
	var all []record.Record
	var uids []string
	for i, doc := range oddJSON() {
		uids = append(uids, fmt.Sprint("r", i))
		all = append(all, record.Record{UID: uids[i], Hash: fmt.Sprint("h", i), Data: json.RawMessage(doc)})
	}
	k.run("tasks_1", "c", all)
	found := k.records(uids...)
	for _, want := range all {
		if got := found[want.UID]; string(got.Data) != string(want.Data) {
			k.Fatalf("record %s: %.200s, want %.200s", want.UID, got.Data, want.Data)
		}
	}
	k.must(k.TouchDatasetClients(k.ctx, []store.Touch{{ID: "tasks_2", Dataset: dataset, Config: config, At: k.clock.Now(),
		QueryParams: []byte(oddJSON()[7]), MetaData: []byte(oddJSON()[5])}}))
	d := k.client("tasks_2")
	equal(k, "query params", string(d.QueryParams), oddJSON()[7])
	equal(k, "meta data", string(d.MetaData), oddJSON()[5])
}

func manyChanges(k *kit) {
	n := k.many()
	var all []record.Change
	for i := range n {
		all = append(all, edit(phone, fmt.Sprintf("h%05d", i), fmt.Sprintf("r%04d", i%(n/2))))
	}
	equal(k, "enqueued", k.enqueue(all...), store.EnqueueResult{Queued: n})
	equal(k, "again", k.enqueue(all...), store.EnqueueResult{Repeated: n})
	for _, first := range []int{0, n / 2} {
		claimed := k.claim(n)
		equal(k, "claimed", len(claimed), n/2)
		for i, c := range claimed {
			if c.Change.Hash != all[first+i].Hash {
				k.Fatalf("claimed %s, want %s", c.Change.Hash, all[first+i].Hash)
			}
		}
		const workers = 20
		k.together(workers, func(worker int) error {
			for i := worker; i < len(claimed); i += workers {
				if err := k.FinishChange(k.ctx, claimed[i].Claim, applied(claimed[i].RecordUID, "")); err != nil {
					return err
				}
			}
			return nil
		})
	}
	updates := k.updates(phone)
	equal(k, "updates", len(updates), n)
	k.sendAck(phone, updates...)
	acks, err := k.ClaimAcks(k.ctx, n+1, window)
	k.must(err)
	k.must(k.FinishAcks(k.ctx, acks))
	k.noUpdates(phone)
}
