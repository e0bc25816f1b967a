package nodeadapter_test

import (
	"slices"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"

	"github.com/tandem-sync/tandem/api/adapter/adaptertest"
	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
)

func dial(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	cc, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cc.Close() })
	return cc
}

// Handlers that do all they can pass the whole suite: nothing is skipped but what is
// optional for any adapter.
func TestConformance(t *testing.T) {
	p := start(t, nil, "examples/memory.js", "127.0.0.1:0")
	cc := dial(t, p.says(t, "adapter is serving on "))
	client := adapterv1.NewAdapterServiceClient(cc)
	about, err := client.Describe(t.Context(), &adapterv1.DescribeRequest{})
	if err != nil || !about.GetCompareAndWrite() || !about.GetRemembersKeys() || about.GetName() != "memory" {
		t.Fatalf("Describe: %v, %v", about, err)
	}
	adaptertest.Exercise(t, client, adaptertest.Options{MetaData: []byte(`{"user":"ada"}`)})
}

// Handlers that know nothing of keys and of what the record is expected to hold claim
// nothing, and still no repeated create makes a second record.
func TestConformanceOfPlainHandlers(t *testing.T) {
	p := start(t, []string{"PLAIN=1"}, "examples/memory.js", "127.0.0.1:0")
	client := adapterv1.NewAdapterServiceClient(dial(t, p.says(t, "adapter is serving on ")))
	about, err := client.Describe(t.Context(), &adapterv1.DescribeRequest{})
	if err != nil || about.GetCompareAndWrite() || about.GetRemembersKeys() {
		t.Fatalf("Describe: %v, %v", about, err)
	}
	adaptertest.Exercise(t, client, adaptertest.Options{})
}

func TestHealthAndReflection(t *testing.T) {
	p := start(t, nil, "examples/memory.js", "127.0.0.1:0")
	cc := dial(t, p.says(t, "adapter is serving on "))
	for _, service := range []string{"", adapterv1.AdapterService_ServiceDesc.ServiceName} {
		resp, err := healthv1.NewHealthClient(cc).Check(t.Context(), &healthv1.HealthCheckRequest{Service: service})
		if err != nil || resp.GetStatus() != healthv1.HealthCheckResponse_SERVING {
			t.Errorf("health of %q: %v, %v", service, resp.GetStatus(), err)
		}
	}
	stream, err := reflectionv1.NewServerReflectionClient(cc).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&reflectionv1.ServerReflectionRequest{
		MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{},
	}); err != nil {
		t.Fatal(err)
	}
	resp, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range resp.GetListServicesResponse().GetService() {
		names = append(names, s.GetName())
	}
	if !slices.Contains(names, adapterv1.AdapterService_ServiceDesc.ServiceName) {
		t.Errorf("reflection lists %v", names)
	}
	if err := stream.CloseSend(); err != nil {
		t.Error(err)
	}
}
