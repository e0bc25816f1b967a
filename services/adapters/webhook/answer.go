package webhook

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tandem-sync/tandem/api/adapter"
)

// maxReason bounds how much of a refusal is read, and maxShown how much is told.
const (
	maxReason = 64 << 10
	maxShown  = 1000
)

// notFound is what the service writes as `error` with 404 where the record is gone.
const notFound = "not_found"

// answer is what the service said.
type answer struct {
	status int
	header http.Header
	body   io.Reader
}

// reason is the body of an answer that is no success.
type reason struct {
	Error   string `json:"error"`
	Message string `json:"message"` // for the device's user
}

func readReason(resp answer) reason {
	text, _ := io.ReadAll(io.LimitReader(resp.body, maxReason)) // a reason cut short is still one
	var r reason
	if json.Unmarshal(text, &r) == nil {
		return reason{r.Error, clip(r.Message)}
	}
	kind, _, _ := mime.ParseMediaType(resp.header.Get("Content-Type"))
	if kind == "text/plain" && utf8.Valid(text) {
		return reason{Message: clip(strings.TrimSpace(string(text)))}
	}
	return reason{} // a page of some proxy is nothing to show to a user
}

func clip(s string) string {
	if len(s) <= maxShown {
		return s
	}
	return strings.ToValidUTF8(s[:maxShown], "") + "..."
}

// refused judges an answer that is no success.
func (a *Adapter) refused(req request, resp answer) *failure {
	why := readReason(resp)
	status := resp.status
	err := fmt.Errorf("%s: webhook service answered %d %s", req, status, http.StatusText(status))
	if why.Message != "" {
		err = fmt.Errorf("%w: %s", err, why.Message)
	}
	switch status {
	case http.StatusNotFound:
		if why.Error == notFound {
			return &failure{err: adapter.ErrNotFound}
		}
		return a.misconfigured(req, fmt.Errorf(`%w; a record that is gone is answered with the body {"error":"not_found"}, so the url is wrong or the service is not there`, err))
	case http.StatusConflict:
		return &failure{err: adapter.ErrConflict}
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
		if why.Message == "" {
			why.Message = fmt.Sprintf("refused by the service behind dataset %s, without a reason (%d)", req.Dataset, status)
		}
		return &failure{err: adapter.Refuse(why.Message)}
	case http.StatusNotImplemented:
		return &failure{err: adapter.ErrNotOffered}
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return &failure{err: adapter.RetryLater(err), again: true, after: retryAfter(resp.header.Get("Retry-After"), time.Now())}
	case http.StatusAccepted, http.StatusRequestTimeout, http.StatusTooEarly:
		return &failure{err: adapter.RetryLater(err)} // 202: begun, not done
	}
	switch {
	case status >= 500:
		a.said.say(req.Dataset, req.Operation, err.Error())
		return &failure{err: adapter.RetryLater(err)}
	case status >= 300 && status < 400:
		err = fmt.Errorf("%w: redirects are not followed; set url to where it leads: %.200s", err, resp.header.Get("Location"))
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		err = fmt.Errorf("%w: the service does not accept the signature or this caller; compare the secrets and the clocks of both sides", err)
	}
	return a.misconfigured(req, err)
}

// misconfigured is for what an operator has to mend: nothing is lost meanwhile.
func (a *Adapter) misconfigured(req request, err error) *failure {
	a.said.say(req.Dataset, req.Operation, err.Error())
	return &failure{err: adapter.RetryLater(err)}
}

// retryAfter reads a header that gives seconds or a date; 0 where it says nothing.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}

// errTooLarge is an answer beyond Options.MaxResponse.
var errTooLarge = errors.New("the answer is larger than maxResponseBytes")

// decode returns what reads a JSON answer into out, and has check look at it.
func (a *Adapter) decode(req request, out any, check func() error) func(answer) *failure {
	return func(resp answer) *failure {
		text, err := io.ReadAll(io.LimitReader(resp.body, a.o.MaxResponse+1))
		if err != nil {
			return a.unreached(req, err)
		}
		if int64(len(text)) > a.o.MaxResponse {
			err = errTooLarge
		} else if err = json.Unmarshal(text, out); err == nil {
			err = check()
		}
		if err != nil {
			return a.unusable(req, resp, err)
		}
		return nil
	}
}

// unusable is an answer of success that does not say what it should. What was asked
// for may have been done: the repetition will tell.
func (a *Adapter) unusable(req request, resp answer, err error) *failure {
	return a.misconfigured(req, fmt.Errorf("%s: webhook service answered %d, but: %w", req, resp.status, err))
}

// done takes a success for what it is, but for the page of a proxy that answers in the
// place of the service, such as one to log in: nothing was done then.
func (a *Adapter) done(req request) func(answer) *failure {
	return func(resp answer) *failure {
		switch kind, _, _ := mime.ParseMediaType(resp.header.Get("Content-Type")); kind {
		case "", "application/json", "text/plain":
			return nil
		default:
			return a.unusable(req, resp, fmt.Errorf("with %.100s, which is not from the service; 204 says that it is done", kind))
		}
	}
}
