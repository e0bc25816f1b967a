package stats

import (
	"bytes"
	"errors"
	"os"
	"runtime/metrics"
	"strconv"
	"time"
)

// clockTick is the unit of /proc/self/stat: USER_HZ is 100 on every Linux that Go
// runs on.
const clockTick = time.Second / 100

// cpuMeter tells how much CPU this process used from one reading to the next.
type cpuMeter struct {
	used time.Duration
	at   time.Time
}

func newCPUMeter() *cpuMeter { return &cpuMeter{used: cpuTime(), at: time.Now()} }

// read returns the fraction of one CPU that was used since the last reading,
// false if no time has passed.
func (m *cpuMeter) read() (float64, bool) {
	used, at := cpuTime(), time.Now()
	passed := at.Sub(m.at)
	if passed <= 0 {
		return 0, false
	}
	fraction := max(0, float64(used-m.used)/float64(passed))
	m.used, m.at = used, at
	return fraction, true
}

// cpuTime is the CPU time of this process, from Linux or else from Go's runtime,
// which brings its figure up to date only now and then.
func cpuTime() time.Duration {
	if text, err := os.ReadFile("/proc/self/stat"); err == nil {
		if used, err := parseStat(text); err == nil {
			return used
		}
	}
	total := readMetric("/cpu/classes/total:cpu-seconds")
	idle := readMetric("/cpu/classes/idle:cpu-seconds")
	return time.Duration((total - idle) * float64(time.Second))
}

// parseStat adds up utime and stime, fields 14 and 15. Field 2 is the program's
// name in parentheses and may itself hold anything.
func parseStat(text []byte) (time.Duration, error) {
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return 0, errors.New("stats: too few fields in /proc/self/stat")
	}
	user, err := strconv.ParseInt(string(fields[11]), 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(string(fields[12]), 10, 64)
	return time.Duration(user+system) * clockTick, err
}

// residentBytes is the memory of this process, from Linux or else from Go's
// runtime, which knows only its own part.
func residentBytes() int64 {
	if text, err := os.ReadFile("/proc/self/statm"); err == nil {
		if fields := bytes.Fields(text); len(fields) > 1 {
			if pages, err := strconv.ParseInt(string(fields[1]), 10, 64); err == nil {
				return pages * int64(os.Getpagesize())
			}
		}
	}
	return int64(readMetric("/memory/classes/total:bytes") - readMetric("/memory/classes/heap/released:bytes"))
}

func readMetric(name string) float64 {
	sample := []metrics.Sample{{Name: name}}
	metrics.Read(sample)
	switch sample[0].Value.Kind() {
	case metrics.KindUint64:
		return float64(sample[0].Value.Uint64())
	case metrics.KindFloat64:
		return sample[0].Value.Float64()
	default:
		return 0
	}
}
