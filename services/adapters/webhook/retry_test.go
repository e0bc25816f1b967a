package webhook

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/tandem-sync/tandem/api/adapter"
)

// script answers one request after another; the last answer stays.
type script struct {
	answers []func(*http.Request) (*http.Response, error)
	at      []time.Time
	keys    map[string]bool
	signed  map[string]bool
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	next := s.answers[min(len(s.at), len(s.answers)-1)]
	s.at = append(s.at, time.Now())
	s.keys[r.Header.Get(keyHeader)] = true
	s.signed[r.Header.Get(signatureHeader)] = true
	return next(r)
}

func say(code int, headers ...string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		h := http.Header{"Content-Type": {"application/json"}}
		for i := 0; i < len(headers); i += 2 {
			h.Set(headers[i], headers[i+1])
		}
		return &http.Response{StatusCode: code, Header: h, Body: io.NopCloser(strings.NewReader(`{"uid":"u"}`))}, nil
	}
}

func broken(*http.Request) (*http.Response, error) {
	return nil, errors.New("connection reset by peer")
}

func silent(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// tried makes a create against a script, in a bubble of its own.
func tried(t *testing.T, within time.Duration, o Options, answers ...func(*http.Request) (*http.Response, error)) (s *script, took time.Duration, err error) {
	t.Helper()
	o.SecretFile = secretFile(t, testSecret)
	o.URL = "http://service.example"
	synctest.Test(t, func(t *testing.T) {
		s = &script{answers: answers, keys: map[string]bool{}, signed: map[string]bool{}}
		o.transport = s
		a, openErr := Open(o)
		if openErr != nil {
			t.Fatal(openErr)
		}
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		begin := time.Now()
		_, err = a.Create(ctx, adapter.CreateRequest{Dataset: "d", Data: []byte(`{}`), Key: "k"})
		took = time.Since(begin)
	})
	return s, took, err
}

func TestRetries(t *testing.T) {
	const long = time.Minute
	type answer = func(*http.Request) (*http.Response, error)
	for name, c := range map[string]struct {
		within         time.Duration
		o              Options
		answers        []answer
		calls          int
		atLeast, under time.Duration
		want           codes.Code
	}{
		"at once":            {long, Options{}, []answer{say(201)}, 1, 0, time.Millisecond, codes.OK},
		"third time":         {long, Options{}, []answer{say(503), broken, say(201)}, 3, 150 * time.Millisecond, time.Second, codes.OK},
		"502, 504, 429":      {long, Options{}, []answer{say(502), say(504), say(429), say(201)}, 4, 350 * time.Millisecond, 2 * time.Second, codes.OK},
		"gives up":           {long, Options{}, []answer{broken}, 4, 0, 2 * time.Second, codes.Unavailable},
		"pauses are bounded": {10 * long, Options{Retries: 20}, []answer{broken}, 21, 30 * time.Second, 21 * 8 * time.Second, codes.Unavailable},
		"no retries":         {long, Options{Retries: -1}, []answer{broken}, 1, 0, time.Millisecond, codes.Unavailable},
		"Retry-After":        {long, Options{}, []answer{say(503, "Retry-After", "2"), say(201)}, 2, 2 * time.Second, 3 * time.Second, codes.OK},
		"later than we wait": {long, Options{}, []answer{say(503, "Retry-After", "6"), say(201)}, 1, 0, time.Millisecond, codes.Unavailable},
		"no time left":       {time.Second, Options{}, []answer{say(503, "Retry-After", "2"), say(201)}, 1, 0, time.Millisecond, codes.Unavailable},
		"time-out":           {long, Options{Timeout: time.Second}, []answer{silent, say(201)}, 2, time.Second, 2 * time.Second, codes.OK},
		"all time out":       {long, Options{Timeout: time.Second}, []answer{silent}, 4, 4 * time.Second, 6 * time.Second, codes.Unavailable},
		"no 2nd try of 500":  {long, Options{}, []answer{say(500), say(201)}, 1, 0, time.Millisecond, codes.Unavailable},
		"no 2nd try of 401":  {long, Options{}, []answer{say(401), say(201)}, 1, 0, time.Millisecond, codes.Unavailable},
		"no 2nd try of 422":  {long, Options{}, []answer{say(422), say(201)}, 1, 0, time.Millisecond, codes.InvalidArgument},
	} {
		s, took, err := tried(t, c.within, c.o, c.answers...)
		if len(s.at) != c.calls || took < c.atLeast || took >= c.under || status.Code(err) != c.want {
			t.Errorf("%s: %d calls in %s: %v", name, len(s.at), took, err)
		}
		if len(s.keys) != 1 || s.keys[""] {
			t.Errorf("%s: the attempts have the keys %v", name, s.keys)
		}
	}
	// The caller's deadline is an end of its own kind, and is "not now" too.
	if _, took, err := tried(t, time.Second, Options{}, silent); !errors.Is(err, context.DeadlineExceeded) || took > 2*time.Second {
		t.Errorf("%s, %v", took, err)
	}
	// Each attempt is signed anew, or a late one would be too old.
	if s, _, _ := tried(t, long, Options{}, say(503, "Retry-After", "3"), say(201)); len(s.signed) != 2 {
		t.Errorf("%d signatures for two attempts", len(s.signed))
	}
}

// slowly is an answer whose parts come one by one; part nil stands for silence.
type slowly struct {
	ctx   context.Context
	parts [][]byte
}

func (s *slowly) Read(b []byte) (int, error) {
	if len(s.parts) == 0 {
		return 0, io.EOF
	}
	part := s.parts[0]
	if part == nil {
		<-s.ctx.Done()
		return 0, s.ctx.Err()
	}
	s.parts = s.parts[1:]
	return copy(b, part), nil
}

func (s *slowly) Close() error { return nil }

// The time-out is for the service: a list may take long, and so may Tandem to take it,
// but silence ends it.
func TestTimeoutOfLists(t *testing.T) {
	line := []byte(`{"uid":"a","data":{}}` + "\n")
	for name, c := range map[string]struct {
		parts [][]byte
		whole bool
	}{
		"a slow taker": {[][]byte{line, line, []byte(`{"end":true}`)}, true},
		"silence":      {[][]byte{line, nil}, false},
	} {
		secret := secretFile(t, testSecret)
		synctest.Test(t, func(t *testing.T) {
			s := &script{keys: map[string]bool{}, signed: map[string]bool{}}
			s.answers = append(s.answers, func(r *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {ndjson}}, Body: &slowly{r.Context(), c.parts}}, nil
			})
			a, err := Open(Options{Target: Target{"http://service.example", secret}, Timeout: time.Second, transport: s})
			if err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			err = a.List(t.Context(), adapter.ListRequest{Dataset: "d"}, func(adapter.Record) error { <-time.After(time.Minute); return nil })
			took := time.Since(begin)
			if c.whole && (err != nil || took != 2*time.Minute) || !c.whole && (status.Code(err) != codes.Unavailable || took != time.Minute+time.Second || len(s.at) != 1) {
				t.Errorf("%s: %s, %d calls, %v", name, took, len(s.at), err)
			}
		})
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "5": 5 * time.Second, "-5": 0, "soon": 0, "99999999999999999999": 0,
		now.Add(time.Minute).Format(http.TimeFormat): time.Minute, now.Add(-time.Minute).Format(http.TimeFormat): 0,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("%q: %s", value, got)
		}
	}
}

func TestKeysOfCallsAreApart(t *testing.T) {
	seen := map[string]string{}
	for _, c := range [][3]string{{"create", "d", "k"}, {"update", "d", "k"}, {"create", "e", "k"}, {"create", "d", "l"}, {"create", "dk", ""}, {"create", "", "dk"}} {
		key := idempotencyKey(c[0], c[1], c[2])
		if other, twice := seen[key]; twice || len(key) != 64 || strconv.Quote(key) != `"`+key+`"` {
			t.Errorf("%v: %s, as %s", c, key, other)
		}
		seen[key] = strings.Join(c[:], ",")
	}
}
