package backend

import (
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"github.com/tandem-sync/tandem/api/adapter"
	"github.com/tandem-sync/tandem/services/internal/endpoint"
)

// connectWithin bounds one attempt to connect, and so how long a call to an
// adapter that can't be reached hangs before it fails.
const connectWithin = 3 * time.Second

// Dial makes a connection to an adapter, in plain text unless opts carry
// credentials. It does not connect yet. A name that stands for several addresses
// (`dns:///host:port`, a headless service) spreads calls over all of them.
func Dial(address string, opts ...grpc.DialOption) (*grpc.ClientConn, error) {
	return grpc.NewClient(address, append([]grpc.DialOption{
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(adapter.MaxMessageBytes),
			grpc.MaxCallSendMsgSize(adapter.MaxMessageBytes),
		),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`),
		grpc.WithDisableServiceConfig(),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: 200 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2, MaxDelay: 5 * time.Second},
			MinConnectTimeout: connectWithin,
		}),
		// The time-out counts for unacknowledged data too (TCP_USER_TIMEOUT), so that a
		// peer which vanished without a word is given up after seconds, not a quarter
		// of an hour. Pings more frequent than each 5 min would offend servers that
		// keep gRPC's default policy.
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 6 * time.Minute, Timeout: 20 * time.Second}),
	}, opts...)...)
}

// DialEndpoint is Dial for an endpoint; where it has security of its own, that counts
// and not what opts carry.
func DialEndpoint(e endpoint.Endpoint, opts ...grpc.DialOption) (*grpc.ClientConn, error) {
	if creds := e.Credentials(); creds != nil {
		opts = append(slices.Clone(opts), grpc.WithTransportCredentials(creds))
	}
	return Dial(e.Address, opts...)
}
