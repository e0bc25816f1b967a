// Package arch holds the rules of design.md about who may import whom. Its test
// reads the code as `go list` sees it.
package arch

import "strings"

// The layers. A package imports what lies below its own layer; within a layer
// only what is in the same room (a folder and those below it).
const (
	words  = iota // the vocabulary
	base          // what anybody may use
	ports         // the ports and the pure decisions
	loops         // what roles are built on
	roles         // never import one another
	wiring        // picks engines, joins roles
	binary
	tests // may import everything, and nothing imports them
)

// rooms places every package of services by its folder; the longest match counts.
var rooms = map[string]int{
	"internal/record": words,
	"internal/clock":  words,

	"internal/config":    base,
	"internal/endpoint":  base,
	"internal/stats":     base,
	"internal/telemetry": base,

	"internal/store":    ports,
	"internal/wake":     ports,
	"internal/backend":  ports,
	"internal/datasets": ports,
	"internal/delta":    ports,
	"internal/apply":    ports,
	"internal/story":    ports,
	"internal/wire":     ports,

	"internal/consume":   loops,
	"internal/lease":     loops,
	"internal/intercept": loops,

	"gateway":       roles,
	"syncworker":    roles,
	"ackworker":     roles,
	"pendingworker": roles,
	"scheduler":     roles,
	"admin":         roles,
	"adapters":      roles,

	"internal/app": wiring,

	"cmd":                    binary,
	"internal/config/docgen": binary,

	"internal/testkit":           tests,
	"internal/store/storetest":   tests,
	"internal/endpoint/certtest": tests,
	"test":                       tests,
}

// engines are picked by the wiring alone.
var engines = []string{"internal/store/sqlite", "internal/store/mongo", "internal/wake/nats", "adapters"}

// pure rooms decide and never touch the world; impure begins what they must not
// import themselves.
var (
	pure   = []string{"internal/record", "internal/delta", "internal/apply", "internal/story"}
	impure = []string{"os", "net", "io/fs", "syscall", "database", "log", "context", "google.golang.org"}
)

// light is all that packages which other teams import may pull in.
var light = []string{"google.golang.org", "golang.org/x"}

// notLinked must not be in the binary that serves devices.
var notLinked = []string{"k8s.io", "testing", "pgregory.net/rapid", "github.com/google/go-cmp"}

// within tells whether path is folder or lies below it.
func within(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}

func withinAny(path string, folders []string) bool {
	for _, f := range folders {
		if within(path, f) {
			return true
		}
	}
	return false
}

// room finds the room of a package of services; "" when it has none.
func room(path string) string {
	best := ""
	for folder := range rooms {
		if within(path, folder) && len(folder) > len(best) {
			best = folder
		}
	}
	return best
}

// allowed tells why a package of services may not import another, "" if it may.
func allowed(from, to string) string {
	a, b := room(from), room(to)
	switch {
	case a == "":
		return "has no place in rooms"
	case b == "":
		return "imports what has no place in rooms"
	case rooms[a] == tests:
		return ""
	case rooms[b] == tests:
		return "imports what is for tests"
	case withinAny(to, engines) && !within(from, to) && !sameEngine(from, to) && rooms[a] != wiring:
		return "picks an engine, which is for the wiring to do"
	case a == b:
		return ""
	case rooms[b] >= rooms[a]:
		return "imports what does not lie below it"
	}
	return ""
}

// sameEngine is true for two parts of one engine.
func sameEngine(from, to string) bool {
	for _, e := range engines {
		if within(from, e) && within(to, e) {
			return true
		}
	}
	return false
}
