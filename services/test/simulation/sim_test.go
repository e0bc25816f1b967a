package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	"google.golang.org/grpc"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/adapters/embedded"
	"github.com/tandem-sync/tandem/services/internal/backend"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/store"
	"github.com/tandem-sync/tandem/services/internal/store/wrap"
)

const dataset = "tasks"

// Times of the simulated cluster. They are short against one another in the same
// way as the defaults, so that a few seconds of virtual time bring everything.
const (
	retryInterval  = 5 * time.Second // also the claim of a change
	claimWindow    = 30 * time.Second
	requestTimeout = 30 * time.Second
	lockTTL        = 20 * time.Second
	retention      = 2 * time.Minute
	resendAfter    = time.Minute // of changes that are in flight
)

var syncConfig = record.SyncConfig{SyncFrequency: 3 * time.Second, ClientSyncTimeout: 2 * time.Minute, BackendListTimeout: 15 * time.Second,
	ChangeGap: 200 * time.Millisecond}

// breakage are ways to break Tandem on purpose, to prove that it is noticed.
type breakage struct {
	store   func(store.Store) store.Store
	adapter func(adapter.Adapter) adapter.Adapter
	request func(body []byte) []byte       // on its way to the gateway
	answer  func(body, resp []byte) []byte // on its way to the device
	tune    func(*workload)                // towards what the breakage needs to show
	command func(command string) error     // of the engine: its error ends the operation there
}

// sim is one run.
type sim struct {
	seed    uint64
	rand    *rand.Rand
	clock   atomic.Int64 // ms
	broken  breakage
	config  workload
	closers []func() error
	log     *slog.Logger

	on       engine
	engine   store.Store           // unobserved, for looking
	store    store.Store           // parks at each operation
	database *mongodriver.Database // of the engine; nil where it is another
	world    *world
	conn     grpc.ClientConnInterface
	ledger   *ledger

	processes []*process
	phones    []*phone
	tasks     []*task
	current   *task // that runs; nil: the driver

	waiting []*exchange         // requests that a device waits for
	history [][]byte            // bodies of sync requests that were sent
	strays  [][]byte            // bodies that their devices gave up before they arrived
	sent    map[string][]string // cuid and hash to the digests of the contents sent, in order
	tokens  int
	stopped bool // the dataset, by its administrator
	calm    bool // all faults have ended

	trace      trace
	violations []string
	counts     map[string]int
}

// newSim makes the world of a seed.
func newSim(on engine, seed uint64, broken breakage) *sim {
	s := &sim{
		seed: seed, on: on, rand: rand.New(rand.NewPCG(seed, 20260101)), broken: broken,
		log: slog.New(slog.DiscardHandler), counts: map[string]int{}, sent: map[string][]string{},
	}
	s.clock.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli())
	s.config = newWorkload(s.rand)
	s.config.syncOnChange = seed%4 != 0
	if on.stepwise {
		s.config.stalls = s.rand.IntN(stallClasses)
	}
	if broken.tune != nil {
		broken.tune(&s.config)
	}
	s.ledger = newLedger(s)
	s.openBackend()
	s.openStore()
	for i := range s.config.processes {
		s.processes = append(s.processes, newProcess(s, i))
	}
	for i := range s.config.phones {
		s.phones = append(s.phones, newPhone(s, i))
	}
	return s
}

func (s *sim) openBackend() {
	emb, err := embedded.Open(embedded.Memory)
	s.must(err)
	s.closers = append(s.closers, emb.Close)
	var served adapter.Adapter = emb
	if s.broken.adapter != nil {
		served = s.broken.adapter(served)
	}
	s.world = &world{Adapter: served, s: s}
	conn, stop := backend.InProcess(s.world, adapter.WithLogger(s.log))
	s.conn = conn
	s.closers = append(s.closers, func() error { stop(); return nil })
}

func (s *sim) openStore() {
	engine, err := s.on.open(s)
	if err != nil {
		panic(err) // there is nothing to simulate
	}
	s.closers = append(s.closers, engine.Close)
	s.engine = engine
	st := engine
	if s.broken.store != nil {
		st = s.broken.store(st)
	}
	s.store = wrap.Faulty(newRecorder(s, st), func(ctx context.Context, op string, before bool) error {
		if err := hook(ctx, op, before); err != nil {
			return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
		}
		return nil
	})
}

func (s *sim) close() {
	for _, t := range append([]*task(nil), s.tasks...) {
		t.waits = false
		s.die(t)
	}
	for i := len(s.closers) - 1; i >= 0; i-- {
		s.must(s.closers[i]())
	}
}

func (s *sim) now() time.Time { return time.UnixMilli(s.clock.Load()).UTC() }

func (s *sim) advance(d time.Duration) { s.clock.Add(d.Milliseconds()) }

// chance is true with probability p.
func (s *sim) chance(p float64) bool { return s.rand.Float64() < p }

// event notes what happens.
func (s *sim) event(format string, args ...any) {
	s.trace.add(s.now(), format, args...)
}

// violate notes a broken promise. The run ends soon after.
func (s *sim) violate(format string, args ...any) {
	v := fmt.Sprintf(format, args...)
	s.event("!! %s", v)
	s.violations = append(s.violations, v)
}

func (s *sim) must(err error) {
	if err != nil {
		s.violate("%v", err)
	}
}

func (s *sim) phone(cuid string) *phone {
	for _, p := range s.phones {
		if p.CUID() == cuid {
			return p
		}
	}
	panic("no device " + cuid)
}

// matches tells whether a record belongs to a view.
func matches(query string, data json.RawMessage) bool {
	var want map[string]any
	var has map[string]any
	_ = json.Unmarshal([]byte(query), &want)
	_ = json.Unmarshal(data, &has)
	for k, v := range want {
		if has[k] != v {
			return false
		}
	}
	return true
}

// trace is the last events of a run.
type trace struct {
	lines [4000]string
	n     int
	sum   uint64 // of all lines, to compare runs
}

func (t *trace) add(now time.Time, format string, args ...any) {
	line := now.Format("04:05.000 ") + fmt.Sprintf(format, args...)
	for _, c := range []byte(line) {
		t.sum = t.sum*1099511628211 + uint64(c)
	}
	t.lines[t.n%len(t.lines)] = line
	t.n++
}

func (t *trace) String() string {
	var b strings.Builder
	for i := max(0, t.n-len(t.lines)); i < t.n; i++ {
		b.WriteString(t.lines[i%len(t.lines)] + "\n")
	}
	return b.String()
}
