package backend

import (
	"context"
	"sync"
	"time"

	adapterv1 "github.com/tandem-sync/tandem/proto/adapter/v1"
)

// Description is what an adapter tells of itself.
type Description struct {
	Name, Version   string
	CompareAndWrite bool // Update and Delete compare Expected and write in one step
	RemembersKeys   bool // of updates and deletes too
	ListChanges     bool
	Watch           bool
}

// aboutTTL is how long a description is taken for true. An adapter may be
// replaced by a newer one behind the same address.
const aboutTTL = time.Minute

type description struct {
	mu    sync.Mutex
	known Description
	until time.Time
}

// Describe tells what the adapter can do. The answer is kept for a minute per
// connection. An adapter that does not offer Describe can do nothing optional.
func (b *Backend) Describe(ctx context.Context) (Description, error) {
	about, now := &b.conn.about, b.conn.breaker.now
	about.mu.Lock()
	known, fresh := about.known, now().Before(about.until)
	about.mu.Unlock()
	if fresh {
		return known, nil
	}
	resp, err := unary(ctx, b, "Describe", adapterv1.AdapterServiceClient.Describe, &adapterv1.DescribeRequest{})
	if err != nil && !IsNotOffered(err) {
		return Description{}, err
	}
	known = Description{
		Name: resp.GetName(), Version: resp.GetVersion(),
		CompareAndWrite: resp.GetCompareAndWrite(), RemembersKeys: resp.GetRemembersKeys(),
		ListChanges: resp.GetListChanges(), Watch: resp.GetWatch(),
	}
	about.mu.Lock()
	about.known, about.until = known, now().Add(aboutTTL)
	about.mu.Unlock()
	return known, nil
}
