package interceptor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/tandem-sync/tandem/api/interceptor"
	interceptorv1 "github.com/tandem-sync/tandem/proto/interceptor/v1"
)

// connect serves i over memory until the test ends.
func connect(t *testing.T, i interceptor.Interceptor, log *slog.Logger) *grpc.ClientConn {
	t.Helper()
	listener := bufconn.Listen(256 << 10)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() {
		served <- interceptor.Serve(ctx, "", i, interceptor.WithListener(listener), interceptor.WithLogger(log))
	}()
	cc, err := grpc.NewClient("passthrough:///local", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cc.Close()
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return cc
}

// owners binds each caller to the records that are theirs.
type owners struct{ interceptor.AllowAll }

func (owners) Request(_ context.Context, call interceptor.Call) (interceptor.Replace, error) {
	switch user := call.Headers["authorization"]; user {
	case "":
		return interceptor.Replace{}, interceptor.RefuseWith(401, "log in first")
	case "broken":
		return interceptor.Replace{}, errors.New("no idea")
	case "panic":
		panic("oh")
	default:
		query, err := json.Marshal(map[string]string{"owner": user})
		return interceptor.Replace{QueryParams: query}, err
	}
}

func TestServe(t *testing.T) {
	var log bytes.Buffer
	cc := connect(t, owners{}, slog.New(slog.NewTextHandler(&log, nil)))
	service := interceptorv1.NewInterceptorServiceClient(cc)
	ask := func(user string) (*interceptorv1.InterceptRequestResponse, error) {
		return service.InterceptRequest(t.Context(), &interceptorv1.InterceptRequestRequest{Call: &interceptorv1.Call{
			Dataset: "orders", Headers: map[string]string{"authorization": user},
		}})
	}
	if resp, err := ask("anna"); err != nil || string(resp.GetQueryParams()) != `{"owner":"anna"}` || resp.GetMetaData() != nil || resp.GetRefusal() != nil {
		t.Errorf("allowed: %v, %v", resp, err)
	}
	if resp, err := ask(""); err != nil || resp.GetRefusal().GetStatus() != 401 || resp.GetRefusal().GetMessage() != "log in first" {
		t.Errorf("refused: %v, %v", resp, err)
	}
	if _, err := ask("broken"); status.Code(err) != codes.Unknown || !strings.Contains(err.Error(), "no idea") {
		t.Errorf("an error: %v", err)
	}
	if _, err := ask("panic"); status.Code(err) != codes.Internal || strings.Contains(err.Error(), "oh") {
		t.Errorf("a panic: %v", err)
	}
	if resp, err := service.InterceptResponse(t.Context(), &interceptorv1.InterceptResponseRequest{Summary: []byte(`{"create":1}`)}); err != nil || resp.GetRefusal() != nil {
		t.Errorf("the answer: %v, %v", resp, err)
	}
	if _, err := service.InterceptResponse(t.Context(), &interceptorv1.InterceptResponseRequest{Summary: []byte(`{`)}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a summary that is no JSON: %v", err)
	}
	health, err := healthv1.NewHealthClient(cc).Check(t.Context(), &healthv1.HealthCheckRequest{Service: "tandem.interceptor.v1.InterceptorService"})
	if err != nil || health.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		t.Errorf("health: %v, %v", health, err)
	}
	if !strings.Contains(log.String(), "interceptor panicked") || !strings.Contains(log.String(), "dataset=orders") {
		t.Errorf("log: %s", log.String())
	}
}

func TestServeCannotListen(t *testing.T) {
	err := interceptor.Serve(t.Context(), "256.0.0.1:0", interceptor.AllowAll{}, interceptor.WithLogger(slog.New(slog.DiscardHandler)))
	if err == nil || !strings.HasPrefix(err.Error(), "interceptor: ") {
		t.Error(err)
	}
}
