package intercept

import (
	"log/slog"
	"sync"

	"github.com/tandem-sync/tandem/services/internal/datasets"
)

// health tells once when an interceptor stops to answer, and once when it does
// again: with interceptorOnFailure "allow" nothing else would tell.
type health struct {
	log *slog.Logger

	mu   sync.Mutex
	down map[string]bool // by address
}

func (h *health) fails(i datasets.Interceptor, err error) {
	if h.turn(i.Endpoint.Address, true) {
		what := "its requests are refused until it does"
		if i.AllowOnFailure {
			what = "requests go on without it"
		}
		h.log.Error("interceptor does not answer; "+what, "interceptor", i.Endpoint.Address, "err", reason(err))
	}
}

func (h *health) answers(address string) {
	if h.turn(address, false) {
		h.log.Info("interceptor answers again", "interceptor", address)
	}
}

// turn notes the state of an address, and tells whether it was another before.
func (h *health) turn(address string, down bool) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.down[address] == down {
		return false
	}
	if down {
		h.down[address] = true
	} else {
		delete(h.down, address)
	}
	return true
}
