package sql

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tandem-sync/tandem/api/adapter"
	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
	"github.com/tandem-sync/tandem/services/internal/backend"
)

// listener calls ListChanges again and again.
type listener struct {
	*bench
	client adapterv1.AdapterServiceClient
	cursor string
}

func (b *bench) listener() *listener {
	cc, stop := backend.InProcess(b.Service)
	b.Cleanup(stop)
	return &listener{bench: b, client: adapterv1.NewAdapterServiceClient(cc)}
}

// next gives what changed: "+uid", "-uid", sorted.
func (l *listener) next(query string) string {
	l.Helper()
	stream, err := l.client.ListChanges(l.Context(), &adapterv1.ListChangesRequest{
		Context: &adapterv1.Context{Dataset: "d"}, QueryParams: []byte(query), Cursor: l.cursor,
	})
	if err != nil {
		l.Fatal(err)
	}
	changed := map[string]bool{}
	for {
		part, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return strings.Join(slices.Sorted(maps.Keys(changed)), " ")
		}
		if err != nil {
			l.Fatal(err)
		}
		for _, r := range part.GetChanged() {
			changed["+"+r.GetUid()] = true
		}
		for _, uid := range part.GetRemoved() {
			changed["-"+uid] = true
		}
		l.cursor = part.GetCursor()
	}
}

func (l *listener) want(query, want string) {
	l.Helper()
	if got := l.next(query); got != want {
		l.Errorf("changed: %q, want %q", got, want)
	}
}

// Changes by others, by the clock: also those that are committed late, within the overlap.
func TestChangesByTime(t *testing.T) {
	onEach(t, func(t *testing.T, e engine) {
		typ, now, earlier := "timestamptz", "now()", "now() - interval '3 seconds'"
		if !e.postgres {
			typ, now, earlier = "datetime(6)", "now(6)", "now(6) - interval 3 second"
		}
		b := e.bench(t, "CREATE TABLE t (id int PRIMARY KEY, n int, at "+typ+")", "  d: {table: t, uid: id, newUid: data, changeColumn: at}\n")
		l := b.listener()
		l.want("{}", "")
		b.sql("INSERT INTO t VALUES (1, 0, " + now + ")")
		l.want("{}", "+1")
		b.sql("INSERT INTO t VALUES (2, 0, " + earlier + ")")
		l.want("{}", "+2")
		l.want("{}", "")
		if err := b.update("1", `{"id":1,"n":1}`, `{"id":1,"n":0}`, "u"); err != nil {
			t.Fatal(err)
		}
		b.create(`{"id":3,"n":0}`, "c")
		l.want("{}", "+1 +3")
		l.cursor = strings.Replace(l.cursor, `"column":"at"`, `"column":"other"`, 1)
		l.want("{}", "+1 +2 +3")
		for _, forged := range []string{`{"column":"at","from":"'; DROP TABLE t; --"}`, `{"column":"at","from":"x"}`, "x", `{"column":"at","seen":{"1":"x"}}`} {
			l.cursor = forged
			l.want("{}", "+1 +2 +3")
		}
	})
}

// Changes by number: also smaller ones that are committed later.
func TestChangesByNumber(t *testing.T) {
	onEach(t, func(t *testing.T, e engine) {
		b := e.bench(t, "CREATE TABLE t (id int PRIMARY KEY, n int, version bigint)", "  d: {table: t, uid: id, changeColumn: version, changeOverlap: 10}\n")
		l := b.listener()
		b.sql("INSERT INTO t VALUES (1, 0, 100)")
		l.want("{}", "+1")
		b.sql("INSERT INTO t VALUES (2, 0, 95)")
		l.want("{}", "+2")
		b.sql("UPDATE t SET version = 101, n = 5 WHERE id = 1")
		l.want(`{"n":0}`, "-1")
	})
}

// By transaction nothing is missed, however late it is committed.
func TestChangesByTransaction(t *testing.T) {
	e := engines()[0]
	b := e.bench(t, "CREATE TABLE t (id int PRIMARY KEY, n int, at xid8 DEFAULT pg_current_xact_id())", "  d: {table: t, uid: id, newUid: data, changeColumn: at}\n")
	l := b.listener()
	late, err := b.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := late.Exec("INSERT INTO t VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		b.sql("INSERT INTO t VALUES (2) ON CONFLICT (id) DO UPDATE SET at = pg_current_xact_id()")
		l.want("{}", "+2")
	}
	b.create(`{"id":3}`, "c")
	l.want("{}", "+3")
	if err := late.Commit(); err != nil {
		t.Fatal(err)
	}
	l.want("{}", "+1")
	l.want("{}", "")
}

// A notification is a hint; a connection that ends is told.
func TestWatch(t *testing.T) {
	e := engines()[0]
	b := e.bench(t, "CREATE TABLE t (id int PRIMARY KEY)", "  d: {table: t, uid: id, notify: 'The \"channel\"'}\n  quiet: {table: t, uid: id}\n")
	w := b.Service.(adapter.Watcher)
	if err := w.Watch(t.Context(), adapter.WatchRequest{Dataset: "quiet"}, nil); !errors.Is(err, adapter.ErrNotOffered) {
		t.Error("a dataset without a channel:", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	hints, ended := make(chan bool, 1), make(chan error, 1)
	go func() {
		ended <- w.Watch(ctx, adapter.WatchRequest{Dataset: "d"}, func(adapter.Hint) error {
			select {
			case hints <- true:
			default:
			}
			return nil
		})
	}()
	again, deadline := time.NewTicker(20*time.Millisecond), time.After(30*time.Second)
	defer again.Stop()
	for heard := false; !heard; {
		b.sql(`NOTIFY "The ""channel"""`)
		select {
		case heard = <-hints:
		case <-again.C:
		case err := <-ended:
			t.Fatal("it ended:", err)
		case <-deadline:
			t.Fatal("no hint came")
		}
	}
	b.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'")
	if err := <-ended; status.Code(err) != codes.Unavailable {
		t.Error("after the connection was cut:", err)
	}
}
