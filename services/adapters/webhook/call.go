package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/tandem-sync/tandem/api/adapter"
)

// request is the body of a call. Fields that an operation does not have are left out.
type request struct {
	Operation      string          `json:"operation"`
	Dataset        string          `json:"dataset,omitempty"`
	MetaData       json.RawMessage `json:"metaData,omitempty"`
	QueryParams    json.RawMessage `json:"queryParams,omitempty"`
	UID            string          `json:"uid,omitempty"`
	Data           json.RawMessage `json:"data,omitempty"`
	Expected       json.RawMessage `json:"expected,omitempty"`
	Hash           *string         `json:"hash,omitempty"`
	Timestamp      *int64          `json:"timestamp,omitempty"`
	Pre            json.RawMessage `json:"pre,omitempty"`
	Post           json.RawMessage `json:"post,omitempty"`
	IdempotencyKey string          `json:"idempotencyKey,omitempty"`
}

// String names the call in errors.
func (r request) String() string {
	if r.Dataset == "" {
		return r.Operation
	}
	return "dataset " + r.Dataset + ": " + r.Operation
}

// encode makes the body. JSON of devices keeps its characters.
func (r request) encode() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(r)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// Pauses between two attempts of a call.
const (
	firstPause = 100 * time.Millisecond // doubles
	longPause  = 5 * time.Second        // and grows no longer; nor is a longer Retry-After waited for here
)

// failure is a call that did not succeed.
type failure struct {
	err   error
	again bool          // another attempt may help
	after time.Duration // when the service wants to be asked again; 0: it did not say
}

// do makes a call: as many attempts as the settings and ctx allow. use reads a
// successful answer; what it returns is judged like the rest.
func (a *Adapter) do(ctx context.Context, req request, use func(answer) *failure) error {
	target, own := a.o.Datasets[req.Dataset]
	if !own {
		target = a.o.Target
	}
	if target.URL == "" {
		return adapter.RetryLater(fmt.Errorf("dataset %s: the webhook adapter has no url for it; set url, or datasets.%s.url", req.Dataset, req.Dataset))
	}
	body, err := req.encode()
	if err != nil {
		return fmt.Errorf("%s: %w", req, err)
	}
	pause := firstPause
	for attempt := 0; ; attempt++ {
		f := a.attempt(ctx, target, req, body, use)
		if f == nil {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		wait := max(pause/2+rand.N(pause), f.after)
		deadline, bounded := ctx.Deadline()
		if !f.again || attempt >= a.o.Retries || f.after > longPause || bounded && time.Until(deadline) <= wait {
			return f.err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		pause = min(2*pause, longPause)
	}
}

// attempt sends the request once. It ends when nothing has come for the time-out.
func (a *Adapter) attempt(ctx context.Context, target Target, req request, body []byte, use func(answer) *failure) *failure {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	idle := time.AfterFunc(a.o.Timeout, cancel)
	defer idle.Stop()

	secrets, err := a.secrets.get(target.SecretFile)
	if err != nil {
		a.said.say(req.Dataset, req.Operation, err.Error())
	}
	if secrets == nil {
		return &failure{err: adapter.RetryLater(err)}
	}
	post, err := http.NewRequestWithContext(ctx, http.MethodPost, target.address(req.Operation, req.Dataset), bytes.NewReader(body))
	if err != nil {
		return &failure{err: adapter.RetryLater(fmt.Errorf("%s: %w", req, err))}
	}
	post.Header.Set("Content-Type", "application/json")
	post.Header.Set("Accept", "application/json, application/x-ndjson")
	post.Header.Set("User-Agent", "tandem-adapter-webhook/1")
	post.Header.Set(signatureHeader, sign(secrets, time.Now(), body))
	if req.IdempotencyKey != "" {
		post.Header.Set(keyHeader, req.IdempotencyKey)
	}
	resp, err := a.http.Do(post)
	if err != nil {
		return a.unreached(req, err)
	}
	defer resp.Body.Close()
	idle.Stop()
	got := answer{resp.StatusCode, resp.Header, patient{resp.Body, idle, a.o.Timeout}}
	switch got.status {
	case http.StatusOK, http.StatusCreated, http.StatusNoContent:
		return use(got)
	}
	return a.refused(req, got)
}

// unreached is a call without an answer, or with only the beginning of one.
func (a *Adapter) unreached(req request, err error) *failure {
	if errors.Is(err, context.Canceled) {
		err = fmt.Errorf("no answer within %s (timeout)", a.o.Timeout)
	}
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err // without the URL, which may hold a token
	}
	return &failure{again: true, err: adapter.RetryLater(fmt.Errorf("%s: webhook service: %w", req, err))}
}

// patient gives each part of an answer the whole time-out. The time that Tandem takes
// to go on reading does not count.
type patient struct {
	r    io.Reader
	idle *time.Timer
	wait time.Duration
}

// Read implements io.Reader.
func (p patient) Read(b []byte) (int, error) {
	p.idle.Reset(p.wait)
	defer p.idle.Stop()
	return p.r.Read(b)
}
