//go:build tandem_next

package mongo

import "context"

// next stands for the version after this one in the test of a rolling update
// (services/test/faults), which builds it with this tag: a migration that processes of
// this version can work beside.
var next = []migration{
	{2, "an index more, as the next version may want one", 1, func(s *Store, ctx context.Context) error {
		return s.index(ctx, collClients, only("lastAccessed"), nil)
	}},
}
