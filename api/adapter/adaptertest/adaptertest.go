// Package adaptertest is the conformance suite for adapters, in whatever language
// they are written: it speaks to a running one over gRPC.
//
//	func TestAdapter(t *testing.T) {
//		cc, err := grpc.NewClient(address, ...)
//		...
//		adaptertest.Exercise(t, adapterv1.NewAdapterServiceClient(cc), adaptertest.Options{})
//	}
//
// What the suite checks is what Tandem relies on so that no change is lost or
// applied twice. Parts that an adapter does not offer (Describe says so) are
// checked to be refused properly. What a backend can't do beyond that, say a table
// whose columns hold no nested objects, is named in Options.Skip with the reason.
//
// The suite writes: point it at a backend for tests. It knows nothing of any
// adapter's inside.
package adaptertest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/tandem-sync/tandem/api/adapter/internal/canon"
	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
)

// Options fit the suite to an adapter. The zero value is for one that takes any
// dataset name and any JSON object.
type Options struct {
	// Dataset returns the name of an empty dataset, a new one at each call; default
	// "adaptertest" with a random end.
	Dataset func(t *testing.T) string
	// MetaData goes with every call, a JSON object or nil.
	MetaData json.RawMessage
	// Equal tells whether two records mean the same; default: as JSON, with numbers
	// taken as IEEE doubles and the order of keys left out.
	Equal func(a, b json.RawMessage) bool
	// Skip names tests (as they stand in the output, without the part before
	// Exercise's own) and why the adapter can't pass them.
	Skip map[string]string
	// Timeout bounds each test; default 1 min.
	Timeout time.Duration
}

// Exercise runs the suite.
func Exercise(t *testing.T, client adapterv1.AdapterServiceClient, o Options) {
	if o.Dataset == nil {
		o.Dataset = func(*testing.T) string { return "adaptertest_" + strings.ToLower(rand.Text()) }
	}
	if o.Equal == nil {
		o.Equal = func(a, b json.RawMessage) bool { return canon.Equal(a, b) }
	}
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	about, err := client.Describe(t.Context(), &adapterv1.DescribeRequest{})
	if err != nil {
		t.Fatalf("Describe: %v", err)
	}
	t.Logf("adapter %q %q: %v", about.GetName(), about.GetVersion(), about)
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"RoundTrip", roundTrips()},
		{"Create", creates},
		{"Write", writes},
		{"Parallel", parallels},
		{"List", lists},
		{"Collisions", collisions},
		{"Optional", optionals},
		{"Refuse", refusals},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, tt := range group.tests {
				t.Run(tt.name, func(t *testing.T) {
					if reason, skip := o.Skip[group.name+"/"+tt.name]; skip {
						t.Skip("exception of the adapter: " + reason)
					}
					switch {
					case tt.ifCompares && !about.GetCompareAndWrite():
						t.Skip("the adapter does not compare and write")
					case tt.ifRemembers && !about.GetRemembersKeys():
						t.Skip("the adapter does not remember the keys of updates and deletes")
					}
					ctx, cancel := context.WithTimeout(t.Context(), o.Timeout)
					defer cancel()
					tt.run(&subject{T: t, ctx: ctx, client: client, o: o, about: about, dataset: o.Dataset(t)})
				})
			}
		})
	}
}

// test is one test of the suite.
type test struct {
	name        string
	ifCompares  bool // only for adapters that compare and write
	ifRemembers bool // only for adapters that remember all keys
	run         func(*subject)
}
