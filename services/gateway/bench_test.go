package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/memadapter"
	"github.com/tandem-sync/tandem/services/gateway"
	"github.com/tandem-sync/tandem/services/internal/backend"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/stats"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/store/sqlite"
	"github.com/tandem-sync/tandem/services/internal/store/wrap"
	"github.com/tandem-sync/tandem/services/internal/wake"
)

// bench is a gateway on a real store in memory and a real adapter over gRPC. What
// workers do is done by hand.
type bench struct {
	*testing.T
	gateway *gateway.Gateway
	store   *sqlite.Store // as the engine made it: looking there is not counted
	adapter *flaky
	bus     *wake.Local
	log     *lockedBuffer

	mu    sync.Mutex
	now   time.Time
	ops   map[string]int // store operations of the gateway, by name
	fault wrap.Hook      // may be nil
}

// flaky is the adapter behind the gateway; trouble comes before it.
type flaky struct {
	adapter.Adapter
	trouble func(context.Context) error
}

func (f *flaky) ListCollisions(ctx context.Context, req adapter.ListCollisionsRequest) (json.RawMessage, error) {
	if f.trouble != nil {
		if err := f.trouble(ctx); err != nil {
			return nil, err
		}
	}
	return f.Adapter.ListCollisions(ctx, req)
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// datasets knows all datasets, or those listed.
type datasets []string

func (d datasets) Dataset(id string) (record.SyncConfig, bool) {
	for _, known := range d {
		if id == known {
			return record.DefaultSyncConfig(), true
		}
	}
	return record.DefaultSyncConfig(), len(d) == 0
}

// newBench makes a bench; change may be nil.
func newBench(t *testing.T, change func(*gateway.Options)) *bench {
	t.Helper()
	b := &bench{T: t, bus: wake.NewLocal(), log: &lockedBuffer{}, now: time.UnixMilli(1_700_000_000_000), ops: map[string]int{}}
	var err error
	b.store, err = sqlite.Open(t.Context(), sqlite.Options{Clock: b.clock})
	b.must(err)
	t.Cleanup(func() { b.store.Close() })
	b.adapter = &flaky{Adapter: memadapter.New()}
	log := slog.New(slog.NewJSONHandler(b.log, nil))
	conn, stop := backend.InProcess(b.adapter, adapter.WithLogger(log))
	t.Cleanup(stop)
	router := backend.New(backend.Options{Default: conn, Logger: log})
	counted := wrap.Observe(b.store, func(op string, _ time.Duration, _ error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.ops[op]++
	})
	o := gateway.Options{
		Config: gateway.Config{
			BodyLimit: 1 << 20, RequestTimeout: time.Minute, CORSOrigins: []string{"*"}, AccessLog: true,
			SyncReqWaitForAck: true, SyncReqAckLimit: -1, Version: "1.2.3",
		},
		Store: wrap.Faulty(counted, b.hook), Backend: func(d string) (gateway.Backend, error) { return router.For(d) },
		Datasets: datasets{}, Stats: stats.New(stats.Options{Keep: 10}), Bus: b.bus, Clock: b.clock, Log: log,
	}
	if change != nil {
		change(&o)
	}
	b.gateway, err = gateway.New(o)
	b.must(err)
	return b
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

// pass lets time go by.
func (b *bench) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func (b *bench) hook(ctx context.Context, op string, before bool) error {
	b.mu.Lock()
	fault := b.fault
	b.mu.Unlock()
	if fault == nil {
		return nil
	}
	return fault(ctx, op, before)
}

// inject puts a hook around the store operations of the gateway; nil: none.
func (b *bench) inject(fault wrap.Hook) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fault = fault
}

// fail makes a store operation ("": all) fail before it happens.
func (b *bench) fail(op string, err error) {
	b.inject(func(_ context.Context, o string, before bool) error {
		if before && (op == "" || o == op) {
			return err
		}
		return nil
	})
}

// counted returns the store operations since the last call.
func (b *bench) counted() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	ops := b.ops
	b.ops = map[string]int{}
	return ops
}

