package intercept_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/api/adapter/memadapter"
	"github.com/tandem-sync/tandem/api/interceptor"
	interceptorv1 "github.com/tandem-sync/tandem/proto/interceptor/v1"
	"github.com/tandem-sync/tandem/services/internal/datasets"
	"github.com/tandem-sync/tandem/services/internal/endpoint"
	"github.com/tandem-sync/tandem/services/internal/endpoint/certtest"
	"github.com/tandem-sync/tandem/services/internal/intercept"
	"github.com/tandem-sync/tandem/services/internal/record"
	"github.com/tandem-sync/tandem/services/internal/wire"
)

// scripted is an interceptor that does what a test says.
type scripted struct {
	request  func(ctx context.Context, call interceptor.Call) (interceptor.Replace, error)
	response func(call interceptor.Call, answer interceptor.Summary) error
}

func (s scripted) Request(ctx context.Context, call interceptor.Call) (interceptor.Replace, error) {
	if s.request == nil {
		return interceptor.Replace{}, nil
	}
	return s.request(ctx, call)
}

func (s scripted) Response(_ context.Context, call interceptor.Call, answer interceptor.Summary) error {
	if s.response == nil {
		return nil
	}
	return s.response(call, answer)
}

// listen serves until stop, or the end of the test.
func listen(t *testing.T, address string, serve func(context.Context, net.Listener) error) (string, func()) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serve(ctx, l) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return l.Addr().String(), stop
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func serve(t *testing.T, s scripted, opts ...interceptor.Option) datasets.Interceptor {
	t.Helper()
	address, _ := listen(t, "127.0.0.1:0", func(ctx context.Context, l net.Listener) error {
		return interceptor.Serve(ctx, "", s, append(opts, interceptor.WithListener(l), interceptor.WithLogger(quiet()), interceptor.WithGrace(0))...)
	})
	return datasets.Interceptor{Endpoint: endpoint.Endpoint{Address: address}, Timeout: 10 * time.Second}
}

