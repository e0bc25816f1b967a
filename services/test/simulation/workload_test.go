package simulation

import "math/rand/v2"

// workload is what a seed decides once for its run. Each run leaves out some
// faults and exaggerates others: an average of everything finds less.
type workload struct {
	processes, phones, records int
	steps                      int
	views                      []string
	moody                      float64 // how often the adapter dislikes a record
	retryLimit                 int
	crashedWait                int
	ackLimit                   int
	weights                    [actions]float64
	syncOnChange               bool
	meddling                   float64 // how often others come in between at the worst moment
	stalls                     int     // before which commands of the store operations stall, see sim.stalls
}

// action is what the driver may do next.
type action int

const (
	actEdit action = iota
	actSync
	actDeliver
	actResume
	actAnswer
	actChange
	actJob
	actAck
	actSchedule
	actFlush
	actRefresh
	actAdvance
	// From here on: faults.
	actJump
	actLeap
	actLoseRequest
	actLoseAnswer
	actCopy
	actStray
	actHiccup
	actPause
	actKill
	actRestart
	actOffline
	actAway
	actStop
	actForeign
	actClean
	actions
)

var usual = [actions]float64{
	actEdit: 10, actSync: 12, actDeliver: 25, actResume: 45, actAnswer: 25,
	actChange: 14, actJob: 7, actAck: 6, actSchedule: 6, actFlush: 2, actRefresh: 5, actAdvance: 8,

	actJump: 2, actLeap: 0.2, actLoseRequest: 2, actLoseAnswer: 3, actCopy: 3, actStray: 2,
	actHiccup: 3, actPause: 3, actKill: 1.2, actRestart: 1, actOffline: 2, actAway: 0.7, actStop: 0.3, actForeign: 3, actClean: 1,
}

func newWorkload(r *rand.Rand) workload {
	w := workload{
		processes: 2 + r.IntN(2), phones: 3 + r.IntN(3), records: 3 + r.IntN(5), steps: 500 + r.IntN(1000),
		retryLimit: 1 + r.IntN(2), crashedWait: r.IntN(3), ackLimit: -1, weights: usual, meddling: 0.1,
	}
	if r.IntN(4) == 0 {
		w.ackLimit = 1 + r.IntN(3)
	}
	if r.IntN(2) == 0 {
		w.moody = 0.1
	}
	for range w.phones {
		w.views = append(w.views, views[r.IntN(len(views))])
	}
	w.views[1] = w.views[0] // two share one at least
	// Roles that are slow against the rest, and users who are fast.
	for a := actEdit; a < actAdvance; a++ {
		if r.IntN(2) == 0 {
			w.weights[a] *= []float64{0.1, 0.3, 2}[r.IntN(3)]
		}
	}
	for a := actJump; a < actions; a++ {
		switch r.IntN(10) {
		case 0, 1, 2:
			w.weights[a] = 0
		case 3:
			w.weights[a] *= 4
		}
	}
	return w
}

// pick is one of its arguments.
func (s *sim) pick(of ...string) string { return of[s.rand.IntN(len(of))] }

// next picks an action by its weight.
func (s *sim) next() action {
	total := 0.0
	for _, w := range s.config.weights {
		total += w
	}
	at := s.rand.Float64() * total
	for a, w := range s.config.weights {
		if at -= w; at < 0 {
			return action(a)
		}
	}
	return actAdvance
}