func (b *bench) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// do sends a request without a network.
func (b *bench) do(method, path, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(b.Context(), method, path, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	b.gateway.ServeHTTP(w, r)
	return w
}

func (b *bench) post(body string, header ...string) *httptest.ResponseRecorder {
	return b.do(http.MethodPost, "/sync/tasks", body, header...)
}

// answer is what a device gets.
type answer struct {
	Hash    string
	Updates map[string]map[string]update // by kind, then by hash
	Create  map[string]rec
	Update  map[string]rec
	Delete  map[string]struct{}
}

type update struct {
	Type, CUID, Action, Hash, UID, OldUID, Msg string
	Timestamp                                  int64
}

type rec struct {
	UID, Hash string
	Data      json.RawMessage
}

// ask sends a request that must succeed.
func (b *bench) ask(body string) answer {
	b.Helper()
	w := b.post(body)
	if w.Code != http.StatusOK {
		b.Fatalf("%s\n→ %d %s", body, w.Code, w.Body)
	}
	var a answer
	b.must(json.Unmarshal(w.Body.Bytes(), &a))
	return a
}

// sync asks as a device; fields are further members of the request.
func (b *bench) sync(cuid string, fields ...string) answer {
	b.Helper()
	return b.ask(request("sync", cuid, fields...))
}

func (b *bench) syncRecords(cuid string, fields ...string) answer {
	b.Helper()
	return b.ask(request("syncRecords", cuid, fields...))
}

func request(fn, cuid string, fields ...string) string {
	members := append([]string{fmt.Sprintf(`"fn":%q,"__fh":{"cuid":%q}`, fn, cuid)}, fields...)
	return "{" + strings.Join(members, ",") + "}"
}

func pending(changes ...string) string { return `"pending":[` + strings.Join(changes, ",") + "]" }

func create(hash, post string) string {
	return fmt.Sprintf(`{"action":"create","hash":%q,"uid":%q,"post":%s,"timestamp":5}`, hash, hash, post)
}

func acks(list ...string) string { return `"acknowledgements":[` + strings.Join(list, ",") + "]" }

func ack(hash string, timestamp int64) string {
	return fmt.Sprintf(`{"type":"applied","hash":%q,"cuid":"phone","timestamp":%d}`, hash, timestamp)
}

// work is the pending worker: it applies all that is queued.
func (b *bench) work() {
	b.Helper()
	for {
		claimed, err := b.store.ClaimChanges(b.Context(), 100, time.Minute)
		b.must(err)
		if len(claimed) == 0 {
			return
		}
		for _, c := range claimed {
			outcome := store.Outcome{Type: record.Applied, UID: "real-" + c.Change.UID}
			if problem := c.Change.Problem(); problem != "" {
				outcome = store.Outcome{Type: record.Failed, UID: c.Change.UID, Msg: problem}
			}
			b.must(b.store.FinishChange(b.Context(), c.Claim, outcome))
		}
	}
}

// workAcks is the ack worker.
func (b *bench) workAcks() {
	b.Helper()
	claimed, err := b.store.ClaimAcks(b.Context(), 1000, time.Minute)
	b.must(err)
	b.must(b.store.FinishAcks(b.Context(), claimed))
}

// list is the sync worker: it stores records, uid and data by turns, as the view {}.
func (b *bench) list(pairs ...string) {
	b.Helper()
	id, err := record.DatasetClientID("tasks", nil)
	b.must(err)
	var records []record.Record
	var content record.GlobalHash
	for i := 0; i+1 < len(pairs); i += 2 {
		hash, err := record.Hash(json.RawMessage(pairs[i+1]))
		b.must(err)
		records = append(records, record.Record{UID: pairs[i], Hash: hash, Data: json.RawMessage(pairs[i+1])})
		content.Add(pairs[i], hash)
	}
	run, err := b.store.BeginRun(b.Context(), id, "job")
	b.must(err)
	b.must(b.store.WriteRecords(b.Context(), run, records, nil))
	b.must(b.store.EndRun(b.Context(), run, content.String()))
}

func (b *bench) queue(q store.Queue) int64 {
	b.Helper()
	sizes, err := b.store.Queues(b.Context())
	b.must(err)
	return sizes[q]
}

func (b *bench) clients() []record.DatasetClient {
	b.Helper()
	list, err := b.store.ListDatasetClients(b.Context(), "")
	b.must(err)
	return list
}

// leftNothing checks that no request so far has left anything in the store.
func (b *bench) leftNothing(what string) {
	b.Helper()
	sizes, err := b.store.Queues(b.Context())
	b.must(err)
	for q, n := range sizes {
		if n != 0 {
			b.Errorf("%s: %d messages in %s", what, n, q)
		}
	}
	if list := b.clients(); len(list) != 0 {
		b.Errorf("%s: dataset clients %+v", what, list)
	}
}

// text decodes an answer that is a JSON string.
func (b *bench) text(w *httptest.ResponseRecorder) string {
	b.Helper()
	var s string
	if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil {
		b.Errorf("the body is no JSON string: %q", w.Body)
	}
	return s
}

// woken tells whether a topic was published since subscribing.
func woken(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}