// client asks these for every dataset.
func client(t *testing.T, log *slog.Logger, list ...datasets.Interceptor) *intercept.Client {
	t.Helper()
	c := intercept.New(intercept.Options{Log: log, For: func(string) []datasets.Interceptor { return list }})
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func request() *wire.Request {
	return &wire.Request{Fn: wire.FnSync, CUID: "phone", QueryParams: json.RawMessage(`{"a":1}`), MetaData: json.RawMessage(`{"m":1}`)}
}

// wantRefusal checks for a refusal in these words.
func wantRefusal(t *testing.T, err error, status int, msg string) {
	t.Helper()
	var no *wire.Error
	if !errors.As(err, &no) || no.Status != status || no.Msg != msg {
		t.Errorf("got %v (%T), want %d %s", err, err, status, msg)
	}
}

// wantAway checks that the request waits for an interceptor that gave no answer.
func wantAway(t *testing.T, err error, cause string) {
	t.Helper()
	var away *intercept.AwayError
	if !errors.As(err, &away) || away.Unavailable() != "the interceptor of dataset orders gave no answer; try again later" || !strings.Contains(err.Error(), cause) {
		t.Errorf("got %v, want no answer because of %s", err, cause)
	}
}

// TestCall: the interceptor sees the request, and the answer in short.
func TestCall(t *testing.T) {
	var got []interceptor.Call
	var summary interceptor.Summary
	c := client(t, quiet(), serve(t, scripted{
		request: func(_ context.Context, call interceptor.Call) (interceptor.Replace, error) {
			got = append(got, call)
			return interceptor.Replace{}, nil
		},
		response: func(call interceptor.Call, answer interceptor.Summary) error {
			got, summary = append(got, call), answer
			return nil
		},
	}))
	req := request()
	req.Headers = map[string]string{"authorization": "Bearer x", "x-odd": "\xff"}
	req.Changes = []record.Change{{Action: record.ActionUpdate, UID: "u", Hash: "h", Pre: []byte(`{"secret":1}`)}}
	req.Acks = make([]record.Ack, 3)
	req.ClientRecs = map[string]string{"a": "b"}
	req.Hash = "collision"
	if err := c.Request(t.Context(), "orders", req); err != nil {
		t.Fatal(err)
	}
	if err := c.Response(t.Context(), "orders", req, wire.Summary{Hash: "g", Updates: 1, Create: 2, Update: 3, Delete: 4}); err != nil {
		t.Fatal(err)
	}
	want := interceptor.Call{
		Dataset: "orders", Fn: "sync", CUID: "phone", QueryParams: json.RawMessage(`{"a":1}`), MetaData: json.RawMessage(`{"m":1}`),
		Headers: map[string]string{"authorization": "Bearer x", "x-odd": "\uFFFD"},
		Changes: []interceptor.Change{{Action: "update", UID: "u", Hash: "h"}}, Acknowledgements: 3, ClientRecords: 1, CollisionHash: "collision",
	}
	if diff := cmp.Diff([]interceptor.Call{want, want}, got); diff != "" {
		t.Error(diff)
	}
	if want := (interceptor.Summary{Hash: "g", Updates: 1, Create: 2, Update: 3, Delete: 4}); summary != want {
		t.Errorf("summary %+v", summary)
	}
}

// TestOrder: one after the other, each on top of what the one before put in place;
// the first refusal counts.
func TestOrder(t *testing.T) {
	add := func(name string) datasets.Interceptor {
		return serve(t, scripted{request: func(_ context.Context, call interceptor.Call) (interceptor.Replace, error) {
			if strings.Contains(string(call.QueryParams), name) {
				return interceptor.Replace{}, interceptor.RefuseWith(402, name+" has seen it")
			}
			return interceptor.Replace{
				QueryParams: json.RawMessage(`{"by":"` + name + `","was":` + string(call.QueryParams) + `}`),
				MetaData:    json.RawMessage(`{"by":"` + name + `"}`),
			}, nil
		}})
	}
	one, two := add("one"), add("two")
	req := request()
	if err := client(t, quiet(), one, two).Request(t.Context(), "orders", req); err != nil {
		t.Fatal(err)
	}
	if string(req.QueryParams) != `{"by":"two","was":{"by":"one","was":{"a":1}}}` || string(req.MetaData) != `{"by":"two"}` {
		t.Errorf("got %s, %s", req.QueryParams, req.MetaData)
	}
	wantRefusal(t, client(t, quiet(), one, one, two).Request(t.Context(), "orders", request()), 402, "one has seen it")
	if err := client(t, quiet()).Request(t.Context(), "orders", request()); err != nil {
		t.Error("no interceptor:", err)
	}
}

func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		err    error
		status int
		msg    string
	}{
		{interceptor.Refuse("log in first"), 403, "log in first"},
		{interceptor.RefuseWith(401, "who are you?"), 401, "who are you?"},
		{interceptor.RefuseWith(200, "odd"), 403, "odd"},
		{interceptor.RefuseWith(500, "odd"), 403, "odd"},
		{interceptor.Refuse(""), 403, "refused by the interceptor"},
		{interceptor.Refuse("\xff"), 403, "\uFFFD"},
	} {
		i := serve(t, scripted{
			request: func(context.Context, interceptor.Call) (interceptor.Replace, error) {
				return interceptor.Replace{}, c.err
			},
			response: func(interceptor.Call, interceptor.Summary) error { return c.err },
		})
		i.AllowOnFailure = true // a refusal is no failure
		icpt := client(t, quiet(), i)
		wantRefusal(t, icpt.Request(t.Context(), "orders", request()), c.status, c.msg)
		wantRefusal(t, icpt.Response(t.Context(), "orders", request(), wire.Summary{}), c.status, c.msg)
	}
}

