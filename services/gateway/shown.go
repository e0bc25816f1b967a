package gateway

import (
	"sync"

	"github.com/tandem-sync/tandem/services/internal/record"
)

// maxShown bounds the devices of which is remembered what they were shown.
const maxShown = 50_000

// shown remembers which results the last answer to a device's sync held, until an
// answer holds none. A device asks for records right after such an answer, so
// that these results it has seen. It is a hint: where it is missing (another
// gateway gave the answer, or there were too many devices) a result counts as
// unseen, which costs the device one more question.
type shown struct {
	mu      sync.Mutex
	devices map[device][]result
}

type device struct{ dataset, cuid string }

type result struct {
	hash      string
	timestamp int64
}

func (s *shown) note(dataset, cuid string, updates []record.Update) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := device{dataset, cuid}
	if len(updates) == 0 {
		delete(s.devices, d)
		return
	}
	if s.devices == nil || len(s.devices) >= maxShown {
		s.devices = map[device][]result{}
	}
	list := make([]result, len(updates))
	for i, u := range updates {
		list[i] = result{u.Hash, u.Timestamp}
	}
	s.devices[d] = list
}

// unseen returns the updates that were not in the last answer.
func (s *shown) unseen(dataset, cuid string, updates []record.Update) []record.Update {
	s.mu.Lock()
	list := s.devices[device{dataset, cuid}]
	s.mu.Unlock()
	seen := make(map[result]struct{}, len(list))
	for _, r := range list {
		seen[r] = struct{}{}
	}
	var left []record.Update
	for _, u := range updates {
		if _, ok := seen[result{u.Hash, u.Timestamp}]; !ok {
			left = append(left, u)
		}
	}
	return left
}
