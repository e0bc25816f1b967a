package mongotest

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Env names the variable with the address of a server to use instead of starting one.
const Env = "TANDEM_TEST_MONGODB_URI"

// shared is the one server of this process. It is never stopped: it ends with the process.
var shared = sync.OnceValues(start)

// URI returns the address of the server that the tests of this process share. The test fails if there is
// none.
func URI(tb testing.TB) string {
	tb.Helper()
	if uri := os.Getenv(Env); uri != "" {
		return uri
	}
	s, err := shared()
	if err != nil {
		tb.Fatalf("no MongoDB for tests: %v\nset %s, or install mongod, or java and maven", err, Env)
	}
	return s.URI()
}

// Database returns the address of the shared server and the name of a database on it that nobody else uses.
// The database is dropped when the test ends.
func Database(tb testing.TB) (uri, name string) {
	tb.Helper()
	uri, name = URI(tb), "t"+strings.ToLower(rand.Text()[:10])
	tb.Cleanup(func() { drop(tb, uri, name) })
	return uri, name
}

// drop removes a database, for half a minute at most.
func drop(tb testing.TB, uri, name string) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		tb.Errorf("drop database %s: %v", name, err)
		return
	}
	defer func() { _ = client.Disconnect(ctx) }()
	if err := client.Database(name).Drop(ctx); err != nil {
		tb.Errorf("drop database %s: %v", name, err)
	}
}

// Start returns a server that only this test uses, and may stop. It is always started here, whatever
// TANDEM_TEST_MONGODB_URI says, and stopped when the test ends.
func Start(tb testing.TB) *Server {
	tb.Helper()
	s, err := start()
	if err != nil {
		tb.Fatalf("no MongoDB server for this test: %v\ninstall mongod, or java and maven", err)
	}
	tb.Cleanup(s.Stop)
	return s
}