// TestNoAnswer: every way to give no answer refuses, and lets the request go on
// unchanged where the dataset says so.
func TestNoAnswer(t *testing.T) {
	failing := func(err error) datasets.Interceptor {
		return serve(t, scripted{
			request: func(context.Context, interceptor.Call) (interceptor.Replace, error) {
				return interceptor.Replace{}, err
			},
			response: func(interceptor.Call, interceptor.Summary) error { return err },
		})
	}
	putting := func(text string) datasets.Interceptor {
		return serve(t, scripted{request: func(context.Context, interceptor.Call) (interceptor.Replace, error) {
			return interceptor.Replace{QueryParams: json.RawMessage(`{"put":1}`), MetaData: json.RawMessage(text)}, nil
		}})
	}
	slow := serve(t, scripted{request: func(ctx context.Context, _ interceptor.Call) (interceptor.Replace, error) {
		<-ctx.Done()
		return interceptor.Replace{}, ctx.Err()
	}})
	slow.Timeout = 20 * time.Millisecond
	panics := serve(t, scripted{request: func(context.Context, interceptor.Call) (interceptor.Replace, error) { panic("oh") }})
	other, _ := listen(t, "127.0.0.1:0", func(ctx context.Context, l net.Listener) error {
		return adapter.Serve(ctx, "", memadapter.New(), adapter.WithListener(l), adapter.WithLogger(quiet()))
	})
	half, _ := listen(t, "127.0.0.1:0", func(ctx context.Context, l net.Listener) error {
		server := grpc.NewServer()
		interceptorv1.RegisterInterceptorServiceServer(server, interceptorv1.UnimplementedInterceptorServiceServer{})
		context.AfterFunc(ctx, server.Stop)
		return server.Serve(l)
	})
	away, stop := listen(t, "127.0.0.1:0", func(ctx context.Context, l net.Listener) error { <-ctx.Done(); return l.Close() })
	stop()
	at := func(address string) datasets.Interceptor {
		return datasets.Interceptor{Endpoint: endpoint.Endpoint{Address: address}, Timeout: 10 * time.Second}
	}
	for name, c := range map[string]struct {
		i     datasets.Interceptor
		cause string
	}{
		"error":           {failing(errors.New("the directory is down")), "the directory is down"},
		"slow":            {slow, "DeadlineExceeded"},
		"panic":           {panics, "internal error of the interceptor in Request"},
		"another service": {at(other), "unknown service"},
		"half a service":  {at(half), "not implemented"},
		"bad address":     {at("unix://%%"), "invalid"},
		"no JSON":         {putting(`{"a":`), "meta_data"},
		"no object":       {putting(`[1]`), "no JSON object"},
		"away":            {at(away), "Unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			icpt := client(t, quiet(), c.i)
			req := request()
			wantAway(t, icpt.Request(t.Context(), "orders", req), c.cause)
			c.i.AllowOnFailure = true
			if err := client(t, quiet(), c.i).Request(t.Context(), "orders", req); err != nil {
				t.Errorf("allowed on failure: %v", err)
			}
			if diff := cmp.Diff(request(), req); diff != "" {
				t.Errorf("changed all the same:\n%s", diff)
			}
		})
	}
	i := failing(errors.New("down"))
	wantAway(t, client(t, quiet(), i).Response(t.Context(), "orders", request(), wire.Summary{}), "down")
	i.AllowOnFailure = true
	if err := client(t, quiet(), i).Response(t.Context(), "orders", request(), wire.Summary{}); err != nil {
		t.Error(err)
	}
}

// A device that goes away is not let through, whatever the setting says, and says
// nothing about the interceptor.
func TestCallerGoesAway(t *testing.T) {
	log := &bytes.Buffer{}
	ctx, cancel := context.WithCancel(t.Context())
	i := serve(t, scripted{request: func(ctx context.Context, _ interceptor.Call) (interceptor.Replace, error) {
		cancel()
		<-ctx.Done()
		return interceptor.Replace{}, ctx.Err()
	}})
	i.AllowOnFailure = true
	if err := client(t, slog.New(slog.NewTextHandler(log, nil)), i).Request(ctx, "orders", request()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if log.Len() > 0 {
		t.Errorf("log: %s", log)
	}
}

// TestLog: once when it stops to answer, once when it does again.
func TestLog(t *testing.T) {
	log := &bytes.Buffer{}
	var fail error
	icpt := client(t, slog.New(slog.NewTextHandler(log, nil)), serve(t, scripted{
		request: func(context.Context, interceptor.Call) (interceptor.Replace, error) {
			return interceptor.Replace{}, fail
		},
	}))
	for _, err := range []error{nil, errors.New("down"), errors.New("down"), interceptor.Refuse("no"), nil, errors.New("down")} {
		fail = err
		_ = icpt.Request(t.Context(), "orders", request())
	}
	if got := strings.Count(log.String(), "does not answer"); got != 2 {
		t.Errorf("%d lines that it does not answer, want 2:\n%s", got, log)
	}
	if got := strings.Count(log.String(), "answers again"); got != 1 {
		t.Errorf("%d lines that it answers again, want 1:\n%s", got, log)
	}
}

func TestTLS(t *testing.T) {
	authority := certtest.New(t)
	dir := t.TempDir()
	authority.Write(dir, "tandem")
	i := serve(t, scripted{}, interceptor.WithTLS(authority.Server("guard.test", true)))
	files := endpoint.TLS{CAFile: filepath.Join(dir, "ca.pem"), CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem"), ServerName: "guard.test"}
	var err error
	if i.Endpoint.Security, err = endpoint.Load(files); err != nil {
		t.Fatal(err)
	}
	if err := client(t, quiet(), i).Request(t.Context(), "orders", request()); err != nil {
		t.Error(err)
	}
	files.ServerName = "other.test"
	if i.Endpoint.Security, err = endpoint.Load(files); err != nil {
		t.Fatal(err)
	}
	wantAway(t, client(t, quiet(), i).Request(t.Context(), "orders", request()), "certificate")
}
