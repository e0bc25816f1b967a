package stats

import (
	"encoding/json"
	"math"
	"strconv"
	"time"
)

// Snapshot is the samples summed up; as JSON it is the body of the answer.
type Snapshot struct {
	CPU         Groups `json:"CPU usage"`
	Memory      Groups `json:"RSS Memory Usage"`
	JobTime     Groups `json:"Job Process Time"`
	QueueSize   Groups `json:"Job Queue Size"`
	APITime     Groups `json:"API Process Time"`
	StorageTime Groups `json:"Mongodb Operation Time"` // of whatever engine
}

// Groups is one metric, by group.
type Groups map[string]Summary

// Summary is one group of a metric. The first four are texts such as "12.34%",
// or numbers where a metric has no unit.
type Summary struct {
	Current         any    `json:"current"`
	Max             any    `json:"max"`
	Min             any    `json:"min"`
	Average         any    `json:"average"`
	NumberOfRecords int    `json:"numberOfRecords"`
	From            string `json:"from"`
	End             string `json:"end"`
}

// MarshalJSON says so when there is no sample yet.
func (g Groups) MarshalJSON() ([]byte, error) {
	if len(g) == 0 {
		return []byte(`{"message":"no stats available"}`), nil
	}
	return json.Marshal(map[string]Summary(g))
}

// Snapshot sums up the samples that are kept.
func (s *Stats) Snapshot() Snapshot {
	if s == nil {
		return Snapshot{}
	}
	milliseconds := func(v float64) any { return toFixed(v) + "ms" }
	return Snapshot{
		CPU:         s.groups(CPU, func(v float64) any { return toFixed(v*100) + "%" }),
		Memory:      s.groups(Memory, func(v float64) any { return toFixed(v/(1<<20)) + "MB" }),
		JobTime:     s.groups(JobTime, milliseconds),
		QueueSize:   s.groups(QueueSize, func(v float64) any { return v }),
		APITime:     s.groups(APITime, milliseconds),
		StorageTime: s.groups(StorageTime, milliseconds),
	}
}

func (s *Stats) groups(m Metric, format func(float64) any) Groups {
	g := &s.metrics[m]
	g.Lock()
	defer g.Unlock()
	out := Groups{}
	for name, r := range g.rings {
		sum := r.sum()
		out[name] = Summary{
			Current:         format(sum.current),
			Max:             format(sum.max),
			Min:             format(sum.min),
			Average:         format(sum.average),
			NumberOfRecords: sum.count,
			From:            isoTime(sum.from),
			End:             isoTime(sum.end),
		}
	}
	return out
}

// toFixed prints two decimals as JavaScript's toFixed(2) does, which rounds a tie
// up. With two decimals a float is a tie only at an odd number of eighths.
func toFixed(v float64) string {
	if math.Mod(v*8, 2) == 1 {
		v += 0.001
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

// isoTime prints as JavaScript's toISOString does.
func isoTime(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}
