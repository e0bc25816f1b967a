package e2e_test

import (
	"fmt"
	"testing"

	"github.com/tandem-sync/tandem/services/test/cluster"
)

// TestRealClientOnCluster runs the same files against a cluster of separate
// processes, two of each role, on MongoDB and NATS. Each request goes to another
// gateway than the one before.
func TestRealClientOnCluster(t *testing.T) {
	c := cluster.Start(t, cluster.Options{Config: fmt.Sprintf(settings, serveFailing(t))})
	runClient(t, c.URL, quote(c.Binary)+" admin --addr "+quote(c.Admin))
	c.Stop()
}
