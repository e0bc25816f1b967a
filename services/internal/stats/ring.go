package stats

// sample is a value and when it was taken, in Unix milliseconds.
type sample struct {
	value float64
	at    int64
}

// ring holds the last samples; it grows up to keep and then overwrites the oldest.
type ring struct {
	keep    int
	next    int // where the next sample goes once the ring is full
	samples []sample
}

func (r *ring) add(s sample) {
	if len(r.samples) < r.keep {
		r.samples = append(r.samples, s)
		return
	}
	r.samples[r.next] = s
	r.next = (r.next + 1) % r.keep
}

// summary is what a ring comes to.
type summary struct {
	current, max, min, average float64
	count                      int
	from, end                  int64
}

// sum adds the ring up. It holds a sample at least.
func (r *ring) sum() summary {
	last := r.samples[(r.next+len(r.samples)-1)%len(r.samples)]
	s := summary{current: last.value, min: last.value, count: len(r.samples), from: last.at, end: last.at}
	total := 0.0
	for _, x := range r.samples {
		total += x.value
		s.max, s.min = max(s.max, x.value), min(s.min, x.value)
		s.from, s.end = min(s.from, x.at), max(s.end, x.at)
	}
	s.average = total / float64(s.count)
	return s
}
