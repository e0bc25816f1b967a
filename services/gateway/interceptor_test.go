package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/services/gateway"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/wire"
)

type interceptor struct {
	request, response func(dataset string, req *wire.Request) error
}

func (i interceptor) Request(_ context.Context, dataset string, req *wire.Request) error {
	if i.request == nil {
		return nil
	}
	return i.request(dataset, req)
}

func (i interceptor) Response(_ context.Context, dataset string, req *wire.Request, _ wire.Summary) error {
	if i.response == nil {
		return nil
	}
	return i.response(dataset, req)
}

func intercepted(t *testing.T, i interceptor) *bench {
	t.Helper()
	return newBench(t, func(o *gateway.Options) { o.Interceptor = i })
}

func TestRequestInterceptorRefuses(t *testing.T) {
	for want, err := range map[int]error{
		http.StatusInternalServerError: errors.New("who are you?"),
		http.StatusForbidden:           &wire.Error{Status: http.StatusForbidden, Msg: "who are you?"},
	} {
		b := intercepted(t, interceptor{request: func(dataset string, _ *wire.Request) error {
			if dataset != "tasks" {
				t.Errorf("dataset %q", dataset)
			}
			return err
		}})
		for _, fn := range functions {
			w := b.post(request(fn, "phone", pending(create("c1", milk)), acks(ack("c1", 1))))
			if msg := b.text(w); w.Code != want || !strings.Contains(msg, "who are you?") {
				t.Errorf("%s: %d %s", fn, w.Code, msg)
			}
		}
		b.leftNothing("refused by the interceptor")
		if ops := b.counted(); len(ops) != 0 {
			t.Errorf("the store was asked: %v", ops)
		}
	}
}

// An interceptor binds a device to its own view: everything in the request follows.
func TestRequestInterceptorChanges(t *testing.T) {
	b := intercepted(t, interceptor{request: func(_ string, req *wire.Request) error {
		req.QueryParams = json.RawMessage(`{"owner":"anna"}`)
		req.MetaData = json.RawMessage(`{"user":"anna"}`)
		req.CUID = "anna/" + req.CUID
		return nil
	}})
	b.sync("phone", `"query_params":{"owner":"bert"}`, pending(create("c1", milk)), acks(ack("c0", 1)))
	id, err := record.DatasetClientID("tasks", json.RawMessage(`{"owner":"anna"}`))
	b.must(err)
	list := b.clients()
	if len(list) != 1 || list[0].ID != id || string(list[0].QueryParams) != `{"owner":"anna"}` || string(list[0].MetaData) != `{"user":"anna"}` {
		t.Fatalf("dataset clients %+v, want %s alone", list, id)
	}
	claimed, err := b.store.ClaimChanges(t.Context(), 10, time.Minute)
	b.must(err)
	if len(claimed) != 1 || claimed[0].Change.ClientID != id || claimed[0].Change.CUID != "anna/phone" || string(claimed[0].Change.MetaData) != `{"user":"anna"}` {
		t.Errorf("queued %+v", claimed)
	}
	acked, err := b.store.ClaimAcks(t.Context(), 10, time.Minute)
	b.must(err)
	if len(acked) != 1 || acked[0].Ack.CUID != "anna/phone" {
		t.Errorf("acknowledgements %+v", acked)
	}
	b.must(b.store.FinishChange(t.Context(), claimed[0].Claim, store.Outcome{Type: record.Applied, UID: "r1"}))
	if a := b.sync("phone"); a.Updates["applied"]["c1"].UID != "r1" {
		t.Errorf("answer %+v", a)
	}
	run, err := b.store.BeginRun(t.Context(), id, "job")
	b.must(err)
	b.must(b.store.WriteRecords(t.Context(), run, []record.Record{{UID: "r2", Hash: "h", Data: []byte(milk)}}, nil))
	b.must(b.store.EndRun(t.Context(), run, "content"))
	if a := b.syncRecords("phone", `"query_params":{"owner":"bert"}`); len(a.Create) != 1 {
		t.Errorf("syncRecords %+v, want the record of anna's view", a)
	}
}

func TestRequestInterceptorBreaksTheRequest(t *testing.T) {
	for text, fine := range map[string]bool{"": true, "[]": false, "null": false, "{": false} {
		b := intercepted(t, interceptor{request: func(_ string, req *wire.Request) error {
			req.QueryParams = json.RawMessage(text)
			return nil
		}})
		w := b.post(request("sync", "phone", `"query_params":{"a":1}`))
		if fine {
			if list := b.clients(); w.Code != http.StatusOK || len(list) != 1 || string(list[0].QueryParams) != "{}" {
				t.Errorf("query_params taken away: %d %s, %+v", w.Code, w.Body, list)
			}
			continue
		}
		if msg := b.text(w); w.Code != http.StatusInternalServerError || !strings.Contains(msg, "interceptor") {
			t.Errorf("query_params %q: %d %s", text, w.Code, msg)
		}
		b.leftNothing("broken by the interceptor")
	}
}

func TestResponseInterceptorRefuses(t *testing.T) {
	refuse := false
	b := intercepted(t, interceptor{response: func(_ string, req *wire.Request) error {
		if refuse {
			return errors.New("not for you: " + string(req.Fn))
		}
		return nil
	}})
	b.sync("phone")
	check := func(when string, fns ...string) {
		t.Helper()
		refuse = true
		for _, fn := range fns {
			w := b.post(request(fn, "phone"))
			if msg := b.text(w); w.Code != http.StatusInternalServerError || !strings.Contains(msg, "not for you: "+fn) {
				t.Errorf("%s, %s: %d %s", when, fn, w.Code, msg)
			}
		}
		refuse = false
	}
	check("before the first sync run", "sync", "syncRecords")
	b.list("r1", milk)
	check("after it", "sync", "syncRecords")
}
